"""Emergency messages written in a quiet hour. Their sound is made beforehand, so that none waits for a voice."""

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from edge_agent.contract.ids import uuid7
from hub.air.emergency_book import Words
from hub.air.seeds import SEEDS
from hub.air.tables import prepared
from hub.clock import Clock
from hub.forms import FormError
from hub.media import MediaStore
from hub.media_parts import MediaRefused
from hub.people.acting import by
from hub.people.audit import Audit
from hub.store import Store
from hub.tables import upsert
from hub.voice import Voice
from tts.errors import SpeechError

logger = logging.getLogger(__name__)

MOST = 40
LONGEST = 1500
"""Characters of a message: two minutes of speech."""
FIRST_S = 20.0
"""A hub that starts has more urgent things to do."""
AGAIN_S = 600.0
_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """A prepared message. `sound`: SHA-256 and size of its speech, once it was made."""

    id: str
    title: str
    text: str
    clear: str
    readings: Mapping[str, str] = field(default_factory=dict)
    drill: bool = False
    position: int = 0
    sound: tuple[str, int] | None = None

    @property
    def words(self) -> Words:
        """What is said."""
        return Words(self.title, self.text, self.readings, self.clear, self.drill, self.sound)


class Prepared:
    """All prepared messages, in memory, written before they count."""

    def __init__(self, store: Store, voice: Voice, media: MediaStore, audit: Audit, clock: Clock) -> None:
        self._store = store
        self._voice = voice
        self._media = media
        self._audit = audit
        self._clock = clock
        self._known: dict[str, Message] = {}
        self._news = asyncio.Event()

    async def load(self) -> None:
        """Read them; a new hub gets some to begin with. Raises SQLAlchemyError, StoreFull."""
        now = iso(self._clock.now())
        found = await self._store.call(lambda connection: _load(connection, now))
        self._known = {message.id: message for message in found}

    @property
    def all(self) -> tuple[Message, ...]:
        """In the order of the page."""
        return tuple(sorted(self._known.values(), key=lambda message: (message.position, message.id)))

    def get(self, id_: str) -> Message | None:
        """One of them."""
        return self._known.get(id_)

    def checked(self, message: Message) -> Message:
        """The same in its place, where it can be kept. Raises FormError."""
        if not message.title:
            raise FormError("emergency.no_title")
        if len(message.clear) > LONGEST:
            raise FormError("form.too_long", limit=LONGEST)
        if message.drill and "diễn tập" not in message.text.casefold():
            raise FormError("emergency.drill_words")
        known = self._known.get(message.id)
        if known is None and len(self._known) >= MOST:
            raise FormError("emergency.too_many", limit=MOST)
        return replace(message, id=known.id if known else "", position=known.position if known else 0)

    async def save(self, message: Message) -> Message:
        """Keep a new one (without id), or a changed one. Raises SQLAlchemyError, StoreFull."""
        position = message.position or max((known.position for known in self._known.values()), default=0) + 1
        kept = replace(message, id=message.id or uuid7(), position=position, sound=None)
        self._audit.note("emergency.prepare", "", kept.title, id=kept.id, text=kept.text)
        await self._write(kept)
        self._known[kept.id] = kept
        self._news.set()
        return kept

    async def remove(self, id_: str) -> None:
        """Offer it no more. Raises KeyError, SQLAlchemyError, StoreFull."""
        message = self._known[id_]
        self._audit.note("emergency.unprepare", "", message.title, id=id_)
        gone = prepared.update().where(prepared.c.id == id_).values(removed=1, changed=iso(self._clock.now()), by=by())
        await self._store.call(lambda connection: connection.execute(gone) and None)
        del self._known[id_]

    async def run(self) -> None:
        """Make the sounds that are missing, until cancelled."""
        await asyncio.sleep(FIRST_S)
        while True:
            self._news.clear()
            for message in self.all:
                if message.sound is None or self._media.get(message.sound[0]) is None:
                    await self._make(message)
            try:
                async with asyncio.timeout(AGAIN_S):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _make(self, message: Message) -> None:
        try:
            speech = await self._voice.say(message.text, message.readings, plain=False)
            data = await asyncio.to_thread(Path.read_bytes, speech.path)
            sha256 = hashlib.sha256(data).hexdigest()
            if self._media.hold(sha256) is None:
                await self._media.put(sha256, _chunks(data))
        except (SpeechError, OSError, MediaRefused) as error:
            logger.warning("no sound of the prepared message %s: %s; nodes say it themselves", message.id, error)
            return
        if self._known.get(message.id) is message:
            self._known[message.id] = made = replace(message, sound=(sha256, len(data)))
            await self._write(made)

    async def _write(self, message: Message) -> None:
        row = _row(message, iso(self._clock.now()), by())
        await self._store.call(lambda connection: upsert(connection, prepared, row))


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), _CHUNK):
        yield data[start : start + _CHUNK]


def _row(message: Message, now: str, who: str) -> dict[str, Any]:
    sha256, size = message.sound or ("", 0)
    return {
        "id": message.id,
        "position": message.position,
        "title": message.title,
        "text": message.text,
        "clear": message.clear,
        "readings": json.dumps(dict(message.readings), ensure_ascii=False),
        "drill": int(message.drill),
        "removed": 0,
        "changed": now,
        "by": who,
        "sound": sha256,
        "bytes": size,
    }


def _load(connection: Connection, now: str) -> list[Message]:
    if connection.execute(sa.select(sa.func.count()).select_from(prepared)).scalar_one() == 0:
        for position, (title, text, clear, drill) in enumerate(SEEDS, 1):
            seed = Message(f"seed-{position}", title, text, clear, {}, drill, position)
            connection.execute(prepared.insert().values(**_row(seed, now, "edge-hub")))
    rows = connection.execute(sa.select(prepared).where(prepared.c.removed == 0))
    return [
        Message(
            row.id,
            row.title,
            row.text,
            row.clear,
            json.loads(row.readings),
            bool(row.drill),
            row.position,
            (row.sound, row.bytes) if row.sound else None,
        )
        for row in rows
    ]
