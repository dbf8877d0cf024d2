"""Listens to the node's loudspeakers: while they play, between bulletins, and when they are tested."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from drivers.contract import Microphone
from edge_agent.clock import Clock
from edge_agent.config.model import Speaker
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.proof.client import ProofWorker
from edge_agent.proof.ear import Airing, Ear, forget
from edge_agent.proof.findings import Findings, Memory
from edge_agent.proof.model import Heard, Played, ProofError, Take, TestReport
from edge_agent.proof.selftest import PlayTest, SelfTest
from edge_agent.recorder import Recorder

log = logging.getLogger(__name__)
EVERY_S, LISTEN_S = 12.0, 3.0
_SETTLE_S = 3.0
"""After a sound: echoes, and the amplifier's relay."""
_MATCHING = 8
"""Airings that wait to be matched; beyond that nobody is told anything of the newest."""
_ELSEWHERE_S = 0.2
"""Later than at installation by this (70 m of air): another loudspeaker that plays the same."""


class Listener:
    """The ears of the node. A speaker without a microphone is left alone: every call about it does nothing."""

    def __init__(  # noqa: PLR0913 - time, disk and drivers meet here
        self,
        speakers: Sequence[Speaker],
        clock: Clock,
        recorder: Recorder,
        folder: Path,
        worker: ProofWorker,
        *,
        microphone: Callable[[str], Microphone | None],
        play: PlayTest,
        zone: ZoneInfo = ZoneInfo("Asia/Ho_Chi_Minh"),  # noqa: B008 - immutable
        on_heard: Callable[[str, Heard], None] = lambda _item, _heard: None,
        on_fault: Callable[[str, Fault | None], None] = lambda _speaker, _fault: None,
    ) -> None:
        """`folder` holds recordings and calibrations; `microphone` gives an open driver; `on_heard` gets the item id.

        `play` plays the test sound; `on_fault` gets what is wrong with a speaker as it is heard (None: nothing), for
        its state. `zone`: of `Speaker.self_test_at`.
        """
        self._speakers = {speaker.id: speaker for speaker in speakers if speaker.microphone is not None}
        self._clock = clock
        self._worker = worker
        self._zone = zone
        self._on_heard = on_heard
        self._ears: dict[str, Ear] = {}
        self._findings: dict[str, Findings] = {}
        self._tests: dict[str, SelfTest] = {}
        self._on_air: dict[str, str] = {}
        self._quiet_since = clock.monotonic() - _SETTLE_S
        turns: dict[str, asyncio.Lock] = {}
        for name, speaker in self._speakers.items():
            own, driver = folder / name, speaker.microphone or ""
            turn = turns.setdefault(driver, asyncio.Lock())
            ear = self._ears[name] = Ear(partial(microphone, driver), clock, own, turn)
            self._findings[name] = Findings(name, Memory(own), recorder, on_fault)
            self._tests[name] = SelfTest(name, ear, worker, own, clock, play)
        self._matching: set[asyncio.Task[None]] = set()
        self._tested: dict[str, date] = {}

    def listens_to(self, speaker_id: str) -> bool:
        """Whether that speaker has a microphone in the configuration."""
        return speaker_id in self._ears

    async def begin(self, speaker_id: str, item_id: str) -> None:
        """The first sample of an airing is heard now. Returns at once; ends what the idle watch records."""
        ear = self._ears.get(speaker_id)
        self._on_air[speaker_id] = item_id
        for each in self._ears.values():  # whatever plays on the pole is heard by all of its microphones
            each.interrupt()
        if ear is None or ear.testing:
            return
        if (before := ear.airing) is not None:  # nobody has told its end
            self._in_background(self._drop(ear, before))
        ear.begin(item_id, lambda path: self._in_background(self._hear_pauses(speaker_id, path)))

    async def end(self, speaker_id: str, item_id: str, played: Sequence[Played], skip_s: float = 0.0) -> None:
        """The airing is over: match what was recorded with what was played, from `skip_s` on, in the background.

        Returns at once. The result goes to `on_heard(item_id, heard)`, within a minute or never: where there was
        nothing to compare (no microphone, too short), nobody is told that it was not heard.
        """
        ear = self._ears.get(speaker_id)
        if self._on_air.get(speaker_id) == item_id:
            del self._on_air[speaker_id]
            self._quiet_since = self._clock.monotonic()
        airing = ear.airing if ear is not None else None
        if ear is None or airing is None or airing.item != item_id:
            return
        ear.airing = None
        held: list[Played] = []
        try:
            held = await asyncio.to_thread(ear.hold, played)
        except OSError as error:
            log.warning("what was played on %s is gone before it could be compared: %s", speaker_id, error)
        if not held or len(self._matching) >= _MATCHING:
            self._in_background(self._drop(ear, airing))
            return
        self._in_background(self._match(speaker_id, airing, held, skip_s))

    async def test(self, speaker_id: str, *, calibrate: bool = False) -> TestReport:
        """Play a short sweep at low volume and compare it with the calibration; `calibrate` stores it as such.

        Raises Refusal `speaker.no_microphone`, `proof.failed`, and what the play or the microphone raises.
        """
        test = self._tests.get(speaker_id)
        if test is None:
            raise Refusal("speaker.no_microphone", id=speaker_id)
        try:
            report = await test.run(calibrate=calibrate)
        finally:
            self._quiet_since = self._clock.monotonic()
        self._findings[speaker_id].tested(report, calibrated=calibrate)
        return report

    def ambient_dbfs(self, speaker_id: str) -> float | None:
        """Noise that the microphone heard last between sounds and sentences (dBFS, A-weighted); None: not yet known."""
        findings = self._findings.get(speaker_id)
        return None if findings is None else findings.ambient_dbfs

    async def run(self) -> None:
        """Watch the idle speakers and do the daily self-tests, for ever."""
        for name, ear in self._ears.items():
            await asyncio.to_thread(ear.prepare)
            await asyncio.to_thread(self._findings[name].load)
        async with asyncio.TaskGroup() as group:
            for name in self._ears:
                group.create_task(self._watch(name), name=f"proof-{name}")

    async def stop(self) -> None:
        """End recordings and matching that are under way; remember what is usual."""
        airings = [ear.airing for ear in self._ears.values() if ear.airing is not None]
        tasks = [*self._matching, *(airing.task for airing in airings if airing.task is not None)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for findings in self._findings.values():
            await asyncio.to_thread(findings.save)

    async def _watch(self, name: str) -> None:
        ear, findings = self._ears[name], self._findings[name]
        while True:
            await self._clock.sleep(EVERY_S - LISTEN_S)
            if self._is_quiet() and self._clock.monotonic() - self._quiet_since >= _SETTLE_S:
                await self._listen(name, ear, findings)
            findings.microphone(ear.fault)
            if self._is_quiet() and self._test_is_due(name):
                await self._daily_test(name)
            await asyncio.to_thread(findings.save, now_and_then=True)

    def _is_quiet(self) -> bool:
        """Whether no loudspeaker of the node plays, as far as is known."""
        return not self._on_air and all(ear.idle for ear in self._ears.values())

    async def _listen(self, name: str, ear: Ear, findings: Findings) -> None:
        path = await ear.listen(LISTEN_S)
        if path is None:
            return
        try:
            sounds = await self._worker.sounds(path)
        except ProofError as error:
            log.warning("the idle watch fails: %s", error)
        else:
            if self._is_quiet():  # what began meanwhile is no foreign sound
                findings.idle(sounds, self._tests[name].installed)
        finally:
            await asyncio.to_thread(forget, [path])

    def _test_is_due(self, name: str) -> bool:
        at = self._speakers[name].self_test_at
        if at is None or not self._clock.trusted:
            return False
        now = self._clock.now().astimezone(self._zone)
        past = f"{now:%H:%M}" >= at
        before = self._tested.setdefault(name, now.date() if past else date.min)  # a start is no reason for a sound
        if past and before < now.date():
            self._tested[name] = now.date()
            return True
        return False

    async def _daily_test(self, name: str) -> None:
        try:
            await self.test(name)
        except Refusal as refusal:
            log.warning("the self-test of %s: %s", name, refusal)

    async def _match(self, name: str, airing: Airing, held: Sequence[Played], skip_s: float) -> None:
        takes = await self._ears[name].finish(airing)
        try:
            shifted = [Take(take.path, take.offset_s + skip_s) for take in takes]
            heard = await self._worker.heard(shifted, held) if takes else Heard(False, 0.0, 0.0)
        except ProofError as error:
            log.warning("%s could not be matched: %s", airing.item, error)
            return
        finally:
            await asyncio.to_thread(forget, [*(take.path for take in takes), *(piece.path for piece in held)])
        if not heard.seconds:
            return
        heard = self._from_here(name, heard)
        self._findings[name].aired(heard)
        self._on_heard(airing.item, heard)

    def _from_here(self, name: str, heard: Heard) -> Heard:
        """What came later than at installation came from another loudspeaker, which plays the same."""
        installed = self._tests[name].installed
        late = heard.delay_s is not None and installed is not None and heard.delay_s > installed.delay_s + _ELSEWHERE_S
        return replace(heard, heard=False, elsewhere=True) if late else heard

    async def _hear_pauses(self, name: str, path: Path) -> None:
        """The noise between the sentences of what plays."""
        try:
            self._findings[name].pauses(await self._worker.sounds(path))
        except ProofError as error:
            log.debug("the pauses are not heard: %s", error)

    async def _drop(self, ear: Ear, airing: Airing) -> None:
        takes = await ear.finish(airing)
        await asyncio.to_thread(forget, [take.path for take in takes])

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_guarded(work), name="proof-matching")
        self._matching.add(task)
        task.add_done_callback(self._matching.discard)


async def _guarded(work: Awaitable[None]) -> None:
    try:
        await work
    except Exception:  # proof is worth less than sound: nobody waits for this task
        log.exception("what was heard could not be examined")
