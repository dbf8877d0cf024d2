"""What was said to everybody, and what will be today: only what was let go on air; what was cancelled goes at once."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.segments import Audio, Segment, Text, Version
from hub.aired.rows import airings
from hub.bulletins.desk import Bulletins
from hub.bulletins.instants import instances
from hub.bulletins.model import Content, HubBulletin, Released, State, Targets
from hub.bulletins.scope import Scope
from hub.clock import Clock
from hub.media import MediaStore
from hub.people.rights import Place
from hub.store import Store

MOST, KEPT = 20, 100
"""Shown of a commune; looked at of all together."""
FRESH_S = 20.0
"""However many residents look, the database is asked at most so often."""
BACK = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Part:
    """A paragraph, a sound, or both."""

    text: str
    sound: str = ""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One language of it."""

    language: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Announcement:
    """One of them: when it was on air last, or will be. `communes`: where; `withdrawn`: it holds no longer."""

    title: str
    at: datetime
    class_: str
    places: tuple[str, ...]
    spoken: tuple[Spoken, ...] = ()
    communes: frozenset[str] = frozenset()
    withdrawn: bool = False

    def is_in(self, commune: str) -> bool:
        """Whether it is for this commune; one that is for everywhere is."""
        return not commune or "" in self.communes or commune in self.communes


@dataclass(frozen=True, slots=True)
class Board:
    """What hangs out for everybody."""

    past: tuple[Announcement, ...] = ()
    today: tuple[Announcement, ...] = ()
    sounds: frozenset[str] = frozenset()

    def within(self, commune: str) -> "Board":
        """What of it is for a commune; all, where none is named."""
        past, today = (tuple(one for one in ones if one.is_in(commune)) for ones in (self.past, self.today))
        return Board(past[:MOST], today[:MOST], self.sounds)


class Announcements:
    """Made again when it is older than `FRESH_S`."""

    def __init__(
        self, store: Store, desk: Bulletins, scope: Scope, media: MediaStore, clock: Clock, zone: ZoneInfo
    ) -> None:
        self._store = store
        self._desk = desk
        self._scope = scope
        self._media = media
        self._clock = clock
        self._zone = zone
        self._board = Board()
        self._made = float("-inf")
        desk.on_change.append(self._changed)

    def _changed(self, bulletin: HubBulletin) -> None:
        """Nobody sees or hears any longer what was cancelled."""
        self._made = float("-inf")
        if bulletin.state is State.CANCELLED:
            gone = {sha256 for segment in bulletin.content.segments if (sha256 := _sound_of(segment))}
            self._board = replace(self._board, sounds=self._board.sounds - gone)

    def is_public(self, sha256: str) -> bool:
        """Whether this sound was on air, in an announcement that is shown."""
        return sha256 in self._board.sounds

    async def board(self) -> Board:
        """What is shown now. Raises SQLAlchemyError."""
        if self._clock.monotonic() - self._made > FRESH_S:
            self._made = self._clock.monotonic()
            self._board = await self._look()
        return self._board

    async def _look(self) -> Board:
        known = {b.id: b for b in (*await self._desk.past(100), *self._desk.open.values())}
        let_go = {id_: b for id_, b in known.items() if b.released or b.state in (State.DONE, State.CANCELLED)}
        now = self._clock.now()
        aired = await self._store.read(lambda c: _last(c, list(let_go), now - BACK))
        newest = sorted(aired.items(), key=lambda pair: pair[1], reverse=True)[:KEPT]
        past = tuple(self._past(let_go[id_], at) for id_, at in newest)
        today = tuple(self._today(let_go.values(), now))
        sounds = {part.sound for one in past for spoken in one.spoken for part in spoken.parts if part.sound}
        return Board(past, today, frozenset(sounds))

    def _today(self, let_go: Iterable[HubBulletin], now: datetime) -> list[Announcement]:
        midnight = datetime.combine(now.astimezone(self._zone).date() + timedelta(days=1), datetime.min.time())
        end = midnight.replace(tzinfo=self._zone).astimezone(UTC)
        found = []
        for bulletin in let_go:
            released = bulletin.released
            if released is None or bulletin.id not in self._desk.open:
                continue
            for instance in instances(released.schedule, now, end, self._zone):
                found.append(self._one(released.content, released.targets, instance.at))
        return sorted(found, key=lambda one: one.at)[:KEPT]

    def _past(self, bulletin: HubBulletin, at: datetime) -> Announcement:
        """What was heard: of one that is over its last words, of one that was cancelled no more than its title."""
        if bulletin.state is State.CANCELLED:
            return replace(self._one(bulletin.content, bulletin.targets, at), withdrawn=True)
        heard: Released | HubBulletin = bulletin.released or bulletin
        one = self._one(heard.content, heard.targets, at)
        return replace(one, spoken=tuple(self._spoken(version) for version in heard.content.versions))

    def _one(self, content: Content, targets: Targets, at: datetime) -> Announcement:
        """Its title; before it is on air no more is shown."""
        words = tuple(word for word in self._scope.words(targets, "", "") if word)
        communes = frozenset(Place.parse(place).commune for place in targets.places)
        return Announcement(content.title, at, content.class_, words, communes=communes)

    def _spoken(self, version: Version) -> Spoken:
        parts = []
        for segment in version.segments:
            if isinstance(segment, Text):
                parts.append(Part(segment.text, self._sound(_sound_of(segment))))
            elif isinstance(segment, Audio):
                parts.append(Part(segment.title, self._sound(_sound_of(segment))))
        return Spoken(version.language, tuple(part for part in parts if part.text or part.sound))

    def _sound(self, sha256: str) -> str:
        return sha256 if sha256 and self._media.get(sha256) else ""


def _sound_of(segment: Segment) -> str:
    """SHA-256 of what is heard of a segment that is public."""
    if isinstance(segment, Text):
        return segment.rendered.sha256 if segment.rendered else ""
    return segment.sound.sha256 if isinstance(segment, Audio) else ""


def _last(connection: Connection, ids: list[str], since: datetime) -> dict[str, datetime]:
    """When each of these was on air the last time, if it was."""
    began = sa.func.max(airings.c.at)
    query = (
        sa.select(airings.c.item, began)
        .where(airings.c.item.in_(ids), airings.c.state != "missed", airings.c.at >= int(since.timestamp() * 1e6))
        .group_by(airings.c.item)
    )
    return {item: datetime.fromtimestamp(at / 1e6, UTC) for item, at in connection.execute(query)}
