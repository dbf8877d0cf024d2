"""Pictures of communes, and how they lie on the ground: uploaded and fitted by an administrator."""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request

from edge_agent.contract.base import iso
from hub.forms import Fields, FormError, clean
from hub.nodes.drawing import Fit, NotOnePlane, Pin, fit
from hub.store import Store
from hub.tables import metadata, upsert

MOST_BYTES = 5_000_000
MOST_BROUGHT = 25_000_000
RECEIVE_S = 300.0
CHILD_S = 40.0
PINS = 3

grounds = sa.Table(
    "commune_pictures",
    metadata,
    sa.Column("commune", sa.Text, primary_key=True),
    sa.Column("picture", sa.LargeBinary, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("pins", sa.Text, nullable=False),
    sa.Column("changed", sa.Text, nullable=False),
)


class NoPicture(Exception):
    """The file is no picture that can be used."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The picture of a commune. `fit`: None until three points are known."""

    width: int
    height: int
    pins: tuple[Pin, ...]
    changed: str

    @property
    def fit(self) -> Fit | None:
        """From the ground to the picture."""
        try:
            return fit(self.pins) if len(self.pins) == PINS else None
        except NotOnePlane:
            return None


async def brought(request: Request) -> tuple[Fields, bytes]:
    """The fields of a form, and the file of the field `picture`. Raises FormError."""
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > MOST_BROUGHT:
        raise FormError("node.map_no_picture")
    try:
        async with asyncio.timeout(RECEIVE_S), request.form(max_files=1, max_fields=10) as form:
            file = form.get("picture")
            fields = {name: clean(value) for name, value in form.items() if isinstance(value, str)}
            return fields, await file.read() if isinstance(file, UploadFile) else b""
    except (MultiPartException, HTTPException, ClientDisconnect, TimeoutError) as error:
        raise FormError("form.bad") from error


async def converted(picture: bytes) -> tuple[int, int, bytes]:
    """Width, height and JPEG of a picture that somebody brought. Raises NoPicture, OSError."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "hub.nodes.picture_child",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(CHILD_S):
            told, _ = await child.communicate(picture)
    except TimeoutError as error:
        raise NoPicture from error
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    size, _, made = told.partition(b"\n")
    if child.returncode != 0 or not made or len(made) > MOST_BYTES:
        raise NoPicture
    width, height = size.split()
    return int(width), int(height), made


class Grounds:
    """All of them, in the database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, commune: str) -> Ground | None:
        """What is known of a commune's picture. Raises SQLAlchemyError."""
        g = grounds.c
        asked = sa.select(g.width, g.height, g.pins, g.changed).where(g.commune == commune)
        row = await self._store.read(lambda c: c.execute(asked).one_or_none())
        if row is None:
            return None
        return Ground(row.width, row.height, tuple(Pin(**pin) for pin in json.loads(row.pins)), row.changed)

    async def picture(self, commune: str) -> bytes | None:
        """The JPEG. Raises SQLAlchemyError."""
        asked = sa.select(grounds.c.picture).where(grounds.c.commune == commune)
        return await self._store.read(lambda c: c.execute(asked).scalar_one_or_none())

    async def put(self, commune: str, made: tuple[int, int, bytes], now: datetime) -> None:
        """Take another picture; its points begin anew. Raises SQLAlchemyError, StoreFull."""
        width, height, picture = made
        row = {"commune": commune, "picture": picture, "width": width, "height": height}
        await self._store.call(lambda c: upsert(c, grounds, {**row, "pins": "[]", "changed": iso(now)}))

    async def pin(self, commune: str, pins: tuple[Pin, ...]) -> None:
        """These points are known now. Raises SQLAlchemyError, StoreFull."""
        text = json.dumps([asdict(pin) for pin in pins])

        def job(connection: Connection) -> None:
            connection.execute(grounds.update().where(grounds.c.commune == commune).values(pins=text))

        await self._store.call(job)

    async def remove(self, commune: str) -> None:
        """Draw a sketch again. Raises SQLAlchemyError, StoreFull."""
        await self._store.call(lambda c: c.execute(grounds.delete().where(grounds.c.commune == commune)) and None)
