"""What every part of the agent stands on: clock, disk, outbox, the board of states, and what is wrong now."""

import logging
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal

from edge_agent.clock import SystemClock
from edge_agent.clock.chrony import ChronyWatch
from edge_agent.config.model import NodeConfig
from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import BulletinState, ClockReport
from edge_agent.contract.thing import Thing
from edge_agent.contract.topics import NodeTopics
from edge_agent.faults import Faults
from edge_agent.link.board import Board
from edge_agent.link.pump import Pump
from edge_agent.recorder import Recorder
from edge_agent.store.database import StoreError, open_or_set_aside
from edge_agent.store.journal import Journal, Unfinished
from edge_agent.store.outbox import Outbox

log = logging.getLogger(__name__)
ThingKind = Literal[
    "light", "switch", "sensor", "cabinet", "rule", "speaker", "camera", "driver", "bulletin", "timetable", "doctor"
]


class Core:
    """Opened once at the start, closed last."""

    def __init__(self, config: NodeConfig) -> None:
        """Opens the database; one that is corrupt is moved aside."""
        self.config = config
        self.topics = NodeTopics(config.node.commune, config.node.name)
        self.session = secrets.token_hex(8)
        self.store: str | None = None
        """Name of the store; whoever plans for this node sees by it when the node has lost everything."""
        self.clock = SystemClock(config.clock.trust)
        self.chrony = ChronyWatch(self.clock)
        self.board = Board()
        self.faults = Faults()
        storage = config.storage
        stamp = self.clock.now().strftime("%Y%m%dT%H%M%SZ")
        self.database, self._moved = open_or_set_aside(storage.path / "node.db", stamp)
        self.outbox = Outbox(self.database, storage.path / "seq.reserved", storage.records, self.clock.now)
        self.pump = Pump(self.outbox, self.topics, self.session)
        self.journal = Journal(self.database)
        self.recorder = Recorder(self.clock, self.outbox, self.pump.wake)
        self.recorder.on_fault = lambda fault: self.faults.set("store", fault)

    async def load(self) -> list[Unfinished]:
        """Read counters, commands and the last saved instant; tell what was lost. Returns unfinished commands."""
        lost = await self.outbox.load()
        unfinished = await self.journal.load()
        row = await self.database.read(lambda db: db.execute("SELECT value FROM meta WHERE key = 'instant'").fetchone())
        if row is not None:
            self.clock.raise_floor(datetime.fromisoformat(row[0]))
        await self._name_store()
        if self._moved is not None:
            self._tell_corruption(self._moved)
        if lost is not None:
            log.error("records %d to %d were lost with an earlier database", *lost)
        if self.clock.behind:
            behind_s = round(self.clock.behind.total_seconds())
            self.recorder.event("clock", code="clock.behind", seconds=behind_s)
        return unfinished

    async def _name_store(self) -> None:
        """A store that begins empty, or with what could be saved of another, gets a name of its own."""
        row = await self.database.read(lambda db: db.execute("SELECT value FROM meta WHERE key = 'store'").fetchone())
        if row is not None and self._moved is None:
            self.store = str(row[0])
            return
        self.store = name = secrets.token_hex(8)
        try:
            await self.database.write(lambda db: db.execute("INSERT OR REPLACE INTO meta VALUES ('store', ?)", (name,)))
        except StoreError as error:
            log.warning("the store could not be given a name: %s", error)

    def post(self, kind: ThingKind) -> Callable[[Thing], None]:
        """How a service publishes the states of its things; faults among them are counted on the way."""

        def publish(state: Thing) -> None:
            self.faults.set(f"{kind}/{state.id}", None if _is_past(state) else state.fault)
            self.board.post(self.topics.state(kind, state.id), state)

        return publish

    def clock_report(self) -> ClockReport:
        """What the kernel says of the clock, with chrony's own reckoning where there is one."""
        report, tracked = self.clock.report(), self.chrony.latest
        if tracked is None:
            return report
        return report.model_copy(
            update={"uncertainty_ms": round(tracked.uncertainty_ms, 3), "reference": tracked.reference}
        )

    def clock_uncertainty_ms(self) -> float | None:
        """The largest error of the system's clock: as chrony reckons it, else as the kernel states it."""
        report = self.clock_report()
        return report.uncertainty_ms if report.uncertainty_ms is not None else report.error_ms

    def _tell_corruption(self, moved: Path) -> None:
        fault = Fault.of("store.corrupt", moved=moved.name)
        log.error("%s", fault.en)
        self.recorder.event("store", code=fault.code, moved=moved.name)
        self.faults.set("database", fault)


def _is_past(state: Thing) -> bool:
    """Whether its fault tells why a bulletin was not heard, or not to its end: nothing is wrong any more by that."""
    return isinstance(state, BulletinState) and state.actual in ("aired", "partly", "missed", "cancelled")
