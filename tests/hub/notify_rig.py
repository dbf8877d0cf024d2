"""A mail server and a web hook that can be away, a clock that is told, and a hub's engine of messages on both."""

import asyncio
import contextlib
import email
import email.policy
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

from hub_rig import free_port

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
"""10:00 in the commune."""


class ToldClock:
    """The time that the test says."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    def forward(self, **length: float) -> None:
        self._now += timedelta(**length)


@dataclass
class Hook:
    """A web hook: keeps what it is sent; `status` is its answer."""

    port: int = field(default_factory=free_port)
    status: int = 200
    got: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"json://user:Mat-Khau-Rieng@127.0.0.1:{self.port}/hook"

    @property
    def bodies(self) -> list[str]:
        return [str(one["message"]) for one in self.got]

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        with contextlib.suppress(asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.split("content-length:")[1].split("\r\n")[0])
            body = await reader.readexactly(length)
            if self.status == 200:
                self.got.append(json.loads(body))
            writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
        writer.close()


@dataclass
class Mail:
    """A mail server that speaks as much SMTP as a sender needs."""

    port: int = field(default_factory=free_port)
    got: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    _server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to: list[str] = []

        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        say("220 mail.example")
        while line := (await reader.readline()).decode().strip():
            verb = line.split()[0].upper()
            if verb == "RCPT":
                to.append(line.split("<")[1].split(">")[0])
            if verb == "DATA":
                say("354 go on")
                await writer.drain()
                body = await reader.readuntil(b"\r\n.\r\n")
                message = email.message_from_bytes(body[:-3], policy=email.policy.default)
                assert isinstance(message, EmailMessage)
                self.got.append((to, message))
                to = []
            say("221 bye" if verb == "QUIT" else "250 ok")
            await writer.drain()
            if verb == "QUIT":
                break
        writer.close()


@contextlib.asynccontextmanager
async def hook() -> AsyncIterator[Hook]:
    made = Hook()
    await made.open()
    try:
        yield made
    finally:
        await made.close()


@contextlib.asynccontextmanager
async def mail() -> AsyncIterator[Mail]:
    made = Mail()
    await made.open()
    try:
        yield made
    finally:
        await made.close()
