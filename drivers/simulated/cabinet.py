"""A whole cabinet that is not there: contactors, meters, contacts, tank and air, with a panel of faults.

Shipped, not test code: an installer rehearses, a trainer teaches, the demo runs on it. Channels of a line:
`LINE_contact`, `LINE_breaker`, `LINE_hand`, `LINE_power`, `LINE_current`, `LINE_energy`, and with a flow meter
`LINE_flow`, `LINE_litres`. Of the cabinet: door, supply, leakage, breaker, hand, power, current, energy, voltage,
photocell (1 is dark), illuminance, temperature, humidity, tank.
"""

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Any, ClassVar, Self

from pydantic import BaseModel

from drivers.contract import Capability, Check, DriverContext, DriverFault, Measurement
from drivers.relay.lines import require
from drivers.simulated import memory, shown
from drivers.simulated.channels import capabilities
from drivers.simulated.config import SimulatedCabinetConfig
from drivers.simulated.faults import PanelError, Rehearsed, parse
from drivers.simulated.panel import Panel
from drivers.simulated.world import World

_RECORD_BYTES = 1_000_000


class SimulatedCabinet:
    """A whole installation in memory. Implements `Driver`, `Switchable`, `Dimmable`, `Measuring`, `Watching`."""

    Config: ClassVar[type[BaseModel]] = SimulatedCabinetConfig

    def __init__(self, config: SimulatedCabinetConfig, context: DriverContext) -> None:
        self._config = config
        self._context = context
        self._panel = Panel(context.directory)
        self._world: World | None = None
        self._task: asyncio.Task[None] | None = None
        self._turn, self._writing = asyncio.Lock(), threading.Lock()
        self._counters: dict[str, float] = {}
        self._told: dict[str, float] = {}
        self._changed: Callable[[str, Measurement], None] = lambda _channel, _measurement: None

    async def check(self) -> Check:
        """Is always able to work."""
        if self._task is not None and self._task.done():
            return Check(ok=False, code="driver.io", detail="the simulation has ended by itself")
        return Check(ok=True, detail="simulated: switches nothing")

    def capabilities(self) -> Sequence[Capability]:
        """One relay or dimmer a line, then all channels."""
        return capabilities(self._config)

    async def __aenter__(self) -> Self:
        clock = self._context.clock
        kept = await asyncio.to_thread(memory.load, self._context.directory / "memory.json")
        self._world = World(self._config, kept, clock.monotonic(), clock.now())
        self._counters = shown.counters(self._world.values())
        await self._look()
        self._told = self._all_seen()
        self._task = asyncio.create_task(self._keep(), name=f"simulation-{self._context.id}")
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._world is not None:
            self._pass()
            await self._save()
        self._world = self._task = None

    async def switch(self, line: str, on: bool) -> None:
        """Set an output to full or off. Raises DriverFault, also `driver.silent` for a rehearsed dead line."""
        await self.dim(line, 100 if on else 0)

    async def read(self, line: str) -> bool:
        """Whether an output is on; known after a restart too, as of a relay board with a memory."""
        return await self.level(line) > 0

    async def dim(self, line: str, level: float) -> None:
        """Set an output. Raises ValueError unless 0 <= level <= 100, and DriverFault as `Dimmable` says."""
        world = self._alive(line)
        if not 0 <= level <= 100:
            raise ValueError(f"level must be from 0 to 100, not {level}")
        if level not in (0, 100) and not self._config.lines[line].dimmable:
            raise DriverFault("driver.not_dimmable", f"line {line!r} is only on or off")
        self._pass()
        fault = world.fault(line)
        if fault is not None and level != {"stuck-on": 100, "stuck-off": 0}.get(fault.kind, level):
            raise DriverFault("driver.stuck", f"line {line!r} does not follow (rehearsed fault)", retry=True)
        world.set_output(line, level)
        self._tell(all_of=True)
        await self._save()
        if self._config.record is not None:
            await self._locked(self._append, line, level)

    async def level(self, line: str) -> float:
        """What an output is. Raises DriverFault `driver.unclaimed` before its very first `switch`."""
        output = self._alive(line).output(line)
        if output is None:
            raise DriverFault("driver.unclaimed", f"line {line!r} has not been switched yet")
        return output

    async def measure(self, channel: str) -> Measurement:
        """What a channel shows now. Raises DriverFault `driver.silent`, `driver.bad_value` as rehearsed."""
        world = self._require()
        self._pass()
        values = world.values() | self._counters
        if channel not in values:
            raise DriverFault("driver.unknown_line", f"there is no channel {channel!r}; known are: {', '.join(values)}")
        return self._measurement(shown.seen(channel, values[channel], world.fault(channel)))

    def watch(self, changed: Callable[[str, Measurement], None]) -> None:
        """From now on tell changes: contacts at once, other channels when something was switched or broken."""
        self._changed = changed

    async def _keep(self) -> None:
        """Let time pass, look at the panel, keep counters."""
        while True:
            await self._context.clock.sleep(self._config.look_every_s)
            try:
                broken = await self._look()
                self._pass()
                self._tell(all_of=broken)
                if shown.counters(self._require().values()) != self._counters:
                    await self._save()
            except OSError as error:
                self._context.logger.warning("%s: the panel's files: %s", self._context.id, error)

    async def _look(self) -> bool:
        """Take what the panel says; answer who asked. Returns whether anything was broken or mended."""
        words = await asyncio.to_thread(self._words)
        if words is not None:
            self._pass()
            self._require().set_faults(self._understood(words))
        asked = await asyncio.to_thread(self._panel.asked)
        if asked:
            self._pass()
            await asyncio.to_thread(self._panel.answer, asked, self._for_the_panel())
        return words is not None

    def _words(self) -> dict[str, str] | None:
        try:
            return self._panel.changed()
        except ValueError as error:
            self._context.logger.warning("%s: panel.json is not taken: %s", self._context.id, error)
            return None

    def _understood(self, words: dict[str, str]) -> dict[str, Rehearsed]:
        faults = {}
        for thing, word in words.items():
            try:
                fault = parse(self._config, thing, word)
            except PanelError as error:
                self._context.logger.warning("%s: panel.json: %s", self._context.id, error)
                continue
            if fault is not None:
                faults[thing] = fault
        return faults

    def _for_the_panel(self) -> dict[str, Any]:
        world = self._require()
        known, now = self._all_seen(), self._context.clock.now()
        outputs = {line: world.output(line) for line in self._config.lines}
        values = {channel: known.get(channel) for channel in world.values()}
        return {"at": now.astimezone(UTC).isoformat(), "outputs": outputs, "values": values}

    def _pass(self) -> None:
        clock = self._context.clock
        self._require().advance(clock.monotonic(), clock.now())

    def _all_seen(self) -> dict[str, float]:
        world = self._require()
        found = {}
        for channel, true in (world.values() | self._counters).items():
            with contextlib.suppress(DriverFault):  # a broken sensor shows nothing
                found[channel] = shown.seen(channel, true, world.fault(channel))
        return found

    def _tell(self, *, all_of: bool) -> None:
        now = self._all_seen()
        for channel in list(shown.news(self._told, now, all_of=all_of)):
            self._told[channel] = now[channel]
            self._changed(channel, self._measurement(now[channel]))

    def _measurement(self, value: float) -> Measurement:
        return Measurement(value, self._context.clock.now())

    async def _save(self) -> None:
        """Write what outlives us; counters are shown only as far as they are written."""
        world = self._require()
        kept, counted = world.memory(), shown.counters(world.values())
        try:
            await self._locked(memory.save, self._context.directory / "memory.json", kept)
        except OSError as error:
            self._context.logger.warning("%s: cannot keep its memory: %s", self._context.id, error)
        self._counters = counted

    async def _locked(self, call: Callable[..., None], *args: Any) -> None:
        """Call in a thread, in the order of asking. Cancelled, the thread goes on: hence the lock inside."""

        def in_turn() -> None:
            with self._writing:
                call(*args)

        async with self._turn:
            await asyncio.to_thread(in_turn)

    def _append(self, line: str, level: float) -> None:
        path = self._context.directory / (self._config.record or "")
        entry = {"time": self._context.clock.now().isoformat(), "line": line, "level": level}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and path.stat().st_size >= _RECORD_BYTES:
                path.replace(path.with_name(path.name + ".1"))
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
        except OSError as error:
            self._context.logger.warning("%s: cannot record to %s: %s", self._context.id, path, error)

    def _alive(self, line: str) -> World:
        world = self._require()
        require(line, self._config.lines)
        fault = world.fault(line)
        if fault is not None and fault.kind == "dead":
            raise DriverFault("driver.silent", f"line {line!r} does not answer (rehearsed fault)", retry=True)
        return world

    def _require(self) -> World:
        if self._world is None:
            raise DriverFault("driver.closed", f"{self._context.id} is not open")
        return self._world
