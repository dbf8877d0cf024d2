"""`edge-agent cameras` as it is called: against an ONVIF camera and an RTSP camera of our own, both on loopback."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.rtsp.rig import TestCamera
from edge_agent.cli.half_blocks import drawn
from edge_agent.config.cameras import CameraEntry
from tests.camera.onvif_device import OnvifCamera, http

PASSWORD = "gate & <horn>"
WHO = ("--user", "admin", "--password-env", "CAMERA_PASSWORD")


async def called(*arguments: str, given: str = "", **env: str) -> tuple[int, str, str]:
    """Exit code, output, errors."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge_agent", "--lang", "vi", "cameras", *arguments),
        env={**os.environ, "CAMERA_PASSWORD": PASSWORD, **env},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(90):
        out, err = await process.communicate(given.encode())
    assert process.returncode is not None
    assert PASSWORD.encode() not in out + err
    return process.returncode, out.decode(), err.decode()


async def told(*arguments: str) -> Any:
    code, out, err = await called(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


@pytest.fixture(scope="module")
def rtsp() -> Iterator[TestCamera]:
    with TestCamera("main", "sub", "hevc", "tiny") as camera:
        yield camera


@pytest.fixture
async def onvif(rtsp: TestCamera) -> AsyncIterator[OnvifCamera]:
    port = rtsp.url("main").split(":")[2].split("/")[0]
    async with OnvifCamera(rtsp=f"rtsp://{{host}}:{port}/{{path}}", clock_error=timedelta(minutes=-10)) as camera:
        yield camera


async def test_cameras_are_found_and_asked(onvif: OnvifCamera) -> None:
    at = ("find", "--wait", "0.4", "--at", f"127.0.0.1:{onvif.probe[1]}")
    (found,) = await told(*at)
    assert (found["address"], found["name"], "device" in found) == (onvif.address, "Cổng", False)
    (found,) = await told(*at, *WHO)
    assert [p["codec"] for p in found["device"]["profiles"]] == ["h264", "h264"]
    assert abs(found["device"]["clock_error_s"] + 600) < 2
    code, out, _ = await called(*at, *WHO)
    assert code == 0 and "Tìm thấy 1 camera" in out and "lệch -" in out and "cameras clock --set" in out


async def test_camera_that_refuses_is_listed_with_its_reason(onvif: OnvifCamera) -> None:
    at = ("find", "--wait", "0.4", "--at", f"127.0.0.1:{onvif.probe[1]}", *WHO)
    code, out, _ = await called(*at, CAMERA_PASSWORD="wrong")
    assert code == 0 and "Sai tên hoặc mật khẩu camera" in out


async def test_nobody_answers() -> None:
    code, out, _ = await called("find", "--wait", "0.2", "--at", "127.0.0.1:9")
    assert code == 0 and "Không camera nào trả lời" in out


async def test_both_streams_are_opened(onvif: OnvifCamera) -> None:
    found = await told("test", f"127.0.0.1:{onvif.port}", *WHO)
    main, sub = found["streams"]
    assert (main["codec"], main["width"], main["height"], main["browsers"]) == ("h264", 1920, 1080, "all")
    assert (sub["width"], sub["height"]) == (640, 360)
    assert 13 <= main["fps"] <= 17 and 1.5 <= main["gop_s"] <= 2.5 and main["kbit_s"] > 500
    assert found["device"]["maker"] == "Made here"


async def test_stream_of_h265_and_one_that_is_not_there(rtsp: TestCamera) -> None:
    code, out, _ = await called("test", rtsp.url("hevc"), "--sub", rtsp.url("nosuch"))
    assert code == 1
    assert "hevc 1920x1080" in out and "H.265: nhiều trình duyệt không xem được" in out
    assert "Camera không có luồng hình này" in out


async def test_stream_that_cannot_be_decoded_is_not_called_good(rtsp: TestCamera) -> None:
    code, out, _ = await called("test", rtsp.url("tiny-garbage"), "--json")
    (main,) = json.loads(out)["streams"]
    assert (code, main["ok"], main["code"]) == (1, False, "camera.garbage")
    assert "browsers" not in main


async def test_camera_of_the_configuration_is_opened_as_the_node_would(rtsp: TestCamera, tmp_path: Path) -> None:
    example = (Path(__file__).parents[2] / "configs/node.example.yaml").read_text(encoding="utf-8")
    before, _, rest = example.partition("\ncameras:\n")
    after = rest.partition("\nvideo:")[2]
    entry = f"  - {{id: cong, name: Cổng, url: '{rtsp.url('sub')}', record: false}}\n"
    config = tmp_path / "node.yaml"
    config.write_text(f"{before}\ncameras:\n{entry}\nvideo:{after}", encoding="utf-8")
    found = await told("test", "cong", "--config", str(config))
    assert found["streams"][0]["width"] == 640
    code, _, err = await called("test", "khac", "--config", str(config))
    assert code == 2 and "Cấu hình không có camera khac. Có: cong." in err


async def test_block_can_be_pasted(onvif: OnvifCamera) -> None:
    code, out, _ = await called("config", f"127.0.0.1:{onvif.port}", "--id", "cong", "--name", 'Cổng: "thôn" #1', *WHO)
    assert code == 0
    (entry,) = yaml.safe_load(out)["cameras"]
    checked = CameraEntry.model_validate(entry)
    assert (checked.id, checked.name, checked.username) == ("cong", 'Cổng: "thôn" #1', "admin")
    assert checked.sub_url is not None and checked.sub_url.endswith("/sub") and checked.url.endswith("/main")
    assert entry["password"] == {"env": "CAMERA_PASSWORD"}


async def test_block_names_the_file_that_the_secret_goes_into(onvif: OnvifCamera, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD + "\n")
    arguments = ("config", f"127.0.0.1:{onvif.port}", "--user", "admin")
    code, out, _ = await called(*arguments, "--password-file", str(secret))
    assert code == 0 and f"# Ghi mật khẩu vào {secret}" in out
    code, out, err = await called(*arguments, given=f"{PASSWORD}\n")
    assert code == 0 and "file: /etc/edge-agent/secrets/camera-camera-1" in out, err
    code, _, err = await called("config", f"127.0.0.1:{onvif.port}", "--id", "Cổng chính", *WHO)
    assert code == 2 and err.startswith("id:")


async def test_clock_is_told_and_set(onvif: OnvifCamera) -> None:
    address = f"127.0.0.1:{onvif.port}"
    assert abs((await told("clock", address, *WHO))["clock_error_s"] + 600) < 2
    assert abs((await told("clock", address, "--set", *WHO))["clock_error_s"]) < 2
    assert abs(onvif.clock_error) < timedelta(seconds=2)


async def test_picture_is_drawn_and_kept(rtsp: TestCamera, tmp_path: Path) -> None:
    kept = tmp_path / "picture.jpg"
    arguments = ("preview", rtsp.url("main"), "--sub", rtsp.url("sub"), "--width", "64", "--out", str(kept))
    for colours, mark in (("truecolor", "38;2;"), ("", "38;5;")):
        code, out, err = await called(*arguments, COLORTERM=colours)
        assert code == 0, err
        lines = out.splitlines()
        assert mark in out and {line.count("▀") for line in lines[:-1]} == {64} and len(lines) == 18 + 1
        assert "Hình 640x360" in lines[-1]
    assert kept.read_bytes()[:3] == b"\xff\xd8\xff"


@pytest.mark.parametrize(
    "arguments",
    [
        ("find", "--at", "127.0.0.1:99999"),
        ("find", "--at", ":1"),
        ("find", "--password-env", "X"),
        ("test", "http://user:secret@127.0.0.1/"),
        ("test", "rtsp://user:secret@127.0.0.1/x"),
        ("test", "rtsp:///x"),
        ("preview", "127.0.0.1:1"),
        ("config", "127.0.0.1:1", "--user", "a", "--password-env", "NOT_SET"),
        ("config", "rtsp://127.0.0.1/x?password=secret"),
        ("clock", "nowhere:x"),
    ],
)
async def test_what_cannot_be_done_is_a_sentence(arguments: tuple[str, ...]) -> None:
    code, out, err = await called(*arguments)
    assert code in (1, 2) and "Traceback" not in err and out + err
    assert "secret" not in out + err


async def test_camera_that_lies_is_a_sentence(onvif: OnvifCamera) -> None:
    onvif.lie = lambda asked: http("<!DOCTYPE x><x/>") if asked == "GetProfiles" else None
    code, _, err = await called("test", f"127.0.0.1:{onvif.port}", *WHO)
    assert code == 1 and "dữ liệu không hiểu được" in err


def test_no_picture_is_not_drawn() -> None:
    for body in (b"", b"\xff\xd8\xff", b"GIF89a" + bytes(100)):
        with pytest.raises(ValueError, match="no picture"):
            drawn(body, 40, many_colours=True)


def test_colours_are_those_of_the_picture() -> None:
    import cv2
    import numpy

    image = numpy.zeros((40, 40, 3), numpy.uint8)
    image[:20] = (0, 0, 255)  # red above
    ok, jpeg = cv2.imencode(".jpg", image)
    assert ok
    lines = drawn(jpeg.tobytes(), 20, many_colours=True).splitlines()
    assert len(lines) == 10

    def upper(line: str) -> list[int]:
        return [int(part) for part in re.findall(r"38;2;(\d+);(\d+);(\d+)", line)[0]]

    assert upper(lines[0])[0] > 200 and max(upper(lines[0])[1:]) < 40
    assert max(upper(lines[-1])) < 40


@pytest.mark.parametrize(
    ("arguments", "code", "words_in"),
    [
        (("test", "rtsp://admin:hunter2@127.0.0.1/1"), 2, "dùng --user"),
        (("test", "rtsp://127.0.0.1:99999/1"), 2, "từ 1 đến 65535"),
        (("preview", "rtsp:///1"), 2, "thiếu địa chỉ"),
        (("clock", "rtsp://127.0.0.1/1"), 1, "không phải của thiết bị ONVIF"),
        (("config", "127.0.0.1:1"), 1, "Không tới được camera"),
        (("test", "rtsps://127.0.0.1:1/1", "--seconds", "3"), 1, "Camera từ chối kết nối"),
    ],
)
async def test_address_that_cannot_be_meant_is_told_in_whole_sentences(
    arguments: tuple[str, ...], code: int, words_in: str
) -> None:
    done, out, err = await called(*arguments)
    assert (done, words_in in out + err) == (code, True), out + err
    assert "hunter2" not in out + err and "Value error" not in out + err
