"""A driver to copy: relay lines that are files, into which 1 or 0 is written (such as an LED's `brightness` in /sys).

Put it into a package of your own and name it in that package's pyproject.toml; nothing in edge-agent is changed:

    [project.entry-points."edge_agent.drivers"]
    blank-relay = "blank_driver:BlankRelay"

Then in a node's configuration:

    drivers:
      - {id: relays, driver: blank-relay, lines: {lamp: /sys/class/leds/ACT/brightness}}
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from drivers.contract import Capability, Check, DriverContext, DriverFault


class BlankRelayConfig(BaseModel):
    """Relay lines that are files."""

    # An unknown key is a mistake that `edge-agent check` tells with its line and the key that was probably meant.
    model_config = ConfigDict(extra="forbid")

    # Title and description become the reference page, the JSON Schema and the help in an editor.
    # A driver whose lines a light can name (`line: relays/lamp`) calls this key `lines`, so that `check` knows them.
    lines: dict[str, Path] = Field(title="Lines", description="Id of each line to the file that switches it.")


class BlankRelay:
    """Writes 1 or 0 into files. Implements `Driver` and `Switchable`: no base class, only these methods."""

    Config: ClassVar[type[BaseModel]] = BlankRelayConfig

    def __init__(self, config: BlankRelayConfig, context: DriverContext) -> None:
        # Keep what is given and touch nothing: the driver may be made only to be asked for its capabilities.
        # The context is all there is: id, clock, logger, and a directory of this driver's own.
        self._config = config
        self._context = context
        self._switched: set[str] = set()
        self._open = False

    async def check(self) -> Check:
        """Whether it can work here; asked before it is opened, again every 30 s, and by `edge-agent doctor`."""
        # Switch nothing here. Say what a person can do about it: this sentence is what they read on the console.
        for line, path in self._config.lines.items():
            if not path.exists():
                return Check(ok=False, code="driver.no_device", detail=f"line {line!r}: there is no {path}")
        return Check(ok=True)

    def capabilities(self) -> Sequence[Capability]:
        """What it offers; known from the configuration alone."""
        return [Capability(id=line, name=line, kind="relay") for line in self._config.lines]

    async def __aenter__(self) -> Self:
        # Open the bus or the device. Whatever is raised becomes this driver's state with its reason; the agent goes on
        # and tries again, with growing pauses.
        self._open = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        # Lines stay as they are: a restart of the agent must not make a street blink.
        self._open = False

    async def switch(self, line: str, on: bool) -> None:
        """Set a line."""
        path = self._path(line)
        try:
            # Work that blocks goes into a thread: the loop that calls also feeds the watchdog.
            await asyncio.to_thread(path.write_text, "1" if on else "0")
        except PermissionError as error:
            raise DriverFault("driver.no_permission", f"{path} may not be written") from error
        except OSError as error:  # retry=True: the same call may succeed later by itself
            raise DriverFault("driver.io", f"{path}: {error.strerror}", retry=True) from error
        self._switched.add(line)

    async def read(self, line: str) -> bool:
        """What the line really is, read back: the lamp on the console shows this, not what was asked."""
        path = self._path(line)
        if line not in self._switched:
            raise DriverFault("driver.unclaimed", f"line {line!r} has not been switched yet")
        try:
            return (await asyncio.to_thread(path.read_text)).strip() != "0"
        except OSError as error:
            raise DriverFault("driver.io", f"{path}: {error.strerror}", retry=True) from error

    def _path(self, line: str) -> Path:
        if not self._open:
            raise DriverFault("driver.closed", f"{self._context.id} is not open")
        path = self._config.lines.get(line)
        if path is None:
            raise DriverFault("driver.unknown_line", f"there is no line {line!r}")
        return path
