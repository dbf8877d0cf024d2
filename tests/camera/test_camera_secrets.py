"""The password reaches the camera and nothing else."""

import logging
from pathlib import Path

import pytest
from camera_rig import Watch, config_for, rtsp_camera, run_python
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from camera import Camera, GroupConfig
from camera.mask import Mask
from camera.words import unwrap_config, wrap_config

PASSWORD = "Mật khẩu:7@x"
ENCODED = "M%E1%BA%ADt%20kh%E1%BA%A9u%3A7%40x"


async def test_password_appears_nowhere(clip, caplog):
    caplog.set_level(logging.DEBUG)
    watch, told = Watch(), []
    with rtsp_camera(clip, user="cam", password=PASSWORD, digest=True) as host:
        config = config_for(host.url, username="cam", password=PASSWORD)
        async with Camera(config, watch) as camera:
            await watch.until(lambda status: status.state == "streaming")
            for name in ("cmdline", "environ"):
                told.append(Path(f"/proc/{camera.pid}/{name}").read_bytes().decode(errors="replace"))
            mark = len(watch.seen)
            host.kill()
            await watch.until(lambda status: status.state == "retrying", mark)
    told += [caplog.text, repr(watch.seen), repr(config), str(config), config.model_dump_json(), config.url]
    assert "camera.lost" in caplog.text, "the child's log is in the log that is looked through"
    for text in told:
        assert PASSWORD not in text and ENCODED not in text and "khẩu" not in text


async def test_wrong_password_appears_nowhere(clip, caplog):
    caplog.set_level(logging.DEBUG)
    watch = Watch()
    with rtsp_camera(clip, user="cam", password="right") as host:
        async with Camera(config_for(host.url, username="cam", password=PASSWORD), watch):
            status = await watch.until(lambda status: status.code)
    assert status.code == "camera.unauthorised"
    assert "camera.unauthorised" in caplog.text
    for text in (caplog.text, repr(watch.seen)):
        assert PASSWORD not in text and ENCODED not in text


def test_configuration_reaches_the_child_whole():
    config = GroupConfig(cameras=(config_for("rtsp://h/p", username="cam", password=PASSWORD),))
    assert unwrap_config(wrap_config(config)) == config
    assert unwrap_config(wrap_config(config)).cameras[0].credentials == f"cam:{ENCODED}"


def test_child_with_a_bad_configuration_does_not_repeat_it():
    script = (
        "import sys; from camera.wire import Message;"
        "sys.stdout.buffer.write(Message({'config': {'id': '!', 'url': 'rtsp://u:p4ssw0rd@h/', 'password': 1}}).pack())"
    )
    message = run_python("-c", script).stdout
    run = run_python("-m", "camera.child", stdin=message)
    assert run.returncode != 0
    assert "p4ssw0rd" not in run.stdout + run.stderr


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"a {PASSWORD} b", "a *** b"),
        (f"a {ENCODED} b", "a *** b"),
        ("rtsp://x:y@h/p and RTSP://z@h", "rtsp://***@h/p and RTSP://***@h"),
        ("rtsp://h/p@q", "rtsp://h/p@q"),
        ("nothing", "nothing"),
    ],
)
def test_mask(text, masked):
    assert Mask([PASSWORD])(text) == masked


@given(secret=st.text(min_size=4).filter(lambda text: "*" not in text), before=st.text(), after=st.text())
def test_mask_hides_any_password(secret, before, after):
    assert Mask([secret])(f"{before}{secret}{after}").count(secret) == 0


def test_mask_of_a_camera():
    config = config_for("rtsp://h/p", username="cam", password=SecretStr("s3cret"))
    assert Mask.of([config])("s3cret") == "***"
    assert Mask.of([config_for("rtsp://h/p")])("as it was") == "as it was"
