"""What the microphones say: to the speakers' states, to the calendar, and to who asks for a test."""

import asyncio
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from edge_agent.broadcast.station import Station
from edge_agent.bulletins.service import BulletinService
from edge_agent.contract.base import JsonObject
from edge_agent.contract.commands import Command, TestSpeaker
from edge_agent.contract.errors import Refusal
from edge_agent.core import Core
from edge_agent.desk.act import Act, Begin
from edge_agent.hardware import Hardware
from edge_agent.proof.client import ProofWorker
from edge_agent.proof.model import Heard, ProofError
from edge_agent.proof.service import Listener

log = logging.getLogger(__name__)


class Hearing:
    """Puts the listener between hardware, station and calendar. An async context; `run` is for a supervisor."""

    def __init__(
        self, core: Core, hardware: Hardware, station: Station, bulletins: BulletinService, folder: Path
    ) -> None:
        """`folder` holds recordings and calibrations."""
        config = core.config
        self._station = station
        self._bulletins = bulletins
        self._folder = folder
        self._worker = ProofWorker()
        self._tasks: set[asyncio.Task[None]] = set()
        self.listener = Listener(
            config.speakers,
            core.clock,
            core.recorder,
            folder,
            self._worker,
            microphone=hardware.microphone,
            play=station.play_test,
            zone=ZoneInfo(config.node.timezone),
            on_heard=self._heard,
            on_fault=station.listening_fault,
        )
        station.listener = self.listener

    async def __aenter__(self) -> Self:
        await self._worker.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.listener.stop()
        await self._worker.__aexit__(*exc)

    async def run(self) -> None:
        """Watch idle speakers, for ever; nothing to do where there is no microphone."""
        await self.listener.run()
        await asyncio.Event().wait()

    async def sound(self, speaker: str) -> None:
        """Play the test sound, for a person's ears alone. Raises Refusal when it was not played to its end."""
        name, sweep = self._station.speaker(speaker), self._folder / "sweep.wav"
        try:
            await asyncio.to_thread(sweep.parent.mkdir, parents=True, exist_ok=True)
            await self._worker.make_sweep(sweep)
        except ProofError as error:
            raise Refusal(error.code, detail=error.detail) from error
        except OSError as error:
            raise Refusal("proof.failed", detail=str(error)) from error
        await self._station.play_test(name, sweep)

    async def test(self, asked: Command, args: TestSpeaker) -> Act:
        """Handle `speaker.test`. Refuses `speaker.no_microphone`."""
        speaker = self._station.speaker(args.speaker)
        if not self.listener.listens_to(speaker):
            raise Refusal("speaker.no_microphone", id=speaker)

        async def run(begin: Begin) -> JsonObject:
            await begin()
            report = await self.listener.test(speaker, calibrate=args.calibrate)
            found: dict[str, Any] = asdict(report)
            return found

        return Act(run=run)

    def _heard(self, item: str, heard: Heard) -> None:
        self._station.heard(item, heard)
        task = asyncio.get_running_loop().create_task(self._bulletins.heard(item, heard), name="heard")
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("what was heard could not be put down", exc_info=error)
