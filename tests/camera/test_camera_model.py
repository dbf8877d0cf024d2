"""The configuration refuses what cannot work, with a reason; the package stays light."""

import pytest
from camera_rig import config_for, run_python
from pydantic import ValidationError

from camera.model import CameraConfig, CameraFault, GroupConfig


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://192.168.1.10/stream",
        "rtsp://cam.local:8554/cam/realmonitor?channel=1&subtype=0",
        "rtsp://[fe80::1]:554/a@b",
        "rtsps://cam.local/stream",
        "clip:///srv/gate.mp4",
        "clip:///srv/hai%20gi%C3%A2y.mp4",
    ],
)
def test_good_addresses(url):
    assert config_for(url).url == url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("rtsp://user:pass@h/p", "own fields"),
        ("rtsp://user@h/p", "own fields"),
        ("http://h/p", "must start with"),
        ("rtsp:///p", "no host"),
        ("rtsp://h:99999/p", "Port out of range"),
        ("rtsp://h:0/p", "port 0"),
        ("rtsp://h/a b", "space"),
        ("rtsp://h/a\r\nX: y", "control"),
        ("clip://relative.mp4", "clip:///"),
        ("/srv/gate.mp4", "must start with"),
    ],
)
def test_bad_addresses(url, reason):
    with pytest.raises(ValidationError, match=reason) as caught:
        config_for(url)
    assert "pass" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"password": "p"}, "needs a username"),
        ({"username": "a:b", "password": "p"}, "colon"),
        ({"username": "a", "password": "đ" * 30}, "too long"),
        ({"id": "Cổng"}, "pattern"),
        ({"timeout_s": 0}, "greater"),
        ({"colour": "red"}, "Extra"),
    ],
)
def test_bad_fields(changes, reason):
    with pytest.raises(ValidationError, match=reason):
        config_for("rtsp://h/p", **changes)


@pytest.mark.parametrize(
    ("cameras", "reason"),
    [
        ([{"record": True}], "directory"),
        ([{"motion": {}}], "directory"),
        ([{}, {}], "same id"),
        ([], "at least 1"),
    ],
)
def test_bad_groups(cameras, reason):
    with pytest.raises(ValidationError, match=reason):
        GroupConfig(cameras=tuple(config_for("rtsp://h/p", **changes) for changes in cameras))


def test_every_field_is_described():
    for name, field in CameraConfig.model_fields.items():
        assert field.description or name == "id", name
    assert CameraConfig.model_json_schema()["properties"]["password"]["anyOf"][0]["format"] == "password"


def test_fault_reads_well():
    fault = CameraFault("camera.lost", "the camera broke off the stream")
    assert str(fault) == "camera.lost: the camera broke off the stream"
    assert fault.retry


def test_importing_the_package_is_light():
    code = (
        "import sys, camera, camera.client;"
        "print(sorted({'av', 'cv2', 'numpy', 'edge_agent', 'drivers', 'tts', 'hub'} & set(sys.modules)))"
    )
    assert run_python("-c", code).stdout.strip() == "[]"
