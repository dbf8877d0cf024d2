"""What a connection holds, and how fast it drains, by real sockets."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from edge_agent.link.pace import Pace


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Who sends, and a receiver with a small buffer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with socket.create_connection(listener.getsockname()) as near, listener.accept()[0] as far:
            yield near, far


def test_an_empty_connection_has_room_and_a_full_one_has_none(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    pace = Pace(near)
    room = pace.room()
    assert 4_000 < room < 200_000
    near.send(bytes(300_000))
    assert pace.room() <= 0
    left = 300_000
    while left:
        left -= len(far.recv(65536))
    time.sleep(0.1)
    assert pace.room() >= room


def test_the_speed_of_a_slow_receiver_is_learnt(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    pace = Pace(near)
    near.setblocking(False)
    end = time.monotonic() + 4

    def read_slowly() -> None:
        while time.monotonic() < end:
            far.recv(400)
            time.sleep(0.02)

    reader = threading.Thread(target=read_slowly)
    reader.start()
    while time.monotonic() < end:
        room = pace.room()
        if room > 0:
            near.send(bytes(min(room, 2000)))
        time.sleep(0.015)
    reader.join()
    assert 5_000 < pace.bytes_s < 80_000  # it takes 20 000 at most; the first guess is 125 000
    near.setblocking(True)


def test_a_fast_receiver_is_given_more_each_time(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    pace = Pace(near)
    first = pace.bytes_s
    reader = threading.Thread(target=lambda: all(iter(lambda: far.recv(1 << 20), b"")))
    reader.start()
    for _ in range(40):
        while (room := pace.room()) > 0:
            near.send(bytes(room))
        time.sleep(0.02)
    near.shutdown(socket.SHUT_WR)
    reader.join()
    assert pace.bytes_s > 3 * first


def test_a_closed_connection_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        pace = Pace(near)
        near.close()
        with pytest.raises((OSError, ValueError)):
            pace.room()
