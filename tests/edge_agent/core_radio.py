"""The calendar on a real database, with the real station and loudspeakers on which only the time passes."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from core_examples import bulletin, command
from core_rig import Store, store

from drivers.audio.simulated import SimulatedSpeaker
from drivers.audio.wav import header
from drivers.contract import DriverContext, DriverFault, Piece
from edge_agent.broadcast.item import Prepared
from edge_agent.broadcast.station import Station
from edge_agent.bulletins.service import BulletinService
from edge_agent.calendar import Policy
from edge_agent.clock import SimulatedClock
from edge_agent.config.broadcast import Broadcast
from edge_agent.config.model import Speaker
from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.commands import CancelBulletin, Command, PlanBulletin
from edge_agent.contract.errors import Refusal
from edge_agent.contract.reports import BulletinState, SpeakerState
from edge_agent.contract.segments import Live, Pause, Relay, Segment, Text
from edge_agent.media import MediaStore
from tts.manner import ORDINARY, Manner

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
NOW = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)  # 05:00 on Monday the 23rd in Viet Nam
AIR = NOW + timedelta(minutes=30)
DAILY = {"rule": "FREQ=DAILY"}
S = timedelta(seconds=1)
SPEAKERS = (Speaker(id="loa-1", name="Loa", driver="horn"), Speaker(id="loa-2", name="Loa 2", driver="horn-2"))
NO_VOICE = Refusal("speech.no_engine", detail="gtts: offline")
NO_SOUND = DriverFault("speaker.device_lost", "unplugged", retry=True)
_RATE = 8000


def news(**changes: Any) -> Bulletin:
    return bulletin(**{"at": AIR, "recurrence": None, "id": "sang", "speaker": None, **changes})


def silence(path: Path, seconds: float) -> Path:
    """A sound file that takes no room: its samples are a hole."""
    if not path.exists():
        size = int(seconds * _RATE) * 2
        with path.open("wb") as file:
            file.write(header(_RATE, 1, 2, size))
            file.truncate(44 + size)
    return path


class Shelf:
    """A preparer that costs nothing: each text lasts `seconds`, or as long as `lengths` says; fails when told to."""

    def __init__(self, folder: Path, seconds: float = 10) -> None:
        self.folder = folder / "shelf"
        self.folder.mkdir(exist_ok=True)
        self.seconds = seconds
        self.lengths: dict[str, float] = {}
        self.said: list[str] = []
        self.owners: list[str] = []
        self.released: list[str] = []
        self.unclear: tuple[str, ...] = ()
        self.manners: list[Manner] = []
        self.error: Exception | None = None
        self.known: set[tuple[str, str]] = set()
        """On disk from before: ready without voice or network."""
        self.part_of: tuple[int, int] | None = None
        self.gate: asyncio.Event | None = None

    async def check(self, text: str, manner: Manner) -> None:
        """As the voice's reading: refuses what nobody said how to read."""
        open_ones = [word for word in self.unclear if word in text and word not in manner.readings]
        if open_ones and manner.strict:
            raise Refusal("speech.unclear", detail=f"how are these read: {open_ones}")

    async def prepare(
        self,
        owner: str,
        segments: tuple[Segment, ...],
        manner: Manner = ORDINARY,
        progress: Callable[[int, int], None] = lambda _k, _n: None,
        *,
        better: bool = False,
    ) -> Prepared:
        self.owners.append(owner)
        progress(0, len(segments))
        if self.part_of is not None:
            progress(*self.part_of)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None and (owner, repr(segments)) not in self.known:
            raise self.error
        self.known.add((owner, repr(segments)))
        pieces = [self._piece(segment) for segment in segments]
        texts = [segment.text for segment in segments if isinstance(segment, Text)]
        for text in texts:
            await self.check(text, Manner({**manner.readings}, manner.strict))
        self.said += texts
        self.manners.append(manner)
        progress(len(segments), len(segments))
        return Prepared(
            tuple(pieces),
            sum(piece.seconds or 0 for piece in pieces),
            sha256=("ab" * 32,) * len(pieces),
            voice="vi",
            spoken=" ".join(texts),
        )

    def _piece(self, segment: Segment) -> Piece:
        if isinstance(segment, Pause | Relay | Live):
            return Piece(seconds=segment.seconds)
        seconds = self.lengths.get(segment.text, self.seconds) if isinstance(segment, Text) else 3.0
        return Piece(silence(self.folder / f"{seconds:g}.wav", seconds), seconds)

    async def release(self, owner: str) -> None:
        self.released.append(owner)

    def siren(self) -> Path:
        return silence(self.folder / "siren.wav", 3)


class Horn(SimulatedSpeaker):
    """Remembers when it was heard; fails when told to."""

    def __init__(self, name: str, clock: SimulatedClock, folder: Path) -> None:
        super().__init__(self.Config(), DriverContext(name, clock, logging.getLogger(name), folder))
        self.clock = clock
        self.played: list[datetime] = []
        self.heard: list[tuple[datetime, float, float]] = []
        """From when, from which second of the pieces, for how many seconds."""
        self.error: Exception | None = None

    async def play(self, sound: Any, *, skip_s: float = 0.0, on_start: Any = None, **more: Any) -> Any:
        begun: list[float] = []

        def started(start: Any) -> None:
            begun.append(self.clock.monotonic())
            self.played.append(start.started_at)
            if on_start is not None:
                on_start(start)

        if self.error is not None:
            at = more.get("at")
            await self.clock.sleep(max(0.0, (at - self.clock.now()).total_seconds()) if at is not None else 0)
            raise self.error
        try:
            return await super().play(sound, skip_s=skip_s, on_start=started, **more)
        finally:
            if begun:
                self.heard.append((self.played[-1], skip_s, self.clock.monotonic() - begun[0]))


class Radio:
    """A node's calendar and station."""

    def __init__(
        self, node: Store, seconds: float = 10, *, policy: Policy | None = None, broadcast: Broadcast | None = None
    ) -> None:
        self.node = node
        self.clock = node.clock
        self.shelf = Shelf(node.folder, seconds)
        self.horn: Horn | None = Horn("horn", node.clock, node.folder)
        self.second = Horn("horn-2", node.clock, node.folder)
        self.posts: list[BulletinState] = []
        self.speakers: list[SpeakerState] = []
        self.station = Station(
            SPEAKERS,
            broadcast or Broadcast(gap_s=0),
            ZONE,
            node.clock,
            node.recorder,
            node.database,
            node.outbox,
            sounds=self.shelf,
            media=MediaStore(None, str),
            driver=lambda name: self.horn if name == "horn" else self.second,
            lines=lambda _name: None,
            post=self.speakers.append,
        )
        self.service = BulletinService(
            self.station,
            self.shelf,
            ZONE,
            node.clock,
            node.clock,
            node.database,
            node.outbox,
            speakers=SPEAKERS,
            policy=policy or Policy(),
            check_reading=self.shelf.check,
            post=self.posts.append,
            on_record=lambda: None,
            keep=node.recorder.keep,
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        assert self.horn is not None
        await self.horn.__aenter__()
        await self.second.__aenter__()
        await self.station.load()
        await self.service.load()
        await self.station.start()
        self._task = asyncio.create_task(self.service.run())
        await self.node.settle()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.service.stop()
        await self.station.stop()

    async def plan(self, wanted: Bulletin, by: str = "nguyen.van.a") -> Any:
        asked = command(PlanBulletin(bulletin=wanted), by=by)
        return await self.write(await self.service.plan(asked, PlanBulletin(bulletin=wanted)))

    async def cancel(self, name: str) -> None:
        await self.write(await self.service.cancel(command(), CancelBulletin(bulletin=name)))

    async def write(self, act: Any, asked: Command | None = None) -> Any:
        """As the desk does it: the act and its events in one transaction, then `settled`."""

        def work(db: Any) -> None:
            if act.record is not None:
                act.record(db)
            self.node.outbox.append_in(db, *act.entries)

        await self.node.database.write(work)
        if act.settled is not None:
            act.settled(True)
        await self.node.settle()
        return act.result

    async def passes(self, by: timedelta) -> None:
        await self.clock.advance(by)

    async def until(self, actual: str) -> None:
        """Until a bulletin is so, while simulated time stands still: disk and threads take as long as they take."""
        for _ in range(200):
            if self.actuals()[-1:] == [actual]:
                return
            await self.passes(timedelta())

    def state(self, name: str = "sang") -> BulletinState:
        return [post for post in self.posts if post.id == name][-1]

    def actuals(self, name: str = "sang") -> list[str]:
        seen = [post.actual for post in self.posts if post.id == name]
        return [each for place, each in enumerate(seen) if place == 0 or seen[place - 1] != each]

    async def aired(self, name: str = "sang") -> list[dict[str, Any]]:
        """The airings of a bulletin as they were told."""
        await self.node.recorder.flush()
        return [event["data"] for event in await self.node.events("aired") if event["data"]["id"] == name]

    async def told(self, name: str = "sang") -> list[tuple[str, str, str | None]]:
        """What became of the instants: local time, state, code."""
        found = []
        for data in await self.aired(name):
            at = datetime.fromisoformat(data["planned"]).astimezone(ZONE)
            found.append((f"{at:%d %H:%M}", data["state"], data.get("code")))
        return found


@asynccontextmanager
async def radio(
    folder: Path, now: datetime = NOW, *, trusted: bool = True, seconds: float = 10, **more: Any
) -> AsyncIterator[Radio]:
    threads = ThreadPoolExecutor(1, "blocking")  # one: what is asked of it last is done last
    asyncio.get_running_loop().set_default_executor(threads)
    async with store(folder, SimulatedClock(now, trusted=trusted)) as node:
        rig = Radio(node, seconds, **more)

        async def settled() -> None:
            """Simulated time stands still until threads and disk have done what was asked of them."""
            await node.settle()
            await asyncio.to_thread(int)
            await node.settle()

        node.clock.settled = settled
        await rig.start()
        try:
            yield rig
        finally:
            await rig.stop()
