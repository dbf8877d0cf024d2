"""HTTP and WebSockets as uvicorn speaks them, within bounds of our own.

By itself httptools would take a request's head of any length, and a WebSocket hold megabytes for a slow viewer.
"""

import socket
from asyncio import BaseTransport, Transport
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MAX_HEAD = 64 * 1024
"""Bytes of the first line and the headers of a request."""
UNSENT = 16 * 1024
"""Bytes that the kernel keeps unsent of a WebSocket, and that wait for the kernel."""
_NOT_SENT_LOWAT = getattr(socket, "TCP_NOTSENT_LOWAT", 25)


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """Makes a sender wait early: what is handed to the kernel can no more be left out."""

    def connection_made(self, transport: BaseTransport) -> None:
        """Called when the connection has become a WebSocket."""
        super().connection_made(transport)
        cast(Transport, transport).set_write_buffer_limits(high=UNSENT)
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.IPPROTO_TCP, _NOT_SENT_LOWAT, UNSENT)


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a request whose head does not end in time."""

    _head: int | None = 0
    """Bytes that came while a head was open; None within a body."""

    def data_received(self, data: bytes) -> None:
        """Count, and pass on."""
        if self._head is not None:
            self._head += len(data)
            if self._head > MAX_HEAD + len(data):
                self.send_400_response("The head of this request is too long.")
                return
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """What follows is a body."""
        self._head = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """What follows is the head of the next request."""
        self._head = 0
        super().on_message_complete()
