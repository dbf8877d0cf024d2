"""The self-test of one loudspeaker: play a sweep, record it, judge it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from drivers.contract import DriverFault
from edge_agent.clock import Clock
from edge_agent.contract.errors import Refusal
from edge_agent.proof import calibration
from edge_agent.proof.client import ProofWorker
from edge_agent.proof.ear import Ear, forget
from edge_agent.proof.model import ProofError, Response, TestReport

RECORD_S = 6.5
"""From the first sample on: the sound of 5.7 s, and the air."""
_LIMIT_S = 900.0

PlayTest = Callable[[str, Path, Callable[[datetime], None]], Awaitable[None]]
"""`play(speaker, path, on_start)`: play a file when its turn has come, amplifier on before; call `on_start` with the
instant of the first sample; return when it has ended. Raises Refusal. The listener ignores `begin` and `end` of it."""


class SelfTest:
    """Tests one loudspeaker, one test at a time."""

    def __init__(self, speaker: str, ear: Ear, worker: ProofWorker, folder: Path, clock: Clock, play: PlayTest) -> None:
        self._speaker = speaker
        self._ear = ear
        self._worker = worker
        self._clock = clock
        self._play = play
        self._sweep = folder / "sweep.wav"
        self._kept = folder / "calibration.json"
        self._turn = asyncio.Lock()
        self.installed: Response | None = calibration.load(self._kept)
        """What it sounded like when it was installed."""

    async def run(self, *, calibrate: bool = False) -> TestReport:
        """Test. Raises Refusal: `command.busy`, `proof.failed`, and what the play or the microphone raises."""
        if self._turn.locked():
            raise Refusal("command.busy")
        async with self._turn:
            try:
                response = await self._measure()
            except ProofError as error:
                raise Refusal(error.code, detail=error.detail) from error
            except DriverFault as fault:
                raise Refusal(fault.code, detail=fault.detail) from fault
            except OSError as error:
                raise Refusal("proof.failed", detail=str(error)) from error
            report = calibration.judge(response, self.installed)
            if calibrate and report.verdict != "deaf":
                await self._keep(response)
                report = calibration.judge(response, response)
            return report

    async def _keep(self, response: Response) -> None:
        try:
            await asyncio.to_thread(calibration.save, self._kept, response, self._clock.now())
        except OSError as error:
            raise Refusal("proof.failed", detail=str(error)) from error
        self.installed = response

    async def _measure(self) -> Response:
        await self._worker.make_sweep(self._sweep)
        path = self._ear.new_path()
        recording: list[asyncio.Task[None]] = []
        began: list[datetime] = []
        offset_s = 0.0

        async def record(first: datetime) -> None:
            nonlocal offset_s
            await self._ear.abandon()
            report = await self._ear.record(path, RECORD_S, began.append)
            offset_s = (report.started_at - first).total_seconds()

        def started(first: datetime) -> None:
            self._ear.testing = True
            self._ear.interrupt()
            recording.append(asyncio.create_task(record(first), name="proof-test-recording"))

        try:
            async with asyncio.timeout(_LIMIT_S):
                await self._play(self._speaker, self._sweep, started)
                if not recording:
                    raise ProofError("proof.failed", "the test sound was not played", retry=True)
                await recording[0]
            return await self._worker.response(path, offset_s)
        except TimeoutError:
            raise ProofError("proof.failed", "the loudspeaker was busy for too long", retry=True) from None
        finally:
            for task in recording:
                task.cancel()
            await asyncio.gather(*recording, return_exceptions=True)
            self._ear.testing = False
            await asyncio.to_thread(forget, [path])
