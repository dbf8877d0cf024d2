"""Tells on this computer how well the agent is, by what really happened since its start: `/run/edge-agent/healthy`.

The installer of updates judges a new version by it. Nothing is probed for its sake: a line counts as well when its
last read told what it should, an alarm of the schedule when it rang.
"""

import json
import os
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

from edge_agent.clock import Alarms, Clock
from edge_agent.config.model import NodeConfig
from edge_agent.contract.errors import Fault
from edge_agent.core import Core
from edge_agent.link.link import Link
from edge_agent.services import Services
from edge_agent.version import VERSION

EVERY_S = 2.0
_RING_EVERY_S = 5.0
_RANG_S = 15.0
_LOOPS = ("scheduler", "bulletins", "recorder", "switching", "rules")
"""Services that make a schedule happen, as the supervisor names them."""
Part = Callable[[], str]
"""What is not well, for a person; empty: all is well."""


class Health:
    """Writes the file every two seconds."""

    def __init__(self, session: str, clock: Clock, alarms: Alarms, parts: dict[str, Part]) -> None:
        """`parts` are asked each time; `schedule` is known here: an alarm of the agent's own scheduler rings."""
        self._session = session
        self._clock = clock
        self._alarms = alarms
        self._parts = parts
        self._started = _since_boot()
        self._rang = float("-inf")

    async def run(self) -> None:
        """Write for ever; nothing where systemd gives no runtime folder."""
        if "RUNTIME_DIRECTORY" not in os.environ:
            await _for_ever(self._clock)
        while True:
            if time.monotonic() - self._rang > _RING_EVERY_S:
                self._alarms.at("health", self._clock.now() + timedelta(seconds=1), self._ring)
            _replace(Path(os.environ["RUNTIME_DIRECTORY"]) / "healthy", self.said())
            await self._clock.sleep(EVERY_S)

    def said(self) -> dict[str, object]:
        """What the file says now."""
        found = {name: part() for name, part in self._parts.items()}
        late = time.monotonic() - self._rang > _RANG_S
        found["schedule"] = found.get("schedule") or ("no alarm rang" if late else "")
        return {
            "version": VERSION,
            "session": self._session,
            "started": self._started,
            "at": _since_boot(),
            "parts": {name: {"ok": not detail, "detail": detail} for name, detail in found.items()},
        }

    async def _ring(self) -> None:
        self._rang = time.monotonic()


def health_of(core: Core, services: Services, link: Link, alarms: Alarms) -> Health:
    """The health of a node whose services run."""
    config = core.config
    drivers = {place.partition("/")[0] for place in _lines(config)}
    things = [f"light/{one.id}" for one in config.lights] + [f"switch/{one.id}" for one in config.switches]
    speakers = [f"speaker/{one.id}" for one in config.speakers] + [f"driver/{one.driver}" for one in config.speakers]

    def lines() -> str:
        unseen = [name for name in things if not core.board.has(f"{core.topics.root}/state/{name}")]
        return (
            f"not looked at: {', '.join(unseen)}"[:300] if unseen else wrong(core.faults.get, [*_of(drivers), *things])
        )

    return Health(
        core.session,
        core.clock,
        alarms,
        {
            "broker": lambda: "" if link.connected else "not connected",
            "schedule": lambda: wrong(core.faults.get, _LOOPS),
            "audio": lambda: wrong(core.faults.get, speakers),
            "lines": lines,
        },
    )


def _lines(config: NodeConfig) -> list[str]:
    amplifiers = [speaker.amplifier.line for speaker in config.speakers if speaker.amplifier is not None]
    return [entry.line for entry in (*config.lights, *config.switches)] + amplifiers


def _of(drivers: set[str]) -> list[str]:
    return [f"driver/{name}" for name in sorted(drivers)]


def wrong(faults: Callable[[str], Fault | None], names: Iterable[str]) -> str:
    """Which of these have a fault, and the first of them in words."""
    bad = [(name, fault) for name in names if (fault := faults(name)) is not None]
    return f"{', '.join(name for name, _ in bad)}: {bad[0][1].en}"[:300] if bad else ""


async def _for_ever(clock: Clock) -> None:
    while True:
        await clock.sleep(3600)


def _replace(path: Path, said: dict[str, object]) -> None:
    new = path.with_name(".healthy.new")
    new.write_text(json.dumps(said), encoding="utf-8")
    new.chmod(0o644)
    new.replace(path)


def _since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
