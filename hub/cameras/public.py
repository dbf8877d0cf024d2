"""Cameras that everybody may see: marked by hand, each with a reason and who; and the slow picture that they get."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from edge_agent.contract.base import iso
from hub.clock import Clock
from hub.people.acting import person
from hub.people.audit import Audit
from hub.pictures import Picture, Pictures
from hub.registry import Registry
from hub.store import Store
from hub.tables import metadata, upsert

SLOW_S = 60.0
"""However many residents look, the node is asked for a picture at most so often."""
LONGEST_REASON = 300
MOST_PICTURES = 500

camera_public = sa.Table(
    "camera_public",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("camera", sa.Text, primary_key=True),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Public:
    """A camera that everybody may see, since when, by whom and why."""

    address: str
    camera: str
    at: datetime
    name: str
    reason: str


class PublicCameras:
    """Asked by the page of residents. Only a picture is public: no live stream, nothing recorded."""

    def __init__(self, store: Store, registry: Registry, pictures: Pictures, audit: Audit, clock: Clock) -> None:
        self._store = store
        self._registry = registry
        self._pictures = pictures
        self._audit = audit
        self._clock = clock
        self._marked: dict[tuple[str, str], Public] = {}
        self._last: dict[tuple[str, str], Picture] = {}

    async def load(self) -> None:
        """Read what was marked. Raises SQLAlchemyError."""
        for row in await self._store.read(lambda c: c.execute(sa.select(camera_public)).all()):
            at = datetime.fromisoformat(row.at)
            self._marked[row.address, row.camera] = Public(row.address, row.camera, at, row.name, row.reason)

    def is_public(self, address: str, camera: str) -> bool:
        """Whether everybody may see it."""
        return (address, camera) in self._marked

    def get(self, address: str, camera: str) -> Public | None:
        """Since when, by whom and why."""
        return self._marked.get((address, camera))

    def list(self) -> tuple[Public, ...]:
        """All of them, by node and id."""
        return tuple(public for _, public in sorted(self._marked.items()))

    async def mark(self, address: str, camera: str, reason: str) -> None:
        """By the acting person. Raises SQLAlchemyError, StoreFull."""
        name = (person().name or "console")[:100]
        public = Public(address, camera, self._clock.now(), name, reason[:LONGEST_REASON])
        row = {"address": address, "camera": camera, "at": iso(public.at), "name": name, "reason": public.reason}
        self._audit.note("camera.public", address, camera, reason=public.reason)
        await self._store.call(lambda c: upsert(c, camera_public, row))
        self._marked[address, camera] = public

    async def unmark(self, address: str, camera: str) -> None:
        """Nobody else may see it any more, from now on. Raises SQLAlchemyError, StoreFull."""
        self._audit.note("camera.private", address, camera)
        self._marked.pop((address, camera), None)
        self._last.pop((address, camera), None)
        of_camera = (camera_public.c.address == address, camera_public.c.camera == camera)
        await self._store.call(lambda c: c.execute(camera_public.delete().where(*of_camera)) and None)

    async def picture(self, address: str, camera: str) -> Picture | None:
        """A picture at most `SLOW_S` old when the node is there; else the last one; None where it is not public."""
        key = (address, camera)
        if key not in self._marked:
            return None
        last = self._last.get(key)
        if last and self._clock.monotonic() - last.taken < SLOW_S:
            return last
        if not self._registry.is_online(address):
            return last
        picture = await self._pictures.latest(address, camera)
        if key not in self._marked:
            return None
        if picture.medium is None and last is not None and last.medium is not None:
            picture = Picture(picture.taken, last.medium, last.at)  # and the node is asked again in a minute
        if len(self._last) >= MOST_PICTURES and key not in self._last:
            self._last.pop(next(iter(self._last)))
        self._last[key] = picture
        return picture
