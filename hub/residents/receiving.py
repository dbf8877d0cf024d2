"""Takes the form of a report from whoever sends it: few at once, small, slow ones let go; its photo made anew."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request

from hub import forms
from hub.forms import Fields, FormError
from hub.residents.child import ChildFailed, Children
from hub.residents.photo_child import NO_PICTURE, TOO_LARGE

logger = logging.getLogger(__name__)

MOST_BYTES = 12 * 1024 * 1024
AT_ONCE = 4
RECEIVE_S = 120.0
MAKE_S = 25.0
_FIELDS = 64 * 1024


class Receiver:
    """Of one address one at a time, of all together `AT_ONCE`: nobody holds all places."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._busy: set[str] = set()
        self._children = Children(AT_ONCE, MAKE_S)

    async def received(self, request: Request, address: str, with_photo: bool) -> tuple[Fields, str, FormError | None]:
        """The fields, the name of the photo's file, and what was wrong with the photo. Raises FormError, OSError."""
        length = request.headers.get("content-length", "")
        if not length.isascii() or not length.isdigit() or len(length) > 12:
            raise FormError("form.bad")
        if int(length) > MOST_BYTES + _FIELDS:
            raise FormError("residents.photo_large", limit=MOST_BYTES // 1024 // 1024)
        with self.turn(address):
            form = await _form(request)
            try:
                fields = {name: forms.clean(value) for name, value in form.items() if isinstance(value, str)}
                try:
                    return fields, await self._photo(form.get("photo")) if with_photo else "", None
                except FormError as wrong:
                    return fields, "", wrong
                except OSError as error:  # a full disk: the words may still find room
                    logger.error("a resident's photo was not kept: %s", error)
                    return fields, "", FormError("residents.photo_unkept")
            finally:
                await form.close()

    @contextlib.contextmanager
    def turn(self, address: str) -> Iterator[None]:
        """One of the few places, while something of `address` is taken. Raises FormError: it has one, or none is free.

        The form and the API share them.
        """
        if address in self._busy or len(self._busy) >= AT_ONCE:
            raise FormError("residents.busy")
        self._busy.add(address)
        try:
            yield
        finally:
            self._busy.discard(address)

    async def _photo(self, sent: object) -> str:
        if not isinstance(sent, UploadFile) or not sent.filename or not sent.size:
            return ""
        if sent.size > MOST_BYTES:
            raise FormError("residents.photo_large", limit=MOST_BYTES // 1024 // 1024)
        file = sent.file
        if isinstance(file, SpooledTemporaryFile):
            file.rollover()
        file.seek(0)
        return await self.kept(file)

    async def kept(self, file: IO[bytes] | bytes) -> str:
        """Make a photo anew from what was sent, and keep it; the name of its file. Raises FormError, OSError."""
        try:
            made = await self._children.run("hub.residents.photo_child", file)
        except ChildFailed as failed:
            keys = {NO_PICTURE: "residents.photo_kind", TOO_LARGE: "residents.photo_pixels"}
            raise FormError(keys.get(failed.code, "residents.busy")) from failed
        name = f"{secrets.token_hex(16)}.jpg"
        await asyncio.to_thread(_write, self._folder / name, made)
        return name


async def _form(request: Request) -> FormData:
    try:
        async with asyncio.timeout(RECEIVE_S):
            return await request.form(max_files=1, max_fields=12, max_part_size=_FIELDS)
    except (MultiPartException, HTTPException, ClientDisconnect) as error:
        raise FormError("form.bad") from error
    except TimeoutError as error:
        raise FormError("residents.slow") from error


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(data)
