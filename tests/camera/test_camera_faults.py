"""What goes wrong when a source is opened or read, each with its own code. The sources run in this process."""

import os
import socket
import threading
import time

import pytest
from camera_rig import config_for, free_port, rtsp_camera, tcp_server

from camera.model import CameraFault
from camera.pull.clip import clip_frames
from camera.pull.rtsp import RtspSource

PASSWORD = "s3:c@r/ét 100%"


def rtsp_frames(config):
    return RtspSource(config, config.url, threading.Event()).open()


def fault_of(config):
    frames = rtsp_frames(config)
    with pytest.raises(CameraFault) as caught:
        next(frames)
    return caught.value


def test_refused():
    fault = fault_of(config_for(f"rtsp://127.0.0.1:{free_port()}/gate"))
    assert (fault.code, fault.retry) == ("camera.refused", True)


def test_unknown_name():
    assert fault_of(config_for("rtsp://no-such-camera.invalid/gate")).code == "camera.unreachable"


def test_path_that_the_camera_does_not_have(camera_host):
    assert fault_of(config_for(camera_host.url + "way")).code == "camera.not_found"


def test_lost_in_the_middle(clip):
    with rtsp_camera(clip) as host:
        frames = rtsp_frames(config_for(host.url))
        next(frames)
        host.kill()
        with pytest.raises(CameraFault) as caught:
            for _frame in frames:
                pass
    assert (caught.value.code, caught.value.retry) == ("camera.lost", True)


@pytest.mark.parametrize("digest", [False, True], ids=["basic", "digest"])
def test_password(clip, digest):
    with rtsp_camera(clip, user="cam", password=PASSWORD, digest=digest) as host:
        for wrong in ({}, {"username": "cam"}, {"username": "cam", "password": "guess-17"}):
            fault = fault_of(config_for(host.url, **wrong))
            assert (fault.code, fault.retry) == ("camera.unauthorised", False)
            assert "guess-17" not in repr(fault) + str(fault.__cause__) and fault.__cause__ is None
        frames = rtsp_frames(config_for(host.url, username="cam", password=PASSWORD))
        assert next(frames).format.width == 320
        frames.close()


def babble(link: socket.socket) -> None:
    while True:
        link.sendall(os.urandom(1000))
        time.sleep(0.02)


def say_nothing(link: socket.socket) -> None:
    while link.recv(4096):
        pass


def hang_up(link: socket.socket) -> None:
    link.recv(4096)
    link.close()


def speak_http(link: socket.socket) -> None:
    link.recv(4096)
    link.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    link.close()


@pytest.mark.parametrize(
    ("handle", "code"),
    [
        (babble, "camera.garbage"),
        (say_nothing, "camera.timeout"),
        (hang_up, "camera.lost"),
        (speak_http, "camera.garbage"),
    ],
)
def test_server_that_is_no_camera(handle, code, monkeypatch):
    monkeypatch.setattr("camera.pull.rtsp._OPEN_S", 0.5)
    with tcp_server(handle) as port:
        fault = fault_of(config_for(f"rtsp://127.0.0.1:{port}/gate", timeout_s=0.5, username="u", password="pass-99"))
    assert fault.code == code
    assert fault.retry and "pass-99" not in str(fault)


@pytest.mark.parametrize("content", [b"", b"no video " * 1000], ids=["empty", "text"])
def test_file_that_is_no_video(tmp_path, content):
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(CameraFault) as caught:
        next(clip_frames(path, threading.Event()))
    assert (caught.value.code, caught.value.retry) == ("camera.bad_file", False)


def test_file_that_is_not_there(tmp_path):
    for path in (tmp_path / "gone.mp4", tmp_path):
        with pytest.raises(CameraFault, match="bad_file"):
            next(clip_frames(path, threading.Event()))


def test_file_cut_in_the_middle_is_played_as_far_as_it_goes(clip, tmp_path):
    path = tmp_path / "half.mp4"
    path.write_bytes(clip.read_bytes()[:2000])
    with pytest.raises(CameraFault, match="bad_file"):
        next(clip_frames(path, threading.Event()))
