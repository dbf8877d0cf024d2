"""Feeds whose servers mean harm: each is given up, said in words and in the log, and loses nothing that others tell."""

import asyncio
import contextlib
import gzip
import logging
import socket
import socketserver
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cap_rig import SENDER, AlertOf, Answer, FeedServer, InfoOf, feed_server
from hub_rig import Mosquitto, Running, config_for, serving, until

from hub.cap import fetch, rows
from hub.cap.feeds import FeedState
from hub.cap.fetch import Fetcher, FetchError
from hub.cap.rows import State
from hub.language import catalogue

MILD = (InfoOf(severity="Minor"),)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n"
Play = Callable[[socket.socket], None]


class RawServer(socketserver.ThreadingTCPServer):
    """Says what it is told to say, HTTP or not. `play`: what is done with a connection once it has asked."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, play: Play) -> None:
        self.play = play
        super().__init__(("127.0.0.1", 0), RawHandler)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class RawHandler(socketserver.BaseRequestHandler):
    server: RawServer

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self.request.recv(65_536)
            self.server.play(self.request)


@contextlib.contextmanager
def raw(play: Play) -> Iterator[RawServer]:
    with RawServer(play) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()


def for_ever(head: bytes, piece: bytes, every_s: float = 0.0) -> Play:
    """The same again and again, until the other side has had enough."""

    def play(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(piece)
            time.sleep(every_s)

    return play


def once(data: bytes) -> Play:
    def play(connection: socket.socket) -> None:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)

    return play


BOMB = gzip.compress(b"<alert>" + b" " * 50_000_000)
HOSTILE: dict[str, tuple[Play, str]] = {
    "a body a byte at a time": (for_ever(OK + b"Content-Length: 900000\r\n\r\n", b"x", 0.1), "cap.fetch_slow"),
    "a head a byte at a time": (for_ever(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x", 0.1), "cap.fetch_slow"),
    "a body without end": (for_ever(OK + b"\r\n", b" " * 60_000), "cap.fetch_large"),
    "pieces without end": (
        for_ever(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"8000\r\n" + b" " * 0x8000 + b"\r\n"),
        "cap.fetch_large",
    ),
    "headers without end": (for_ever(b"HTTP/1.1 200 OK\r\n", b"X-Y: " + b"z" * 1000 + b"\r\n"), "cap.fetch_failed"),
    "a bomb that gzip unpacks": (
        once(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB),
        "cap.fetch_packed",
    ),
    "less than it says": (once(OK + b"Content-Length: 900\r\n\r\n<alert"), "cap.fetch_failed"),
    "no HTTP": (once(b"220 mail.example ESMTP\r\n"), "cap.fetch_failed"),
    "nothing": (once(b""), "cap.fetch_failed"),
    "a file of this machine": (once(b"HTTP/1.1 302 F\r\nLocation: file:///etc/passwd\r\n\r\n"), "cap.fetch_address"),
    "no address": (once(b"HTTP/1.1 302 F\r\nLocation: http://[::1\r\n\r\n"), "cap.fetch_failed"),
    "another host": (once(b"HTTP/1.1 307 F\r\nLocation: http://169.254.169.254/\r\n\r\n"), "cap.fetch_host"),
    "another port": (once(b"HTTP/1.1 307 F\r\nLocation: //127.0.0.1:22/\r\n\r\n"), "cap.fetch_host"),
    "a password": (once(b"HTTP/1.1 307 F\r\nLocation: http://a:b@127.0.0.1/\r\n\r\n"), "cap.fetch_address"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_server_that_means_harm_is_given_up(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "WHOLE_S", 1.0)
    play, key = HOSTILE[name]
    with raw(play) as server:
        async with Fetcher() as fetcher:
            with pytest.raises(FetchError) as caught:
                await fetcher.get(f"http://{server.host}/x", [server.host])
    assert caught.value.key == key
    assert catalogue("vi")[key].format(**caught.value.params)


async def test_what_a_server_wants_to_be_told_again_is_told_only_if_it_can_be() -> None:
    """A tag that is no ASCII could not be sent, so its feed would never be asked again; cookies would only pile up."""
    asked: list[dict[str, str]] = []

    def play(connection: socket.socket) -> None:
        connection.sendall(OK + 'ETag: "Đông"\r\nSet-Cookie: a=1\r\nContent-Length: 2\r\n\r\nok'.encode())

    class Noting(RawHandler):
        def handle(self) -> None:
            head = self.request.recv(65_536).decode().lower()
            asked.append(dict(line.split(": ", 1) for line in head.splitlines()[1:] if ": " in line))
            self.server.play(self.request)

    with raw(play) as server:
        server.RequestHandlerClass = Noting
        async with Fetcher() as fetcher:
            first = await fetcher.get(f"http://{server.host}/x", [server.host])
            again = await fetcher.get(f"http://{server.host}/x", [server.host], first)
    assert (first.body, again.body, first.etag) == (b"ok", b"ok", "")
    assert len(asked) == 2
    assert not {"cookie", "if-none-match"} & asked[1].keys()


@pytest.fixture
def web() -> Iterator[FeedServer]:
    with feed_server() as server:
        yield server


@pytest.fixture
async def hub(broker: Mosquitto, web: FeedServer, tmp_path: Path) -> AsyncIterator[Running]:
    web.list_atom()
    feed = {"name": "kttv", "url": f"{web.url}/feed.xml", "every_s": 80_000}
    sender = {"id": SENDER, "name": "Đài khí tượng", "feeds": ["kttv"]}
    config: Any = config_for(tmp_path, broker.port, cap={"senders": [sender], "feeds": [feed]})
    async with serving(config, connected=False) as running:
        await until(lambda: state(running).good, 60)  # from now on it is asked by the test alone
        yield running


def state(hub: Running) -> FeedState:
    return hub.hub.alerts.feeds.states["kttv"]


def vietnamese(codec: str, declared: str) -> bytes:
    return AlertOf("chu", infos=MILD).xml().decode().replace('encoding="UTF-8"', declared).encode(codec, "replace")


UNREAD: dict[str, tuple[Answer, str]] = {
    "a page of the web": (
        Answer(b"<!DOCTYPE html><html></html>", headers={"Content-Type": "text/html"}),
        "xml_doctype",
    ),
    "no XML": (Answer(b"{}", headers={"Content-Type": "application/json"}), "xml_xml"),
    "a picture": (Answer(b"\x89PNG\r\n\x1a\n\0", headers={"Content-Type": "application/xml"}), "xml_xml"),
    "other XML": (Answer(b"<html/>"), "xml_no_list"),
    "letters of another encoding": (Answer(vietnamese("cp1252", 'encoding="UTF-8"')), "xml_xml"),
    "an encoding of several bytes": (Answer(vietnamese("utf-8", 'encoding="gb2312"')), "xml_encoding"),
    "an encoding that nobody has": (Answer(vietnamese("utf-8", 'encoding="utf-7"')), "xml_encoding"),
    "a billion laughs": (Answer(b'<!DOCTYPE a [<!ENTITY x "ha">]><a>&x;</a>'), "xml_doctype"),
    "an empty file": (Answer(b""), "xml_empty"),
}


async def test_what_cannot_be_read_is_said_logged_and_over_when_it_is_right(
    hub: Running, web: FeedServer, caplog: pytest.LogCaptureFixture
) -> None:
    feeds = hub.hub.alerts.feeds
    caplog.set_level(logging.INFO, "hub.cap.feeds")
    async with Fetcher() as fetcher:
        for name, (answer, key) in UNREAD.items():
            caplog.clear()
            web.answers["/feed.xml"] = answer
            await feeds.ask(fetcher, state(hub))
            trouble = state(hub).fault
            assert trouble is not None and trouble.key == f"cap.{key}", name
            assert any(r.levelno == logging.WARNING and trouble.key in r.getMessage() for r in caplog.records), name
            caplog.clear()
            await feeds.ask(fetcher, state(hub))
            assert not [r for r in caplog.records if r.name == "hub.cap.feeds"], "said once"
            words = catalogue("vi")[trouble.key].format(**trouble.params)
            assert words[:40] in (await hub.http.get("/alerts")).text, name
            web.list_atom()
            await feeds.ask(fetcher, state(hub))
            assert state(hub).fault is None
            assert any("answers again" in r.getMessage() for r in caplog.records), name
        # what the server calls it counts for nothing, the bytes do
        headers = {"Content-Type": "text/plain; charset=iso-8859-1"}
        web.answers["/feed.xml"] = Answer(AlertOf("sau", infos=MILD).xml(), headers=headers)
        await feeds.ask(fetcher, state(hub))
    (row,) = await hub.hub.alerts.store.read(partial(rows.listed, states=tuple(State), most=9))
    assert (row.identifier, row.title) == ("sau", "Lũ quét đang về trên suối Đông")


async def test_bad_entries_keep_no_good_one_away(
    hub: Running, web: FeedServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "WHOLE_S", 0.5)
    long = f"{web.url}/{'x' * 100_000}"
    with raw(HOSTILE["a body a byte at a time"][0]) as slow, raw(HOSTILE["a bomb that gzip unpacks"][0]) as bomb:
        state(hub).settings = state(hub).settings.model_copy(update={"hosts": (slow.host, bomb.host)})
        web.answers["/tangled.xml"] = Answer(AlertOf("x").xml().replace(b"106.0 11.0", b"106.0 91.0"))
        web.answers["/good.xml"] = Answer(AlertOf("good", infos=MILD).xml())
        hostile = [f"http://{slow.host}/a", f"http://{bomb.host}/b", "tangled.xml", long]
        web.list_atom(*hostile, "good.xml")
        async with Fetcher() as fetcher, asyncio.timeout(60):
            await hub.hub.alerts.feeds.ask(fetcher, state(hub))
    (row,) = await hub.hub.alerts.store.read(partial(rows.listed, states=tuple(State), most=9))
    assert row.identifier == "good"
    keys = {trouble.key for trouble in state(hub).refused.values()}
    assert keys == {"cap.fetch_slow", "cap.fetch_packed", "cap.bad_point", "cap.fetch_address"}
    said = [r.getMessage() for r in caplog.records if r.name == "hub.cap.feeds"]
    assert len(said) == len(hostile) and max(map(len, said)) < 2_000
    assert len((await hub.http.get("/alerts")).text) < 100_000
