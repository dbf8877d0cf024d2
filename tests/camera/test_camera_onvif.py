"""ONVIF against a camera of our own: found, asked, its clock set; and cameras that lie."""

import asyncio
import contextlib
import gzip
import logging
import subprocess
import sys
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onvif_device import BOMB, OnvifCamera, Stream, envelope, fault, http, match

from camera.model import CameraFault
from camera.onvif.device import Device, service_address, stream_url
from camera.onvif.discovery import answers, discover
from camera.onvif.model import DeviceInfo, Profile
from camera.onvif.xml import LONGEST, HostileXml, parse

PASSWORD = "gate & <horn>"


async def test_camera_is_found_by_asking_it_alone() -> None:
    async with OnvifCamera() as camera:
        found = await discover(0.6, [camera.probe])
    assert [(f.address, f.host, f.name, f.hardware) for f in found] == [(camera.address, "127.0.0.1", "Cổng", "G2")]
    assert camera.asked == ["Probe", "Probe"]


async def test_nobody_there_is_an_empty_list() -> None:
    assert await discover(0.2, [("127.0.0.1", 9)]) == []


async def test_camera_tells_its_streams_under_the_host_by_which_it_is_reached() -> None:
    async with OnvifCamera(clock_error=timedelta(hours=-2)) as camera, Device(camera.address, "admin", PASSWORD) as d:
        info = await d.look()
    assert (info.maker, info.model, info.firmware) == ("Made here", "Gate 2", "1.0")
    assert info.clock_error is not None and abs(info.clock_error + timedelta(hours=2)) < timedelta(seconds=2)
    main, sub = info.main, info.sub
    assert main == Profile("p0", "main", "rtsp://127.0.0.1:8554/main", "h264", 1920, 1080, 15, 2048, 2)
    assert sub is not None and (sub.url, sub.kbit_s) == ("rtsp://127.0.0.1:8554/sub", 384)


async def test_camera_that_wants_http_digest_is_answered() -> None:
    async with OnvifCamera(http_digest=True) as camera, Device(f"127.0.0.1:{camera.port}", "admin", PASSWORD) as device:
        assert len((await device.look()).profiles) == 2


@pytest.mark.parametrize(("user", "password"), [(None, None), ("admin", "wrong"), ("root", PASSWORD)])
@pytest.mark.parametrize("http_digest", [False, True])
async def test_wrong_password_is_said_and_not_tried_again(
    user: str | None, password: str | None, http_digest: bool
) -> None:
    async with OnvifCamera(http_digest=http_digest) as camera, Device(camera.address, user, password) as device:
        with pytest.raises(CameraFault) as caught:
            await device.look()
    assert (caught.value.code, caught.value.retry) == ("camera.unauthorised", False)
    assert camera.asked.count("GetDeviceInformation") <= 2  # Digest: once without, once with the answer
    assert PASSWORD not in str(caught.value)


async def test_clock_is_set_and_the_time_zone_stays() -> None:
    async with OnvifCamera(clock_error=timedelta(days=-400)) as camera, Device(camera.address, "admin", PASSWORD) as d:
        before = await d.clock_error()
        after = await d.set_clock()
    assert before is not None and before < timedelta(days=-399)
    assert after is not None and abs(after) < timedelta(seconds=1.5)
    assert camera.zone_set == "ICT-7"


async def test_nothing_listens_there() -> None:
    async with OnvifCamera() as camera:
        port = camera.port
    async with Device(f"127.0.0.1:{port}", "admin", "x") as device:
        with pytest.raises(CameraFault) as caught:
            await device.look()
    assert caught.value.code == "camera.unreachable"


DEEP = "<a>" * 100_000
LIES = {
    "bomb": http(BOMB),
    "bomb in capitals": http(BOMB.replace("<!DOCTYPE", "<!doctype")),
    "utf-16": http(BOMB.encode("utf-16")),
    "html": http("<!DOCTYPE html><html><body>Login</body></html>"),
    "empty": http(""),
    "words": http("no"),
    "other": http(envelope("<x/>")),
    "nothing in it": http(envelope("")),
    "deep": http(DEEP),
    "too long": http(b"<a>" + b" " * LONGEST + b"</a>"),
    "error": http("", 500),
    "moved": http("", 302, "Location: http://127.0.0.1:1/other"),
    "not http": b"SSH-2.0-x\r\n\r\n",
    "fault": http(fault("InvalidArgVal", "no"), 400),
    "zipped": http(gzip.compress(b"<a>" + b" " * 100_000_000), 200, "Content-Encoding: gzip"),
    "half a zip": http(gzip.compress(b"<a/>" * 100)[:30], 200, "Content-Encoding: gzip"),
    "latin": http('<?xml version="1.0" encoding="x-nonsense"?><a/>'),
}


@pytest.mark.parametrize("operation", ["GetSystemDateAndTime", "GetDeviceInformation", "GetCapabilities", "GetProfiles",
                                       "GetStreamUri"])  # fmt: skip
@pytest.mark.parametrize("lie", LIES)
async def test_camera_that_lies_is_a_fault_with_a_code(operation: str, lie: str) -> None:
    camera = OnvifCamera(lie=lambda asked: LIES[lie] if asked == operation else None)
    async with camera, Device(camera.address, "admin", PASSWORD) as device:
        try:
            info = await device.look()
        except CameraFault as caught:
            assert caught.code.startswith("camera.") and len(caught.detail) <= 400
            assert "root:" not in caught.detail and "a" * 100 not in caught.detail
        else:  # an answer without what was asked for: nothing is known, and nothing is made up
            asked_elsewhere = operation == "GetCapabilities"  # media at the device's own address
            assert asked_elsewhere or info.main is None or info.clock_error is None or not info.maker


async def test_entity_bomb_is_refused_unread() -> None:
    camera = OnvifCamera(lie=lambda asked: http(BOMB) if asked == "GetProfiles" else None)
    async with camera, Device(camera.address, "admin", PASSWORD) as device:
        with pytest.raises(CameraFault, match="document type"):
            await device.look()
    with pytest.raises(HostileXml, match="document type"):
        parse(BOMB.encode())
    assert list(_quiet(BOMB.encode())) == []


async def test_camera_that_sends_for_ever_is_left() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"10000\r\n" + b"<" * 65536 + b"\r\n")
                await writer.drain()
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Device(f"127.0.0.1:{port}", "admin", "x") as device:
        with pytest.raises(CameraFault, match="too long"):
            await device.look()
    server.close()


def _quiet(body: bytes) -> list[object]:
    try:
        return list(answers(body, "127.0.0.1"))
    except HostileXml:
        return []


@given(st.binary(max_size=400))
def test_any_datagram_is_an_answer_or_refused(body: bytes) -> None:
    _quiet(body)


@given(st.integers(0, 900), st.integers(0, 900), st.binary(max_size=20))
@settings(max_examples=200)
def test_damaged_answer_is_an_answer_or_refused(first: int, last: int, put: bytes) -> None:
    whole = match("http://10.0.0.2/onvif/device_service").encode()
    for found in _quiet(whole[: min(first, last)] + put + whole[max(first, last) :]):
        assert len(found.address) <= 500 and "\n" not in found.name  # type: ignore[attr-defined]


@given(body=st.text(max_size=300), operation=st.sampled_from(["GetSystemDateAndTime", "GetProfiles", "GetStreamUri"]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_answer_is_a_description_or_a_fault(body: str, operation: str) -> None:
    async def run() -> None:
        camera = OnvifCamera(lie=lambda asked: http(envelope(body)) if asked == operation else None)
        async with camera, Device(camera.address, "admin", PASSWORD) as device:
            with contextlib.suppress(CameraFault):
                assert isinstance(await device.look(), DeviceInfo)

    asyncio.run(run())


def test_addresses_that_are_none_are_passed_over() -> None:
    for bad in ("", "ftp://10.0.0.2/x", "http://", "http://[::1", "javascript:alert(1)", "http://10.0.0.2:0/"):
        assert _quiet(match(bad).encode()) == []
    assert len(_quiet(match("http://[fe80::1]/onvif http://10.0.0.2/onvif").encode())) == 1


@pytest.mark.parametrize(
    ("given_", "address"),
    [
        ("10.0.0.2", "http://10.0.0.2/onvif/device_service"),
        ("10.0.0.2:8080", "http://10.0.0.2:8080/onvif/device_service"),
        ("http://10.0.0.2/other", "http://10.0.0.2/other"),
        ("https://cam.local", "https://cam.local/onvif/device_service"),
    ],
)
def test_address_of_the_service(given_: str, address: str) -> None:
    assert service_address(given_) == address


@pytest.mark.parametrize("bad", ["", "http://a:b@10.0.0.2/", "rtsp://10.0.0.2/", "http://10.0.0.2:99999/", "http://[x"])
def test_address_that_is_none(bad: str) -> None:
    with pytest.raises(CameraFault):
        service_address(bad)


@pytest.mark.parametrize(
    ("told", "url"),
    [
        ("rtsp://192.168.1.64:554/Streaming/101?x=1", "rtsp://10.0.0.2/Streaming/101?x=1"),
        ("rtsp://admin:secret@192.168.1.64:8554/a", "rtsp://10.0.0.2:8554/a"),
        ("http://192.168.1.64/a.jpg", ""),
        ("rtsp://192.168.1.64/a b", ""),
        ("", ""),
        ("rtsp://[", ""),
    ],
)
def test_address_of_a_stream(told: str, url: str) -> None:
    assert stream_url(told, "10.0.0.2") == url


def test_streams_are_chosen_as_a_person_would() -> None:
    def info(*streams: tuple[str, int, int]) -> DeviceInfo:
        profiles = tuple(Profile(str(n), "", f"rtsp://c/{n}", c, w, h) for n, (c, w, h) in enumerate(streams))
        return DeviceInfo("", "", "", "", None, profiles)

    def urls(found: DeviceInfo) -> tuple[str | None, str | None]:
        return found.main.url if found.main else None, found.sub.url if found.sub else None

    assert urls(info(("h264", 640, 360), ("hevc", 3840, 2160), ("h264", 352, 240))) == ("rtsp://c/1", "rtsp://c/0")
    assert urls(info(("hevc", 1920, 1080), ("h264", 1920, 1080))) == ("rtsp://c/1", "rtsp://c/0")
    assert urls(info(("hevc", 1920, 1080), ("hevc", 640, 360), ("h264", 704, 576))) == ("rtsp://c/0", "rtsp://c/2")
    assert urls(info(("mjpeg", 1920, 1080), ("h264", 640, 360))) == ("rtsp://c/1", None)
    assert urls(info()) == (None, None)


async def test_thousand_profiles_are_not_all_asked_for() -> None:
    streams = [Stream(f"p{n}", f"s{n}", 640, 360) for n in range(200)]
    async with OnvifCamera(streams=streams) as camera, Device(camera.address, "admin", PASSWORD) as device:
        assert len((await device.look()).profiles) == 32


async def test_loggers_of_the_program_stay_as_they_were() -> None:
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    async with OnvifCamera() as camera, Device(camera.address, "admin", PASSWORD):
        assert (root.level, root.handlers) == before


def test_package_imports_nothing_heavy() -> None:
    heavy = "{'zeep', 'lxml', 'onvif', 'httpx'}"
    code = f"import camera.onvif.device, camera.onvif.discovery, sys; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
