"""A relay board that is not there: rehearses a whole installation on a desk, faults included.

Shipped, not test code. It keeps `(time, line, on)` of the last 10,000 changes, and appends them as JSON lines to a
file when one is configured.
"""

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field

from drivers.contract import Capability, Check, DriverContext, DriverFault
from drivers.relay.lines import Line, LineId, describe, require

HISTORY = 10_000


class Change(NamedTuple):
    """A line was set."""

    time: datetime
    line: str
    on: bool


class SimulatedRelayConfig(BaseModel):
    """A simulated relay board."""

    model_config = ConfigDict(extra="forbid")

    lines: dict[LineId, Line] = Field(
        title="Lines", description="The lines of the board: id (a-z, 0-9, - and _) to its settings."
    )
    record: Path | None = Field(
        default=None,
        title="Record",
        description="File to which every change is appended as a JSON line; relative to the driver's directory.",
    )
    record_bytes: int = Field(
        default=1_000_000,
        ge=1000,
        title="Size of the record",
        description="Bytes at which the record file is set aside under the name with .1, replacing the one before.",
    )


class SimulatedRelay:
    """Relay lines in memory. Implements `Driver` and `Switchable`."""

    Config: ClassVar[type[BaseModel]] = SimulatedRelayConfig

    def __init__(self, config: SimulatedRelayConfig, context: DriverContext) -> None:
        self._config = config
        self._context = context
        self._values: dict[str, bool] = {}
        self._stuck: set[str] = set()
        self._open = False
        self._recording = asyncio.Lock()
        self.history: deque[Change] = deque(maxlen=HISTORY)

    async def check(self) -> Check:
        """Is always able to work."""
        return Check(ok=True, detail="simulated: switches nothing")

    def capabilities(self) -> Sequence[Capability]:
        """One relay for each configured line."""
        return describe(self._config.lines)

    async def __aenter__(self) -> Self:
        self._open = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._open = False

    async def switch(self, line: str, on: bool) -> None:
        """Set a line. Raises DriverFault `driver.stuck` when a stuck line would have to change."""
        self._require(line)
        if line in self._stuck and self._values.get(line, False) != on:
            raise DriverFault("driver.stuck", f"line {line!r} does not follow (rehearsed fault)", retry=True)
        self._values[line] = on
        change = Change(self._context.clock.now(), line, on)
        self.history.append(change)
        if self._config.record is not None:
            async with self._recording:
                await asyncio.to_thread(self._append, self._context.directory / self._config.record, change)

    async def read(self, line: str) -> bool:
        """What the line is. Raises DriverFault `driver.unclaimed` before its first `switch`."""
        self._require(line)
        if line not in self._values:
            raise DriverFault("driver.unclaimed", f"line {line!r} has not been switched yet")
        return self._values[line]

    def stick(self, line: str) -> None:
        """Rehearse a welded or dead contact: from now on the line stays as it is."""
        require(line, self._config.lines)
        self._stuck.add(line)

    def release(self, line: str) -> None:
        """End what `stick` began."""
        require(line, self._config.lines)
        self._stuck.discard(line)

    def _require(self, line: str) -> None:
        if not self._open:
            raise DriverFault("driver.closed", f"{self._context.id} is not open")
        require(line, self._config.lines)

    def _append(self, path: Path, change: Change) -> None:
        # A full or read-only card must not keep a line from switching: the record is a convenience.
        entry = {"time": change.time.isoformat(), "line": change.line, "on": change.on}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and path.stat().st_size >= self._config.record_bytes:
                path.replace(path.with_name(path.name + ".1"))
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
        except OSError as error:
            self._context.logger.warning("%s: cannot record to %s: %s", self._context.id, path, error)
