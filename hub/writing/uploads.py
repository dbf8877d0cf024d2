"""Forms that bring a file: read from the network into a file, never into memory, and never too much."""

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request

from hub import forms
from hub.forms import Fields, FormError

MOST_BYTES = 64 * 1024 * 1024
AT_ONCE = 3
MOST_FILES = 30
MOST_FIELDS = 400
RECEIVE_S = 600.0
_PART = 512 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was brought: where it lies meanwhile, and what it was called."""

    path: Path
    name: str


@asynccontextmanager
async def received(request: Request, wanted: str) -> AsyncIterator[tuple[Fields, Upload | None]]:
    """The fields, and the file of the field that `wanted` names as a field does (`bed:2` -> `bed2`).

    The file is gone afterwards. Raises FormError, OSError.
    """
    form = await _form(request)
    try:
        fields = {name: forms.clean(value) for name, value in form.items() if isinstance(value, str)}
        with tempfile.TemporaryDirectory(prefix="edge-hub-") as folder:
            yield fields, await _file(form, fields.get(wanted, "").replace(":", ""), Path(folder))
    finally:
        await form.close()


class Receiver:
    """Receives few at once: meanwhile they lie where temporary files do, which on small machines is memory."""

    def __init__(self) -> None:
        self._free = AT_ONCE

    @asynccontextmanager
    async def received(self, request: Request, wanted: str) -> AsyncIterator[tuple[Fields, Upload | None]]:
        """The same. Raises FormError, also when enough are on their way; OSError."""
        with self._place():
            async with received(request, wanted) as taken:
                yield taken

    @asynccontextmanager
    async def raw(self, request: Request, name: str) -> AsyncIterator[Upload]:
        """A body that is the file itself. Raises FormError, OSError."""
        with self._place(), tempfile.TemporaryDirectory(prefix="edge-hub-") as folder:
            yield await _raw(request, name, Path(folder))

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._free:
            raise FormError("write.sound_busy")
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


async def _form(request: Request) -> FormData:
    length = request.headers.get("content-length", "")
    if not length.isdigit():
        raise FormError("form.bad")
    if int(length) > MOST_BYTES + _PART:
        raise FormError("write.file_too_large", limit=MOST_BYTES // 1024 // 1024)
    try:
        async with asyncio.timeout(RECEIVE_S):
            return await request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=_PART)
    except (MultiPartException, HTTPException, ClientDisconnect) as error:
        raise FormError("form.bad") from error
    except TimeoutError as error:
        raise FormError("write.file_slow") from error


async def _raw(request: Request, name: str, folder: Path) -> Upload:
    path, size = folder / secrets.token_hex(4), 0
    try:
        async with asyncio.timeout(RECEIVE_S):
            with path.open("wb") as file:
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > MOST_BYTES:
                        raise FormError("write.file_too_large", limit=MOST_BYTES // 1024 // 1024)
                    await asyncio.to_thread(file.write, chunk)
    except ClientDisconnect as error:
        raise FormError("form.bad") from error
    except TimeoutError as error:
        raise FormError("write.file_slow") from error
    return Upload(path, forms.clean(name)[-120:])


async def _file(form: FormData, name: str, folder: Path) -> Upload | None:
    sent = form.get(name)
    if not isinstance(sent, UploadFile) or not sent.filename:
        return None
    path = folder / secrets.token_hex(4)
    with path.open("wb") as file:
        while chunk := await sent.read(256 * 1024):
            await asyncio.to_thread(file.write, chunk)
    return Upload(path, forms.clean(sent.filename)[-120:])
