"""All loudspeakers of the node, and the commands about them."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from drivers.contract import Piece, Switchable
from drivers.contract import Speaker as Driver
from edge_agent.broadcast import alarm as table
from edge_agent.broadcast.air import Air
from edge_agent.broadcast.amplifier import Amplifier
from edge_agent.broadcast.board import SpeakerBoard
from edge_agent.broadcast.clashes import Clashes
from edge_agent.broadcast.emergency import Emergencies, Sounds
from edge_agent.broadcast.item import Item
from edge_agent.broadcast.job import Job
from edge_agent.broadcast.listener import Ears, Listener, Nobody
from edge_agent.broadcast.memory import Memory, put, put_order
from edge_agent.broadcast.playing import Player
from edge_agent.broadcast.progress import Progress
from edge_agent.broadcast.ranks import Ranks
from edge_agent.broadcast.timing import Timing
from edge_agent.broadcast.volume import Volume
from edge_agent.clock import Clock
from edge_agent.config.broadcast import Broadcast
from edge_agent.config.model import Speaker
from edge_agent.contract.airings import Clash, Hearing
from edge_agent.contract.bulletins import DEFAULT_AUTHORITY, BulletinClass
from edge_agent.contract.commands import (
    AcknowledgeEmergency,
    Command,
    OrderBulletins,
    SetVolume,
    StopSpeaker,
)
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.ids import is_uuid7
from edge_agent.contract.reports import SpeakerState
from edge_agent.desk.act import Act
from edge_agent.media import MediaStore
from edge_agent.proof.model import Heard
from edge_agent.recorder import Recorder
from edge_agent.store.database import Database
from edge_agent.store.outbox import Entry, Outbox

log = logging.getLogger(__name__)
_TEST_WAITS_S = 120


@dataclass(frozen=True, slots=True)
class _Horn:
    """One speaker with all that belongs to it."""

    config: Speaker
    board: SpeakerBoard
    ears: Ears
    player: Player
    air: Air


Hours = Callable[[BulletinClass, str, datetime, float | None], None]
"""Class, speaker, instant, seconds if they are known."""


class Station:
    """One `Air` a speaker, and the emergencies."""

    def __init__(  # noqa: PLR0913 - drivers, disk, sounds and state meet here
        self,
        speakers: Sequence[Speaker],
        policy: Broadcast,
        zone: ZoneInfo,
        clock: Clock,
        recorder: Recorder,
        database: Database,
        outbox: Outbox,
        *,
        sounds: Sounds,
        media: MediaStore,
        driver: Callable[[str], Driver | None],
        lines: Callable[[str], Switchable | None],
        post: Callable[[SpeakerState], None],
        on_record: Callable[[], None] = lambda: None,
        uncertainty_ms: Callable[[], float | None] = lambda: None,
    ) -> None:
        """`driver` and `lines` give open drivers by id; `post` publishes a state; `uncertainty_ms` is the clock's."""
        self._policy = policy
        self._zone = zone
        self._clock = clock
        self._recorder = recorder
        self._driver = driver
        self._uncertainty_ms = uncertainty_ms
        self._ranks = Ranks(policy)
        self.listener: Listener = Nobody()
        """Who listens; set it before anything is on air."""
        self.hours: Hours = _any_time
        """Raises Refusal where hours forbid what somebody asks for now; whoever knows the law sets it."""
        self._amplifiers: dict[str, Amplifier] = {}
        for speaker in speakers:
            if (settings := speaker.amplifier) is not None and settings.line not in self._amplifiers:
                self._amplifiers[settings.line] = Amplifier(settings, clock, lines, self._amplifier_changed)
        boards = {speaker.id: SpeakerBoard(speaker.id, clock, post) for speaker in speakers}
        self._memory = Memory(boards, database, media)
        self._horns = {speaker.id: self._horn(speaker, boards[speaker.id]) for speaker in speakers}
        self._last_on: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.emergencies = Emergencies(
            clock,
            database,
            outbox,
            sounds,
            air=self.air,
            on_record=on_record,
            keep=recorder.keep,
            changed=self._emergencies_changed,
            fault=lambda speaker, fault: self.board(speaker).fault("emergency", fault),
        )

    def check(
        self, class_: BulletinClass, authority: str, speaker: str, at: datetime | None, seconds: float | None = None
    ) -> None:
        """Raise Refusal for an authority that is not configured, and outside the lawful hours. Never for emergencies.

        A node that does not know the time cannot judge the hours, and lets people speak.
        """
        if class_ == "emergency":
            return
        self.check_authority(authority)
        if self._clock.trusted:
            now = self._clock.now()
            self.hours(class_, speaker, now if at is None else max(at, now), seconds)

    def check_authority(self, authority: str) -> None:
        """Raises Refusal `bulletin.unknown_authority`. The one that commands have by default is known everywhere."""
        if authority not in self._policy.authorities and authority != DEFAULT_AUTHORITY:
            known = ", ".join(self._policy.authorities)
            raise Refusal("bulletin.unknown_authority", authority=authority, known=known)

    async def load(self) -> None:
        """Read volumes, order, what was said last, and emergencies that the end of the agent cut off."""
        volumes, order = await self._memory.load()
        for speaker, volume in volumes.items():
            if speaker in self._horns:
                self._horns[speaker].player.chosen = volume
                self._horns[speaker].board.say(volume=volume)
        self._ranks.choose(order)
        await self.emergencies.load()
        for speaker in self._horns:
            self._emergencies_changed(speaker)

    async def start(self) -> None:
        """Once, when drivers are open: amplifiers off, and emergencies go on."""
        await asyncio.gather(*(amplifier.refresh() for amplifier in self._amplifiers.values()))
        await self.emergencies.start()

    async def stop(self) -> None:
        """Silence, amplifiers off. Who called `air` is to be cancelled before."""
        await self.emergencies.stop()
        await self._memory.stop()
        await asyncio.gather(*(horn.ears.stop() for horn in self._horns.values()))
        await asyncio.gather(*(amplifier.stop() for amplifier in self._amplifiers.values()))

    def watch(self, turned: Callable[[str, float], None], rests: Callable[[str], None]) -> None:
        """Let somebody hear, by name, that what is on air goes on, and that it is over."""
        for id_, horn in self._horns.items():
            horn.player.progress = Progress(f"audio/{id_}", turned, rests)

    def report(self, changed: str | None = None) -> None:
        """Publish the state of all speakers; `changed` is a driver that came or went."""
        for horn in self._horns.values():
            name, before = horn.config.driver, horn.board.state
            gone = self._driver(name) is None
            fault = Fault.of("speaker.no_device", detail=f"driver {name} is not working") if gone else None
            horn.board.fault("device", fault)
            if not gone and changed in (None, name):
                horn.board.fault("sound", None)
            horn.player.tell_noise()
            if horn.board.state is before:
                horn.board.repeat()
        for line, amplifier in self._amplifiers.items():
            if changed is not None and line.partition("/")[0] == changed:
                self._spawn(amplifier)

    def speaker(self, speaker: str | None) -> str:
        """The id of a speaker by its id, or of the first. Raises Refusal `command.unknown_thing`."""
        if speaker is None and self._horns:
            return next(iter(self._horns))
        if speaker is None or speaker not in self._horns:
            known = ", ".join(self._horns) or "-"
            raise Refusal("command.unknown_thing", kind="speaker", id=speaker or "-", known=known)
        return speaker

    def air(self, speaker: str | None = None) -> Air:
        """The air of a speaker, or of the first. Raises Refusal `command.unknown_thing`."""
        return self._horns[self.speaker(speaker)].air

    def board(self, speaker: str | None = None) -> SpeakerBoard:
        """The state of a speaker, or of the first, to tell something. Raises Refusal `command.unknown_thing`."""
        return self._horns[self.speaker(speaker)].board

    async def told(self, speaker: str) -> None:
        """Who listens to a speaker has heard of all that was on air."""
        await self._horns[speaker].ears.told()

    async def play_test(
        self, speaker: str, sound: Path, on_start: Callable[[datetime], None] = lambda _at: None
    ) -> None:
        """Play a sound to which nobody but who asks for it listens; `on_start` gets the instant of its first sample.

        Raises Refusal when it was not played to the end.
        """
        late = self._clock.now() + timedelta(seconds=_TEST_WAITS_S)
        item = Item("test", "-", (Piece(sound),), not_after=late, after="drop", proof=False)
        airing = await self.air(speaker).air(item, on_start=lambda start: on_start(start.started_at))
        if airing.code is not None:
            raise Refusal(airing.code, detail=airing.reason or "", by="-")

    def heard(self, item_id: str, heard: Heard) -> None:
        """The microphone's word on an item: shown, and put on record for what is no bulletin."""
        speaker = self._last_on.get(item_id)
        if speaker is None:
            return
        self.board(speaker).say(heard=heard.heard)
        if is_uuid7(item_id):
            hearing = Hearing(id=item_id, speaker=speaker, heard=heard.heard, heard_score=round(heard.score, 2))
            self._recorder.event("heard", f"speaker/{speaker}", **hearing.model_dump(mode="json", exclude_none=True))

    def listening_fault(self, speaker: str, fault: Fault | None) -> None:
        """What is wrong with a speaker as it is heard."""
        self.board(speaker).fault("listening", fault)

    async def stop_speaker(self, asked: Command, args: StopSpeaker) -> Act:
        """Handle `speaker.stop`: silence now, emergencies included."""
        name = self.speaker(args.speaker)
        ids = self.emergencies.active(name)
        was_playing = self.air(name).stop(asked.by)
        for id_ in ids:
            self.emergencies.end(id_, asked.by)

        def record(db: sqlite3.Connection) -> None:
            table.mark(db, ids, "ended")

        return Act(record, self._about_emergencies(ids, "ended", asked.by), result={"was_playing": was_playing})

    async def set_volume(self, asked: Command, args: SetVolume) -> Act:
        """Handle `speaker.volume`: heard at once, and kept through restarts."""
        name = self.speaker(args.speaker)
        horn = self._horns[name]
        horn.player.chosen = args.volume
        if horn.board.state.playing is None:
            horn.board.say(volume=args.volume)
        horn.player.adjust()
        return Act(lambda db: put(db, f"volume/{name}", str(args.volume)), result={"volume": args.volume})

    async def acknowledge(self, asked: Command, args: AcknowledgeEmergency) -> Act:
        """Handle `emergency.acknowledge`."""
        active = self.emergencies.active()
        if args.emergency is not None and args.emergency not in active:
            known = ", ".join(active) or "-"
            raise Refusal("command.unknown_thing", kind="emergency", id=args.emergency, known=known[:500])
        ids = self.emergencies.acknowledge(args.emergency, asked.by)

        def record(db: sqlite3.Connection) -> None:
            table.mark(db, ids, "acknowledged")

        entries = self._about_emergencies(ids, "acknowledged", asked.by)
        return Act(record, entries, result={"acknowledged": list(ids)})

    async def order(self, asked: Command, args: OrderBulletins) -> Act:
        """Handle `bulletin.order`."""
        chosen = self._ranks.choose(args.bulletins)
        for horn in self._horns.values():
            horn.air.arrange()
        return Act(lambda db: put_order(db, chosen), result={"order": list(args.bulletins)})

    def _horn(self, speaker: Speaker, board: SpeakerBoard) -> _Horn:
        amplifier = self._amplifiers.get(speaker.amplifier.line) if speaker.amplifier is not None else None
        ears = Ears(speaker.id, lambda: self.listener)
        about = f"speaker/{speaker.id}"

        def record_fault(fault: Fault) -> None:
            self._recorder.event("fault", about, code=fault.code, detail=str(fault.params.get("detail", "")))

        def record_clash(clash: Clash) -> None:
            self._recorder.event("clash", about, **clash.model_dump(mode="json"))

        player = Player(
            speaker,
            self._clock,
            driver=lambda: self._driver(speaker.driver),
            volume=Volume(speaker.loudness, self._policy.hours, self._zone),
            board=board,
            ears=ears,
            uncertainty_ms=self._uncertainty_ms,
            fault=record_fault,
        )
        air = Air(
            speaker.id,
            self._clock,
            timing=Timing(speaker, self._policy, self._clock, amplifier),
            player=player,
            ranks=self._ranks,
            board=board,
            amplifier=amplifier,
            clashes=Clashes(speaker.id, self._ranks, record_clash),
            heard=self._was_on_air,
        )
        return _Horn(speaker, board, ears, player, air)

    def _was_on_air(self, job: Job) -> None:
        self._last_on.pop(job.item.id, None)
        self._last_on[job.item.id] = job.speaker
        if len(self._last_on) > 200:
            del self._last_on[next(iter(self._last_on))]
        self._horns[job.speaker].player.tell_noise()
        self._memory.heard(job)

    def _amplifier_changed(self) -> None:
        for horn in self._horns.values():
            if horn.config.amplifier is not None:
                amplifier = self._amplifiers[horn.config.amplifier.line]
                horn.board.fault("amplifier", amplifier.fault)
                horn.board.say(amplifier=amplifier.on)

    def _emergencies_changed(self, speaker: str) -> None:
        self.board(speaker).say(emergencies=self.emergencies.active(speaker))

    def _about_emergencies(self, ids: Sequence[str], state: str, by: str) -> tuple[Entry, ...]:
        now = self._clock.now()
        return tuple(
            Entry.event(now, "emergency", f"emergency/{id_}", {"id": id_, "state": state, "by": by}) for id_ in ids
        )

    def _spawn(self, amplifier: Amplifier) -> None:
        task = asyncio.get_running_loop().create_task(amplifier.refresh(), name="amplifier-refresh")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _any_time(_class: BulletinClass, _speaker: str, _at: datetime, _seconds: float | None) -> None:
    return None
