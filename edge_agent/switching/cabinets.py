"""Cabinets: watched, reported, and asked by the things behind them whether the mains are there."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence

from edge_agent.clock import Clock
from edge_agent.config.sensing import Cabinet
from edge_agent.contract.base import JsonObject
from edge_agent.contract.switched import CabinetState
from edge_agent.control.cabinet import CabinetMonitor, Load
from edge_agent.control.facts import Moment, Readings
from edge_agent.control.troubles import news
from edge_agent.recorder import Recorder
from edge_agent.store import kept
from edge_agent.store.database import Database, StoreError

log = logging.getLogger(__name__)
_KIND = "cabinet"
_KEEP_EVERY_S = 300.0
_SHOWN_EVERY_S = 900.0
_TICK_S = 1.0


class _Watched:
    """One cabinet."""

    def __init__(self, config: Cabinet) -> None:
        self.config = config
        self.monitor = CabinetMonitor(config)
        self.state: CabinetState | None = None
        self.shown: CabinetState | None = None
        self.shown_at = 0.0
        self.due = 0.0
        roles = (config.door, config.supply, config.leakage, config.breaker, config.hand, config.power, config.energy)
        self.sensors = {sensor for sensor in roles if sensor is not None}

    def holds(self, thing_id: str) -> bool:
        return not self.config.things or thing_id in self.config.things


class CabinetService:
    """All cabinets of the node."""

    def __init__(
        self,
        cabinets: Sequence[Cabinet],
        clock: Clock,
        database: Database,
        recorder: Recorder,
        *,
        readings: Readings,
        loads: Callable[[], Sequence[Load]],
        post: Callable[[CabinetState], None],
    ) -> None:
        """`readings`: `Sensing.reading`; `loads` gives all switched things as they are; `post` publishes a state."""
        self._cabinets = [_Watched(cabinet) for cabinet in cabinets]
        self._clock = clock
        self._database = database
        self._recorder = recorder
        self._readings = readings
        self._loads = loads
        self._post = post
        self._listeners: list[Callable[[str], None]] = []
        self._urgent = False

    def supply_lost(self, thing_id: str) -> bool:
        """Whether the mains of the cabinet that a thing stands behind are gone now."""
        return any(cabinet.monitor.supply_lost for cabinet in self._cabinets if cabinet.holds(thing_id))

    def listen(self, changed: Callable[[str], None]) -> None:
        """Call with the id of a switched thing whenever its supply went or came back."""
        self._listeners.append(changed)

    def sensor_changed(self, sensor_id: str) -> None:
        """Look at the cabinets that use this sensor, at once. Listens to `Sensing`."""
        for cabinet in self._cabinets:
            if sensor_id in cabinet.sensors:
                self._look(cabinet)

    def thing_changed(self, thing_id: str) -> None:
        """Look soon at the cabinets that this thing stands behind: what should be on has changed."""
        for cabinet in self._cabinets:
            if cabinet.holds(thing_id):
                cabinet.due = 0.0

    def values(self) -> dict[str, float]:
        """For telemetry: `power/{id}` and `energy/{id}`."""
        values: dict[str, float] = {}
        for state in (cabinet.state for cabinet in self._cabinets):
            if state is not None and state.power_w is not None:
                values[f"power/{state.id}"] = state.power_w
            if state is not None and state.energy_kwh is not None:
                values[f"energy/{state.id}"] = state.energy_kwh
        return values

    async def load(self) -> None:
        """Read the sums and faults that were kept. Raises StoreError."""
        rows = await self._database.read(lambda db: kept.read(db, _KIND))
        for cabinet in self._cabinets:
            cabinet.monitor.load(rows.get(cabinet.config.id, {}))

    async def run(self) -> None:
        """Watch, until cancelled; then keep the sums once more."""
        if not self._cabinets:
            await asyncio.Event().wait()
        saved = self._clock.monotonic()
        try:
            while True:
                mono = self._clock.monotonic()
                for cabinet in self._cabinets:
                    if mono >= cabinet.due:
                        self._look(cabinet)
                if self._urgent or mono - saved >= _KEEP_EVERY_S:
                    saved, self._urgent = mono, False
                    await self._keep()
                await self._clock.sleep(_TICK_S)
        finally:
            await self._keep()

    def _look(self, cabinet: _Watched) -> None:
        moment = Moment(self._clock.now(), self._clock.monotonic(), self._clock.trusted)
        loads = [load for load in self._loads() if cabinet.holds(load.id)]
        before, lost = cabinet.monitor.told, cabinet.monitor.supply_lost
        state = cabinet.monitor.look(moment, self._readings, loads)
        again_s = cabinet.monitor.again_s
        cabinet.due = moment.mono + (_KEEP_EVERY_S if again_s is None else min(again_s, _KEEP_EVERY_S))
        cabinet.state = state
        for type_, data in news(before, state.troubles):
            self._recorder.event(type_, f"cabinet/{state.id}", **data)
            self._urgent = True  # where the mains are lost the node may be next
        if _differs(cabinet.shown, state) or moment.mono - cabinet.shown_at >= _SHOWN_EVERY_S:
            cabinet.shown, cabinet.shown_at = state, moment.mono
            self._post(state)
        if cabinet.monitor.supply_lost != lost:
            self._tell([load.id for load in loads])

    def _tell(self, things: Sequence[str]) -> None:
        for thing in things:
            for listener in self._listeners:
                try:
                    listener(thing)
                except Exception:  # who listens must not keep the others from hearing
                    log.exception("a listener failed on the supply of %s", thing)

    async def _keep(self) -> None:
        bodies: dict[str, JsonObject] = {cabinet.config.id: cabinet.monitor.dump() for cabinet in self._cabinets}

        def write(db: sqlite3.Connection) -> None:
            for id_, body in bodies.items():
                kept.put(db, _KIND, id_, body)

        try:
            await self._database.write(write)
        except StoreError as error:  # the sums go on in memory; the next time may go better
            log.warning("the sums of the cabinets could not be kept: %s", error)


def _differs(shown: CabinetState | None, state: CabinetState) -> bool:
    """Whether more has changed than what always counts on: time, energy, and a hundredth of the power."""
    if shown is None:
        return True
    counting = {"at": state.at, "energy_kwh": state.energy_kwh, "power_w": state.power_w}
    if shown.model_copy(update=counting) != state:
        return True
    if shown.power_w is None or state.power_w is None:
        return shown.power_w is not state.power_w
    return abs(state.power_w - shown.power_w) > max(1.0, 0.01 * shown.power_w)
