"""Who looked through a camera: each live view, still, look back, clip and download, in the audit log and by camera."""

import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from hub.clock import Clock
from hub.people.acting import person
from hub.people.audit import Audit
from hub.people.rights import NOBODY
from hub.store import Store, StoreFull
from hub.tables import Long, metadata

logger = logging.getLogger(__name__)

What = Literal["watch", "still", "back", "clip", "download"]
SAME_S = 600.0
"""Pictures that a page fetches again and again within so many seconds are one look."""
MOST_SAME = 2000
KEEP = 200_000
_TRIM_EVERY = 256

camera_looks = sa.Table(
    "camera_looks",
    metadata,
    sa.Column("id", Long, primary_key=True, autoincrement=True),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("camera", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Index("camera_looks_camera", "address", "camera", "id"),
)


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody looked. `seconds`: how long a live view lasted."""

    at: datetime
    name: str
    what: str
    seconds: float


class Looks:
    """Notes who looks, and tells it."""

    def __init__(self, store: Store, audit: Audit, clock: Clock) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock
        self._lately: OrderedDict[tuple[str, str, str, str], float] = OrderedDict()
        self._since_trim = 0

    def saw(self, address: str, camera: str, what: What, seconds: float = 0.0, **details: object) -> None:
        """The acting person looked; `details` go into the audit log. What cannot be written down is logged.

        A live view stands in the audit log already: its beginning, and its end.
        """
        who = person()
        if who is NOBODY:
            return  # a public picture: residents are nobody's business
        row: dict[str, object] = {"address": address, "camera": camera, "at": iso(self._clock.now()), "person": who.id}
        row |= {"name": (who.name or "console")[:100], "what": what, "seconds": round(seconds, 1)}
        try:
            if what != "watch":
                self._audit.note(f"camera.{what}", address, " ".join((camera, *map(str, details.values()))))
            self._store.offer(lambda c: self._write(c, row))
        except StoreFull:
            logger.error("not written down: %s looked through %s of %s (%s)", who.name, camera, address, what)

    def often(self, address: str, camera: str, what: What) -> None:
        """The same for what a page asks for again and again by itself: once in a while."""
        key, now = (person().id, address, camera, what), self._clock.monotonic()
        last = self._lately.get(key)
        if last is not None and now - last < SAME_S:
            return
        self._lately[key] = now
        self._lately.move_to_end(key)
        while len(self._lately) > MOST_SAME:
            self._lately.popitem(last=False)
        self.saw(address, camera, what)

    async def last(self, address: str, camera: str, most: int = 30) -> list[Look]:
        """The newest first. Raises SQLAlchemyError."""
        table = camera_looks.c
        query = sa.select(table.at, table.name, table.what, table.seconds)
        query = query.where(table.address == address, table.camera == camera).order_by(table.id.desc()).limit(most)
        found = await self._store.read(lambda c: c.execute(query).all())
        return [Look(datetime.fromisoformat(row.at), row.name, row.what, row.seconds) for row in found]

    def _write(self, connection: Connection, row: dict[str, object]) -> None:
        connection.execute(camera_looks.insert().values(**row))
        self._since_trim += 1
        if self._since_trim >= _TRIM_EVERY:
            self._since_trim = 0
            newest = sa.select(sa.func.max(camera_looks.c.id)).scalar_subquery()
            connection.execute(camera_looks.delete().where(camera_looks.c.id <= newest - KEEP))
