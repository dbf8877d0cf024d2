"""A file that a person brings: one XML message in a form, or as the body of a request."""

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message

from hub.cap.xml import MAX_BYTES
from hub.forms import FormError

_AROUND = 20_000
"""Bytes of a form around its file."""


class TooLarge(Exception):
    """More than a message may have."""


async def body(request: Request, limit: int = MAX_BYTES) -> bytes:
    """The whole body. Raises TooLarge as soon as it is."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > limit:
            raise TooLarge
    return bytes(data)


async def read_file(request: Request) -> bytes:
    """The file of the form's field `file`. Raises TooLarge, FormError."""
    whole = await body(request, MAX_BYTES + _AROUND)

    async def receive() -> Message:
        return {"type": "http.request", "body": whole, "more_body": False}

    try:
        async with Request(request.scope, receive).form(max_files=1, max_fields=5) as form:
            file = form.get("file")
            data = await file.read() if isinstance(file, UploadFile) else b""
    except (MultiPartException, AssertionError) as error:
        raise FormError("form.bad") from error
    if not data:
        raise FormError("cap.no_file")
    return data
