"""What real cameras do: each quirk served by a loopback camera, pulled as the group's process pulls it."""

import contextlib
import socket
import ssl
import subprocess
import threading
import time
from itertools import pairwise

import pytest
from camera_rig import config_for, tcp_server
from hypothesis import given
from hypothesis import strategies as st

from bench.rtsp.rig import TestCamera
from camera.model import CameraFault
from camera.pull.formats import FormatTracker
from camera.pull.rtsp import RtspSource


@pytest.fixture(scope="module")
def host():
    with TestCamera("tiny", "sub", "hevcsub", "long") as camera:
        yield camera


def source_of(url, **changes):
    config = config_for(url, **changes)
    return RtspSource(config, config.url, threading.Event())


def pulled(url, enough, **changes):
    """Pull until `enough` (given all frames so far) says so."""
    frames, deadline_s = [], time.monotonic() + 25
    stream = source_of(url, **changes).open()
    for frame in stream:
        frames.append(frame)
        if enough(frames):
            stream.close()
            return frames
        assert time.monotonic() < deadline_s
    raise AssertionError("the stream ended")


def keys(count):
    return lambda frames: sum(frame.is_key for frame in frames) >= count


@pytest.mark.parametrize("path", ["tiny", "tiny-audio", "tiny-bare", "tiny-late", "tiny-bare-late", "tiny-udponly"])
def test_first_picture_is_a_key_frame_and_its_format_is_known(host, path):
    frames = pulled(host.url(path), keys(2))
    assert frames[0].is_key and frames[0].data and len(frames) > 10
    video = frames[0].format
    assert (video.codec, video.width, video.height) == ("h264", 320, 180)
    assert all(frame.format is video for frame in frames), "one format as long as nothing changes"


@pytest.mark.parametrize("path", ["hevcsub", "hevcsub-bare-late"])
def test_h265(host, path):
    frames = pulled(host.url(path), keys(2))
    video = frames[0].format
    assert (video.codec, video.width, video.height) == ("hevc", 640, 360) and video.extradata


def test_transport_that_is_refused_is_remembered(host):
    source = source_of(host.url("tiny-udponly"))
    for _ in range(2):
        stream = source.open()
        next(stream)
        stream.close()
    assert source._udp
    with pytest.raises(CameraFault, match="TCP"):
        next(source_of(host.url("tiny-udponly"), transport="tcp").open())


def test_udp_by_configuration(host):
    assert len(pulled(host.url("tiny"), keys(2), transport="udp")) > 10


def test_size_that_changes_in_mid_stream_is_a_new_format(host):
    frames = pulled(host.url("sub-change"), lambda frames: frames[-1].format is not frames[0].format)
    before, after = frames[0].format, frames[-1].format
    assert (before.width, before.height, after.width, after.height) == (640, 360, 320, 180)
    assert frames[-1].is_key and before.extradata != after.extradata
    assert before.template.width == 640 and after.template.codec_context.width == 320


def test_timestamps_that_jump_are_handed_on_with_the_time_of_arrival(host):
    def jumped(frames):
        steps = [after.dts - before.dts for before, after in pairwise(frames) if None not in {after.dts, before.dts}]
        return any(abs(step) > 90_000 for step in steps)

    frames = pulled(host.url("tiny-jump"), jumped)
    arrivals = [frame.arrived_s for frame in frames]
    assert arrivals == sorted(arrivals) and len(frames) > 20


def test_long_groups_of_pictures(host):
    frames = pulled(host.url("long"), lambda frames: len(frames) > 60)
    assert sum(frame.is_key for frame in frames) == 1


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("tiny-naked", "camera.no_picture", "how its pictures are coded"),
        ("tiny-mute", "camera.frozen", "no picture"),
        ("nothing", "camera.not_found", "path"),
    ],
)
def test_streams_of_no_use(host, path, code, words, monkeypatch):
    monkeypatch.setattr("camera.pull.rtsp._OPEN_S", 1.0)
    with pytest.raises(CameraFault, match=words) as caught:
        for _frame in source_of(host.url(path)).open():
            pass
    assert (caught.value.code, caught.value.retry) == (code, True)


def test_noise_in_the_place_of_pictures_does_no_harm(host):
    frames = pulled(host.url("tiny-garbage"), lambda frames: len(frames) > 40)
    assert all(min(frame.format.width, frame.format.height) >= 64 for frame in frames)


@pytest.mark.parametrize("digest", [False, True], ids=["basic", "digest"])
def test_password_of_the_main_and_sub_stream(digest):
    with TestCamera("tiny", user="cam", password="mật khẩu", digest=digest) as camera:
        assert pulled(camera.url("tiny"), keys(1), username="cam", password="mật khẩu")
        with pytest.raises(CameraFault) as caught:
            next(source_of(camera.url("tiny"), username="cam", password="wrong").open())
        assert (caught.value.code, caught.value.retry) == ("camera.unauthorised", False)


def test_clock_of_the_camera():
    with TestCamera("tiny", clock_error_s=-3600) as camera:
        frames = pulled(camera.url("tiny"), lambda frames: any(frame.camera_s for frame in frames))
        said = next(frame for frame in frames if frame.camera_s)
        assert -3603 < said.camera_s - said.at.timestamp() < -3599


@contextlib.contextmanager
def encrypted(port, folder):
    """A way to `port` by TLS, with a certificate that the camera made itself."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=camera",
            "-keyout",
            str(key),
            "-out",
            str(certificate),
            "-days",
            "2",
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def carry(link):
        with (
            context.wrap_socket(link, server_side=True) as front,
            socket.create_connection(("127.0.0.1", port)) as back,
        ):
            front.settimeout(0.02)
            back.settimeout(0.02)
            while True:
                for source, target in ((front, back), (back, front)):
                    with contextlib.suppress(TimeoutError):
                        if not (data := source.recv(65536)):
                            return
                        target.sendall(data)

    with tcp_server(carry) as front_port:
        yield f"rtsps://127.0.0.1:{front_port}/tiny"


def test_encrypted(host, tmp_path):
    with encrypted(host.port, tmp_path) as url:
        source = source_of(url)
        assert source.probe() is None
        frames = source.open()
        assert next(frames).format.width == 320
        frames.close()
        with pytest.raises(CameraFault, match="path"):
            next(source_of(url.replace("tiny", "nothing")).open())
    assert source.probe().code == "camera.refused"


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_parameter_sets_of_any_kind_do_no_harm(extradata, data):
    class Video:
        def __init__(self):
            self.extradata, self.width, self.height = extradata, 0, 0

        def changed(self, _extradata, width, height):
            new = Video()
            new.width, new.height = width, height
            return new

    for codec in ("h264", "hevc"):
        video = FormatTracker(Video(), codec).of_key(b"\0\0\1" + data)
        assert video is None or video.width >= 64
