"""One microphone in front of one loudspeaker: what is recorded when, and where it lies."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from drivers.contract import DriverFault, Microphone, RecordReport
from edge_agent.clock import Clock
from edge_agent.contract.errors import Fault
from edge_agent.proof.model import Played, Take

log = logging.getLogger(__name__)
WINDOWS = ((0.0, 10.0), (30.0, 10.0), (120.0, 10.0))
"""Begin and length in seconds of what is recorded of an airing: 30 s at most, however long it is."""
_SHORTEST_S = 1.0
_FAILURES = 3
"""So many recordings have to fail one after the other before it is told."""


@dataclass
class Airing:
    """Something that is on air, with what was recorded of it."""

    item: str
    began_at: datetime
    takes: list[Take] = field(default_factory=list)
    task: asyncio.Task[None] | None = None


class Ear:
    """Records one thing at a time. An airing comes before the idle watch."""

    def __init__(
        self, microphone: Callable[[], Microphone | None], clock: Clock, folder: Path, turn: asyncio.Lock | None = None
    ) -> None:
        """`microphone` gives the open driver; `folder` is the ear's own; `turn` is shared by ears of one microphone."""
        self._microphone = microphone
        self._clock = clock
        self._folder = folder
        with suppress(OSError):  # told when it is written to
            folder.mkdir(parents=True, exist_ok=True)
        self._turn = turn or asyncio.Lock()
        self._idling: asyncio.Task[RecordReport] | None = None
        self._failures = 0
        self.airing: Airing | None = None
        self.testing = False
        self.fault: Fault | None = None
        """Why recordings fail, once several did."""

    @property
    def idle(self) -> bool:
        """Whether nothing is on air as far as is known."""
        return self.airing is None and not self.testing

    def prepare(self) -> None:
        """Remove recordings of an earlier run. Blocking."""
        for left in (*self._folder.glob("take-*"), *self._folder.glob(".take-*")):
            left.unlink(missing_ok=True)

    def begin(self, item: str, on_take: Callable[[Path], None]) -> None:
        """Record an airing that begins now; `on_take` gets each finished recording while the airing goes on."""
        self.interrupt()
        airing = self.airing = Airing(item, self._clock.now())
        airing.task = asyncio.create_task(self._record_airing(airing, on_take), name="proof-airing")

    async def finish(self, airing: Airing) -> list[Take]:
        """End the recording of an airing; returns what is long enough to be compared."""
        if airing.task is not None:
            airing.task.cancel()
            await asyncio.wait({airing.task})
        return await asyncio.to_thread(lambda: [take for take in airing.takes if take.path.exists()])

    async def abandon(self) -> None:
        """What was taken for an airing is none: forget it."""
        airing, self.airing = self.airing, None
        if airing is not None:
            takes = await self.finish(airing)
            await asyncio.to_thread(forget, [take.path for take in takes])

    async def listen(self, seconds: float) -> Path | None:
        """Record while nothing plays; None when something began to play, or when the microphone failed."""
        path = self.new_path()
        self._idling = asyncio.create_task(self.record(path, seconds), name="proof-idle-recording")
        try:
            await asyncio.wait({self._idling})
        finally:
            self._idling.cancel()
            await asyncio.wait({self._idling})
        if not self._idling.cancelled() and self._idling.exception() is None and self.idle:
            return path
        if not self._idling.cancelled():
            self._idling.exception()  # it has been told by `record`
        await asyncio.to_thread(path.unlink, missing_ok=True)
        return None

    def interrupt(self) -> None:
        """Something is about to play: what is recorded of the silence ends."""
        if self._idling is not None:
            self._idling.cancel()

    async def record(
        self, path: Path, seconds: float, on_start: Callable[[datetime], None] | None = None
    ) -> RecordReport:
        """Record when the microphone is free. Raises DriverFault, whatever the driver raises."""
        async with self._turn:
            driver = self._microphone()
            if driver is None:
                raise DriverFault("microphone.no_device", "the driver is not working", retry=True)
            try:
                async with asyncio.timeout(seconds + 60):
                    report = await driver.record(path, seconds, on_start=on_start)
            except DriverFault as fault:
                self._failed(Fault.of(fault.code, detail=fault.detail))
                raise
            except Exception as error:  # a driver is foreign code: whatever it raises is its own fault
                detail = f"{type(error).__name__}: {error}"[:200]
                self._failed(Fault.of("driver.failed", detail=detail))
                raise DriverFault("driver.failed", detail, retry=True) from error
            self._failures, self.fault = 0, None
            return report

    def new_path(self) -> Path:
        """A name for a recording."""
        return self._folder / f"take-{secrets.token_hex(6)}.wav"

    def hold(self, played: Sequence[Played]) -> list[Played]:
        """Second names for sounds, which may be thrown away once they were played. Blocking. Raises OSError."""
        return [
            Played(None if piece.path is None else self._second_name(piece.path), piece.seconds) for piece in played
        ]

    def _second_name(self, sound: Path) -> Path:
        path = self.new_path()
        try:
            path.hardlink_to(sound)
        except FileNotFoundError:
            raise
        except OSError:  # another file system
            shutil.copyfile(sound, path)
        return path

    async def _record_airing(self, airing: Airing, on_take: Callable[[Path], None]) -> None:
        for begins_s, seconds in WINDOWS:
            elapsed = (self._clock.now() - airing.began_at).total_seconds()
            await self._clock.sleep(max(0.0, begins_s - elapsed))
            path = self.new_path()
            began: list[datetime] = []
            try:
                await self.record(path, seconds, began.append)
                on_take(path)
            except DriverFault as fault:
                log.warning("an airing is not recorded: %s", fault)
            finally:
                if began and (self._clock.now() - began[0]).total_seconds() >= _SHORTEST_S:
                    airing.takes.append(Take(path, (began[0] - airing.began_at).total_seconds()))

    def _failed(self, fault: Fault) -> None:
        self._failures += 1
        if self._failures >= _FAILURES:
            self.fault = fault


def forget(paths: Sequence[Path | None]) -> None:
    """Remove recordings. Blocking."""
    for path in paths:
        if path is not None:
            with suppress(OSError):
                path.unlink(missing_ok=True)
