"""Serves a hub over HTTP until told to stop; an open page never holds up the end."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator

import uvicorn

from hub import watchdog
from hub.app import Hub
from hub.config import HubConfig
from hub.protocol import BoundedProtocol, BoundedWebSocket

logger = logging.getLogger(__name__)

GRACE_S = 1
"""Seconds that running requests get at the end."""


class _Server(uvicorn.Server):
    """Without signal handlers of its own: who starts a hub also says when it ends."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.close_pages()
        await super().shutdown(sockets)


async def serve(config: HubConfig, stop: asyncio.Event, ready: Callable[[int], None] | None = None) -> None:
    """Run a hub until `stop` is set. `ready` is told the port once pages can be opened.

    Raises ConfigError, OSError (the port is taken, the data folder cannot be written), SQLAlchemyError.
    """
    if not config.listen.is_loopback and not config.listen.proxies:
        logger.warning(
            "passwords travel unencrypted to %s port %d: put a web server with https before the console and name it in "
            "listen.proxies; phones also need https to speak through their microphone",
            config.listen.host,
            config.listen.port,
        )
    listener = _listen(config)
    try:
        async with Hub(config) as hub:
            if code := hub.people.first_code:
                logger.critical("there is no administrator yet: open /first-run and type the code %s", code)
            await _run(hub, listener, stop, ready)
    finally:
        listener.close()


async def _run(hub: Hub, listener: socket.socket, stop: asyncio.Event, ready: Callable[[int], None] | None) -> None:
    settings = uvicorn.Config(
        hub.app,
        lifespan="off",
        http=BoundedProtocol,
        ws=BoundedWebSocket,
        ws_per_message_deflate=False,  # video is compressed; a window per viewer would cost memory and time
        ws_max_size=4096,
        ws_ping_interval=10,
        ws_ping_timeout=15,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(hub.proxies),
        forwarded_allow_ips=list(hub.proxies),
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=20,
        limit_concurrency=500,
    )
    server = _Server(settings, hub)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    stopping = asyncio.create_task(stop.wait())
    feeding = asyncio.create_task(watchdog.feed(), name="watchdog")
    watchdog.ready()
    if ready:
        ready(listener.getsockname()[1])
    try:
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        feeding.cancel()
        server.should_exit = True
        await serving


def _listen(config: HubConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.listen.host else socket.AF_INET
    # Named TCP, it is known as such: only then asyncio sends without Nagle's delay, which costs 40 ms an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.listen.host, config.listen.port))
        listener.listen(256)
    except OSError:
        listener.close()
        raise
    return listener
