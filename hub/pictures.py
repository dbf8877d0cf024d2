"""Still pictures of cameras: one snapshot serves all who look at the same time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from edge_agent.contract.base import iso
from edge_agent.contract.errors import Fault
from edge_agent.contract.watching import TakeSnapshot
from hub.clock import Clock
from hub.commands import Commands, Outcome
from hub.media import MediaStore, Medium

FRESH_S = 2.0
"""A picture (or the reason why there is none) of this age is shown again instead of asking the node."""
LIMIT_S = 8.0
MAX_CAMERAS = 1000


@dataclass(frozen=True, slots=True)
class Picture:
    """The outcome of a snapshot: a medium and its instant, or why there is none."""

    taken: float
    medium: Medium | None = None
    at: str = ""
    outcome: Outcome | None = None


class Pictures:
    """Asks nodes for snapshots."""

    def __init__(self, commands: Commands, media: MediaStore, clock: Clock) -> None:
        self._commands = commands
        self._media = media
        self._clock = clock
        self._last: dict[tuple[str, str], Picture] = {}
        self._running: dict[tuple[str, str], asyncio.Task[Picture]] = {}
        self.on_look: list[Callable[[str, str], None]] = []
        """Told of each look (address, camera), as the acting person."""

    async def latest(self, address: str, camera: str) -> Picture:
        """A picture at most `FRESH_S` old when asked for, or the reason why there is none."""
        for tell in self.on_look:
            tell(address, camera)
        key = (address, camera)
        last = self._last.get(key)
        if last and self._clock.monotonic() - last.taken < FRESH_S:
            return last
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._take(key))
            task.add_done_callback(lambda _: self._running.pop(key, None))
        return await asyncio.shield(task)  # a viewer who leaves does not take the picture from the others

    async def stop(self) -> None:
        """End what runs."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, key: tuple[str, str]) -> Picture:
        outcome = await self._commands.send(key[0], TakeSnapshot(camera=key[1]), limit=LIMIT_S, life=LIMIT_S)
        sha256 = str(outcome.result.get("sha256", ""))
        medium = self._media.get(sha256) if outcome.state == "done" else None
        if outcome.state == "done" and (medium is None or not medium.is_picture):
            medium, outcome = None, Outcome("failed", Fault.of("media.refused", detail=sha256[:16] or "-"))
        at = str(outcome.result.get("at", "")) or iso(self._clock.now())
        picture = Picture(self._clock.monotonic(), medium, at, None if medium else outcome)
        if len(self._last) >= MAX_CAMERAS and key not in self._last:
            self._last.pop(next(iter(self._last)))
        self._last[key] = picture
        return picture
