"""Asks nodes what their cameras recorded and saw: one question serves all who look, and its answer a while."""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from edge_agent.contract.base import iso
from edge_agent.contract.errors import Fault
from edge_agent.contract.watching import ListRecordings, Moved, Recorded, RecordingList, TakeSnapshot
from hub.cameras import lookback_rows as rows
from hub.clock import Clock
from hub.commands import Commands, Outcome
from hub.media import MediaStore
from hub.pictures import Picture
from hub.store import Store, StoreFull

FRESH_S = 4.0
OLD_FRESH_S = 60.0
"""So long an answer on time that is over serves: only retention changes it."""
LIST_S = 8.0
STILL_S = 12.0
"""A picture of the past is searched and decoded first, then travels."""
MOST_DAYS = 200
"""Answers in memory."""
MOST_PICTURES = 5000
"""Names of pictures in memory."""
MOST_NOTED = 5000
"""Events of a day that are read from the database, the newest."""
MOST_ASKS = 6
"""Questions for one day with very many events."""
AT_ONCE = 3
"""Pictures of events that one node is asked for at the same time."""
_AROUND = timedelta(days=2)
AGAIN_S = 20.0
"""A picture that a node could not give is not asked for again so soon."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a span of time. `source`: asked now, what the node said before, or only what the hub noted."""

    list: RecordingList
    source: Literal["node", "before", "hub"]
    asked: datetime | None = None
    outcome: Outcome | None = None
    """Why the node was not (or could not be) asked."""


@dataclass(frozen=True, slots=True)
class _Answer:
    list: RecordingList
    asked: datetime
    monotonic: float


_Key = tuple[str, str, datetime, datetime]


class Asking:
    """Lists and stills of cameras."""

    def __init__(self, commands: Commands, media: MediaStore, store: Store, clock: Clock) -> None:
        self._commands = commands
        self._media = media
        self._store = store
        self._clock = clock
        self._answers: dict[_Key, _Answer] = {}
        self._running: dict[_Key, asyncio.Task[Found]] = {}
        self._gates: dict[str, asyncio.Semaphore] = {}
        self._pictures: dict[tuple[str, str, str], str] = {}
        self._in_vain: dict[tuple[str, str, str], tuple[float, Outcome]] = {}

    async def recordings(self, address: str, camera: str, begin: datetime, end: datetime, *, online: bool) -> Found:
        """What the camera recorded and saw between two instants, asked of the node where that is there."""
        key = (address, camera, begin, end)
        if not online:
            return await self._from_hub(key, None)
        known = self._answers.get(key)
        fresh = FRESH_S if end > self._clock.now() else OLD_FRESH_S
        if known and self._clock.monotonic() - known.monotonic < fresh:
            return Found(known.list, "node", known.asked)
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._ask(key))
            task.add_done_callback(lambda _: self._running.pop(key, None))
        return await asyncio.shield(task)

    def forget(self, address: str, camera: str) -> None:
        """What was kept or taken by hand changes the answers."""
        for key in [key for key in self._answers if key[:2] == (address, camera)]:
            del self._answers[key]

    async def still(self, address: str, camera: str, at: datetime) -> Picture:
        """The recorded picture of an instant, or why there is none."""
        return await self._take(address, TakeSnapshot(camera=camera, at=at))

    async def event_picture(self, address: str, camera: str, id_: str, *, online: bool) -> Picture:
        """The picture of a motion event: from the media store, else from the node. Raises SQLAlchemyError."""
        key = (address, camera, id_)
        known = self._pictures.get(key) or await self._known_picture(*key)
        medium = self._media.get(known) if known else None
        if medium is not None and medium.is_picture:
            return Picture(self._clock.monotonic(), medium)
        if not online:
            return Picture(self._clock.monotonic(), outcome=Outcome("unsent"))
        since, outcome = self._in_vain.get(key, (0.0, Outcome("unsent")))
        if since and self._clock.monotonic() - since < AGAIN_S:
            return Picture(since, outcome=outcome)
        async with self._gates.setdefault(address, asyncio.Semaphore(AT_ONCE)):
            picture = await self._take(address, TakeSnapshot(camera=camera, event=id_))
        if picture.medium is not None:
            self._remember(key, picture.medium.path.stem)
        elif picture.outcome is not None:
            self._in_vain[key] = (self._clock.monotonic(), picture.outcome)
            while len(self._in_vain) > MOST_DAYS:
                del self._in_vain[next(iter(self._in_vain))]
        return picture

    async def stop(self) -> None:
        """End what runs."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, address: str, args: TakeSnapshot) -> Picture:
        outcome = await self._commands.send(address, args, limit=STILL_S, life=STILL_S)
        sha256 = str(outcome.result.get("sha256", ""))
        medium = self._media.get(sha256) if outcome.state == "done" else None
        if outcome.state == "done" and (medium is None or not medium.is_picture):
            medium, outcome = None, Outcome("failed", Fault.of("media.refused", detail=sha256[:16] or "-"))
        at = str(outcome.result.get("at", ""))
        return Picture(self._clock.monotonic(), medium, at, None if medium else outcome)

    async def _ask(self, key: _Key) -> Found:
        address, camera, begin, end = key
        whole: RecordingList | None = None
        for _ in range(MOST_ASKS):
            args = ListRecordings(camera=camera, begin=begin, end=end)
            outcome = await self._commands.send(address, args, limit=LIST_S, life=LIST_S)
            try:
                part = (
                    _likely(RecordingList.model_validate(outcome.result), begin, end)
                    if outcome.state == "done"
                    else None
                )
            except ValidationError:
                part, outcome = None, Outcome("failed", Fault.of("command.malformed", detail="camera.recordings"))
            if part is None:
                break
            whole = part if whole is None else _joined(whole, part)
            if not part.more or not part.moved or part.moved[-1].begin <= begin:
                break
            begin = part.moved[-1].begin
        if whole is None:
            return await self._from_hub(key, outcome)
        answer = _Answer(whole, self._clock.now(), self._clock.monotonic())
        self._answers.pop(key, None)
        self._answers[key] = answer
        while len(self._answers) > MOST_DAYS:
            del self._answers[next(iter(self._answers))]
        return Found(whole, "node", answer.asked)

    async def _from_hub(self, key: _Key, outcome: Outcome | None) -> Found:
        """What the node said before, and what it told of motion by itself."""
        try:
            noted = await self._noted(key)
        except SQLAlchemyError:
            noted = []
        known = self._answers.get(key)
        if known is None:
            return Found(RecordingList(camera=key[1], moved=tuple(noted)), "hub", None, outcome)
        have = {moved.id for moved in known.list.moved}
        moved = sorted([*known.list.moved, *(m for m in noted if m.id not in have)], key=lambda m: (m.begin, m.id))
        return Found(known.list.model_copy(update={"moved": tuple(moved)}), "before", known.asked, outcome)

    async def _noted(self, key: _Key) -> list[Moved]:
        noted = tuple(await self._store.read(lambda connection: rows.moved(connection, *key)))
        return list(_likely(RecordingList(camera=key[1], moved=noted[-MOST_NOTED:]), *key[2:]).moved)

    async def _known_picture(self, address: str, camera: str, id_: str) -> str | None:
        found = await self._store.read(lambda connection: rows.pictures(connection, address, camera, [id_]))
        return found.get(id_)

    def _remember(self, key: tuple[str, str, str], sha256: str) -> None:
        self._pictures[key] = sha256
        while len(self._pictures) > MOST_PICTURES:
            del self._pictures[next(iter(self._pictures))]
        with contextlib.suppress(StoreFull):  # after a restart it is asked for again
            self._store.offer(lambda connection: rows.save_picture(connection, *key, sha256))


def _likely(told: RecordingList, begin: datetime, end: datetime) -> RecordingList:
    """Without what cannot be about this time: a node whose clock or disk is mad must not take the page with it."""
    first, last = begin - _AROUND, end + _AROUND

    def within(one: Moved | Recorded) -> bool:
        until = one.end if one.end is not None else one.begin
        return first <= one.begin <= until <= last

    recorded = tuple(one for one in told.recorded if within(one) and one.bytes < 2**53)
    return told.model_copy(update={"recorded": recorded, "moved": tuple(one for one in told.moved if within(one))})


def _joined(first: RecordingList, then: RecordingList) -> RecordingList:
    """Events only: what was recorded stands whole in the first answer."""
    have = {moved.id for moved in first.moved}
    moved = (*first.moved, *(m for m in then.moved if m.id not in have))
    return first.model_copy(update={"moved": moved, "more": then.more})


def day_of(text: str | None, today: datetime) -> datetime:
    """Local midnight of `YYYY-MM-DD` in the zone of the instant `today`; of today where none is given.

    Raises ValueError.
    """
    there = today.replace(hour=0, minute=0, second=0, microsecond=0)
    if not text:
        return there
    day = datetime.fromisoformat(text)
    ahead = day.replace(tzinfo=today.tzinfo) - there  # a page may be open over midnight
    if len(text) != 10 or day.year < 2020 or ahead > timedelta(days=1):
        raise ValueError(f"no day: {text[:20]!r}")
    return min(day.replace(tzinfo=today.tzinfo), there)


def day_after(midnight: datetime, days: int = 1) -> datetime:
    """Local midnight so many days later: wall time, whatever the clocks did that night."""
    return midnight + timedelta(days=days)


def as_json(found: Found, zone: str) -> dict[str, object]:
    """For programs."""
    told = found.list.model_dump(mode="json", exclude_none=True)
    asked = {"asked": iso(found.asked)} if found.asked else {}
    fault = found.outcome.fault if found.outcome else None
    why = {"fault": fault.model_dump(mode="json")} if fault else {}
    return {**told, "source": found.source, "timezone": zone, **asked, **why}
