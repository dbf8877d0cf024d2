"""HTTP as uvicorn speaks it by httptools, which by itself would take a request's head of any length."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 64 * 1024
"""Bytes of the first line and the headers of a request."""


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
