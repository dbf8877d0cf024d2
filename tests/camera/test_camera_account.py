"""An account that a camera refused is let alone: quick repeats lock it."""

import os
import signal
import socket
import time

from camera_rig import config_for, tcp_server
from test_camera_group import Ear, group_of

from camera import CameraGroup
from camera.pull import account as module
from camera.pull.account import HOLD_S, Account


def test_one_at_a_time_tries_a_refused_account(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    account = Account()
    assert (account.turn_s(), account.turn_s()) == (0, 0), "nothing is wrong with it"
    account.refused()
    assert account.turn_s() == HOLD_S
    now[0] += HOLD_S
    assert (account.turn_s(), account.turn_s()) == (0, HOLD_S), "the first who asks tries, the others wait"
    account.accepted()
    assert account.turn_s() == 0
    assert Account(hold_s=7).turn_s() == 7


async def test_processes_that_die_and_a_second_stream_do_not_try_the_password_again():
    tries = []

    def refuse(link: socket.socket) -> None:
        while request := link.recv(4096):
            number = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"cseq")).decode()
            if b"Authorization" in request:
                tries.append(time.monotonic())
            ask = '\r\nWWW-Authenticate: Basic realm="camera"' if not request.startswith(b"OPTIONS") else ""
            head = "RTSP/1.0 401 Unauthorized" if ask else "RTSP/1.0 200 OK"
            link.sendall(f"{head}\r\n{number}{ask}\r\n\r\n".encode())

    ear = Ear()
    with tcp_server(refuse) as port:
        url = f"rtsp://127.0.0.1:{port}/main"
        camera = config_for(url, sub_url=url, username="cam", password="wrong")
        async with CameraGroup(group_of(camera), ear) as group:
            await ear.until(lambda: ear.now("gate").code == "camera.unauthorised")
            first = len(tries)
            await group.watch("gate", "sub")
            for _death in range(3):
                pid = group.pid
                os.kill(pid, signal.SIGKILL)
                await ear.until(lambda pid=pid: group.pid not in {pid, None})
                await ear.until(lambda: ear.now("gate").code == "camera.unauthorised")
        assert first >= 1 and len(tries) == first
