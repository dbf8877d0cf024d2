"""Emergencies: a siren at once, then the words, again and again until somebody acknowledges, through any reboot."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Coroutine
from typing import Any

from edge_agent.broadcast import alarm as table
from edge_agent.broadcast.air import Air
from edge_agent.broadcast.alarm import Alarm, Row
from edge_agent.broadcast.sounding import Sounding, Sounds
from edge_agent.clock import Clock
from edge_agent.contract.airings import Airing
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.store.database import Database, StoreError
from edge_agent.store.outbox import Entry, Outbox

__all__ = ["Alarm", "Emergencies", "Sounds"]

log = logging.getLogger(__name__)
_AT_ONCE = 16
_SAVE_LIMIT_S = 1.0
_REMEMBERED = 200
_WRITE_AGAIN_S = 30.0


class Emergencies:
    """All emergencies of the node. Reached as `station.emergencies`."""

    def __init__(  # noqa: PLR0913 - air, sounds, disk and state meet here
        self,
        clock: Clock,
        database: Database,
        outbox: Outbox,
        sounds: Sounds,
        *,
        air: Callable[[str], Air],
        on_record: Callable[[], None],
        keep: Callable[[tuple[Entry, ...]], None],
        changed: Callable[[str], None],
        fault: Callable[[str, Fault | None], None],
    ) -> None:
        """`changed` and `fault` get the id of the speaker; `keep` gets events that the disk refused."""
        self._clock = clock
        self._database = database
        self._outbox = outbox
        self._sounds = sounds
        self._air = air
        self._on_record = on_record
        self._keep = keep
        self._changed = changed
        self._fault = fault
        self._running: dict[str, Sounding] = {}
        self._past: dict[str, Airing] = {}
        self._over: dict[str, asyncio.Event] = {}
        self._loaded: list[Row] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.settle: Callable[[sqlite3.Connection, Alarm, Airing], None] = lambda _db, _alarm, _airing: None
        """Called within the transaction that ends an alarm of a bulletin: the planner writes its own row there. The
        event `aired` is written by the emergency itself. May be called again after a roll-back."""

    async def load(self) -> None:
        """Read what was sounding when the node stopped; it goes on with `start`."""
        rows = await self._database.read(table.load)
        await self._try(table.trim)  # on a disk that cannot be written, an emergency goes on all the same
        for row in rows:
            if row.state == "over":
                if row.progress.airing is not None:
                    self._past[row.alarm.id] = row.progress.airing
            else:
                self._loaded.append(row)

    async def start(self) -> None:
        """Go on with what was loaded. Once, when drivers are open."""
        rows, self._loaded = self._loaded, []
        for row in rows:
            log.warning("emergency %s goes on after the restart", row.alarm.id)
            self._begin(row)

    async def stop(self) -> None:
        """Fall silent; what sounded goes on at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def active(self, speaker: str | None = None) -> tuple[str, ...]:
        """Ids that repeat, on one speaker or on all; also those that were loaded and have not started yet."""
        alarms = [*(row.alarm for row in self._loaded), *(each.alarm for each in self._running.values())]
        return tuple(alarm.id for alarm in alarms if speaker in (None, alarm.speaker))

    def sound_owners(self) -> set[str]:
        """Whose prepared sounds they need, see `Preparer.prepare`."""
        alarms = [*(row.alarm for row in self._loaded), *(each.alarm for each in self._running.values())]
        return {alarm.sound_owner for alarm in alarms}

    def known(self, id_: str) -> bool:
        """Whether it sounds, or did lately."""
        return id_ in self.active() or id_ in self._past

    async def sound(self, alarm: Alarm) -> Airing:
        """Write it down, sound it, and return what was heard when its words were heard once to the end.

        It goes on then. One that sounds already is only waited for. A disk that refuses does not keep it silent.
        Raises Refusal when it ended without: the voice's code, the speaker's, or `speaker.stopped`.
        """
        if (before := self._running.get(alarm.id)) is not None and before.ended is not None:
            await self.over(alarm.id)  # it falls silent: this one is another
        if alarm.id not in self.active():
            self.check_room()
            written = await self._try(lambda db: table.save(db, alarm))
            self.begin(alarm, unwritten=not written)
        return await self.first(alarm.id)

    def check_room(self) -> None:
        """Raises Refusal `command.busy` where too many sound already."""
        if len(self.active()) >= _AT_ONCE:
            raise Refusal("command.busy")

    @staticmethod
    def write(db: sqlite3.Connection, alarm: Alarm) -> None:
        """Write an alarm in a transaction of the caller's, which `begin`s it then."""
        table.save(db, alarm)

    def begin(self, alarm: Alarm, *, unwritten: bool = False) -> None:
        """Sound an alarm that was written, or could not be: then it is tried again."""
        if alarm.id in self.active():
            return
        self._begin(Row(alarm=alarm))
        if unwritten:
            self._spawn(self._write_again(self._running[alarm.id]), "emergency-write")

    async def first(self, id_: str) -> Airing:
        """Wait until its words were heard once to the end. Raises Refusal as `sound`."""
        sounding = self._running.get(id_)
        if sounding is not None:
            await sounding.first.wait()
            airing = sounding.airing()
        else:
            found = await self.over(id_)
            if found is None:
                raise Refusal("command.interrupted")
            airing = found
        if airing.state != "aired":
            ended = sounding.ended if sounding is not None else None
            by = ended.params.get("by", "-") if ended is not None else "-"
            raise Refusal(airing.code or "command.interrupted", detail=airing.reason or "", by=by)
        return airing

    async def over(self, id_: str) -> Airing | None:
        """Wait for its end; what was heard in all. None: there is none of that id."""
        event = self._over.get(id_)
        if event is not None:
            await event.wait()
        return self._past.get(id_)

    def acknowledge(self, id_: str | None, by: str) -> tuple[str, ...]:
        """Somebody has heard: they end once their words have been said to the end. Returns the ids."""
        ids = tuple(each for each in self.active() if id_ in (None, each))
        who = {"acknowledged_by": by}
        for each in ids:
            if each in self._running:
                self._running[each].acknowledge(by)
        self._loaded = [
            row.model_copy(update={"state": "acknowledged", "progress": row.progress.model_copy(update=who)})
            if row.alarm.id in ids
            else row
            for row in self._loaded
        ]
        return ids

    def end(self, id_: str, by: str) -> bool:
        """Silence now (a bulletin that is cancelled); False when there is none."""
        why = {"state": "ended"}
        self._loaded = [row.model_copy(update=why) if row.alarm.id == id_ else row for row in self._loaded]
        sounding = self._running.get(id_)
        if sounding is not None:
            sounding.end(Fault.of("speaker.stopped", by=by))
        return sounding is not None

    def _begin(self, row: Row) -> None:
        alarm = row.alarm
        sounding = Sounding(
            row,
            self._clock,
            self._air(alarm.speaker),
            self._sounds,
            save=self._save,
            fault=lambda fault: self._fault(alarm.speaker, fault),
        )
        self._running[alarm.id] = sounding
        self._over[alarm.id] = asyncio.Event()
        self._past.pop(alarm.id, None)
        self._spawn(self._run(sounding), f"emergency-{alarm.id}")
        self._changed(alarm.speaker)

    async def _run(self, sounding: Sounding) -> None:
        alarm = sounding.alarm
        while True:
            try:
                await sounding.run()
                break
            except Exception:  # an emergency does not fall silent by a mistake of ours
                log.exception("emergency %s failed inside and goes on", alarm.id)
                await self._clock.sleep(1)
        airing = sounding.airing()
        sounding.progress.airing = airing
        await self._settle(sounding, airing)
        self._past[alarm.id] = airing
        if len(self._past) > _REMEMBERED:
            del self._past[next(iter(self._past))]
        del self._running[alarm.id]
        sounding.first.set()
        self._over.pop(alarm.id).set()
        self._changed(alarm.speaker)
        await sounding.release()

    async def _settle(self, sounding: Sounding, airing: Airing) -> None:
        """Its end, its event and the planner's row in one transaction."""
        alarm = sounding.alarm
        data = airing.data()
        entry = Entry.event(self._clock.now(), "aired", f"speaker/{alarm.speaker}", data)

        def work(db: sqlite3.Connection) -> None:
            table.save(db, alarm)
            table.update(db, alarm, "over", sounding.progress)
            if alarm.origin == "bulletin":
                self.settle(db, alarm, airing)
            self._outbox.append_in(db, entry)

        try:
            await self._database.write(work)
        except StoreError as error:
            log.error("the end of emergency %s could not be written: %s", alarm.id, error)
            self._keep((entry,))
            self._spawn(self._write_again(sounding, over=True), "emergency-write")
        self._on_record()

    async def _save(self, sounding: Sounding) -> None:
        """How far it has come; a slow disk does not delay the next siren."""
        state, progress = sounding.state, sounding.progress.model_copy()
        writing = self._spawn(self._try(lambda db: table.update(db, sounding.alarm, state, progress)), "emergency-save")
        await asyncio.wait({writing}, timeout=_SAVE_LIMIT_S)

    async def _write_again(self, sounding: Sounding, *, over: bool = False) -> None:
        """Until the disk takes it: a power cut would end it, or sound it again."""

        def work(db: sqlite3.Connection) -> None:
            table.save(db, sounding.alarm)
            if over:
                table.update(db, sounding.alarm, "over", sounding.progress)

        while over or sounding.alarm.id in self._running:
            if await self._try(work):
                return
            await self._clock.sleep(_WRITE_AGAIN_S)

    async def _try(self, work: Callable[[sqlite3.Connection], None]) -> bool:
        try:
            await self._database.write(work)
        except StoreError as error:
            log.error("an emergency could not be written: %s", error)
            return False
        return True

    def _spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
