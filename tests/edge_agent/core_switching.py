"""What the tests of switching share: the service on a simulated board, a real database, sensors set by hand."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core_examples import command
from core_rig import Store, store

from drivers.contract import DriverContext, Switchable
from drivers.relay.simulated import SimulatedRelay, SimulatedRelayConfig
from edge_agent.clock import SimulatedClock
from edge_agent.config.sensing import Sensor
from edge_agent.config.switching import GroupEntry, Light, SwitchedEntry
from edge_agent.config.timetable import Programme
from edge_agent.contract.commands import ResetInterlock, SwitchOverride, SwitchRelease
from edge_agent.contract.errors import Refusal
from edge_agent.contract.switched import Switched
from edge_agent.control.facts import Reading
from edge_agent.desk.act import Act
from edge_agent.switching.plant import Plant
from edge_agent.switching.service import SwitchService
from edge_agent.timetable.place import Place
from edge_agent.timetable.timetable import Timetable

PLACE = Place(latitude=21.0285, longitude=105.8542, timezone="Asia/Ho_Chi_Minh")
DAY = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)  # noon in Viet Nam
NIGHT = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)  # 20:00
LIGHTS: tuple[SwitchedEntry, ...] = (
    Light(id="cong", name="Cổng", line="board/1", programme=Programme()),
    Light(id="san", name="Sân", line="board/2", default=0),
)


class Rig:
    """The service, and all around it that a test may turn."""

    def __init__(
        self,
        node: Store,
        entries: tuple[SwitchedEntry, ...] = LIGHTS,
        groups: tuple[GroupEntry, ...] = (),
        sensors: tuple[Sensor, ...] = (),
        place: Place = PLACE,
    ) -> None:
        self.node = node
        self.clock = node.clock
        self.board: SimulatedRelay | None = None
        self.drivers: dict[str, Switchable] = {}
        self.posts: list[Switched] = []
        self.measured: dict[str, Reading] = {}
        self.service = SwitchService(
            Plant(entries, Timetable((), (), place), groups, {sensor.id: sensor for sensor in sensors}),
            node.clock,
            node.database,
            node.recorder,
            drivers=lambda name: self.board if name == "board" else self.drivers.get(name),
            readings=self.measured.get,
            post=self.posts.append,
        )
        self._lines = sorted({entry.line.partition("/")[2] for entry in entries})
        self._tasks: list[asyncio.Task[None]] = []

    async def plug(self, kind: type[SimulatedRelay] = SimulatedRelay) -> SimulatedRelay:
        """A new board, as after a power cut of the board: nothing is claimed."""
        config = SimulatedRelayConfig.model_validate({"lines": {line: {} for line in self._lines}})
        context = DriverContext("board", self.clock, logging.getLogger("test"), self.node.folder)
        self.board = await kind(config, context).__aenter__()
        return self.board

    def start(self) -> None:
        services = (self.service.run, self.service.keep, self.node.recorder.run)
        self._tasks = [asyncio.create_task(service()) for service in services]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.service.stop()
        await self.node.recorder.flush()

    def state(self, thing: str = "cong") -> Switched:
        return [post for post in self.posts if post.id == thing][-1]

    async def measure(self, sensor: str, value: float | None) -> None:
        """A sensor says something; the service hears of it."""
        self.measured[sensor] = Reading(value, self.clock.now())
        self.service.sensor_changed(sensor)
        await self.clock.advance(timedelta(milliseconds=20))

    async def override(self, thing: str = "cong", level: float = 0, **more: Any) -> dict[str, Any] | None:
        """As the desk does it: act, then write; or accept, write, run."""
        return await self.write(
            await self.service.override(command(), SwitchOverride(thing=thing, level=level, **more))
        )

    async def release(self, thing: str = "cong") -> dict[str, Any] | None:
        return await self.write(await self.service.release(command(), SwitchRelease(thing=thing)))

    async def reset(self, thing: str = "cong") -> dict[str, Any] | None:
        return await self.write(await self.service.reset(command(), ResetInterlock(thing=thing)))

    async def write(self, act: Act) -> dict[str, Any] | None:
        """Put it on record as the desk does, and run what is to be run."""

        def work(db: Any) -> None:
            if act.record is not None:
                act.record(db)
            self.node.outbox.append_in(db, *act.entries)

        await self.node.database.write(work)
        if act.settled is not None:
            act.settled(True)
        return act.result if act.run is None else await act.run(_begun)

    async def events(self, about: str = "light/cong") -> list[tuple[str, dict[str, Any]]]:
        await self.node.recorder.flush()
        return [(e["type"], e.get("data", {})) for e in await self.node.events() if e.get("about") == about]

    async def kept(self, kind: str) -> dict[str, Any]:
        """What is on disk."""
        rows = await self.node.database.read(
            lambda db: db.execute("SELECT id, body FROM kept WHERE kind = ?", (kind,)).fetchall()
        )
        return {id_: json.loads(body) for id_, body in rows}


async def _begun() -> None:
    return None


async def refused(rig: Rig, **asked: Any) -> Refusal:
    """The refusal of an override that must be refused."""
    try:
        await rig.override(**asked)
    except Refusal as refusal:
        return refusal
    raise AssertionError("it was not refused")


@asynccontextmanager
async def lit(
    folder: Path,
    start: datetime = NIGHT,
    *,
    trusted: bool = True,
    plugged: bool = True,
    board: SimulatedRelay | None = None,
    **plant: Any,
) -> AsyncIterator[Rig]:
    """Loaded, refreshed and running. `board`: one that goes on from before, as relays do when the agent restarts."""
    async with store(folder, SimulatedClock(start, trusted=trusted)) as node:
        rig = Rig(node, **plant)
        node.clock.settled = lambda: node.database.read(lambda _db: None)
        if board is not None:
            rig.board = board
        elif plugged:
            await rig.plug()
        await rig.service.load()
        await rig.service.refresh()
        rig.start()
        try:
            yield rig
        finally:
            await rig.stop()
