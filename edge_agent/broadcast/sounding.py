"""One emergency: siren, words, silence, and again, until it is over."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from drivers.contract import Piece, PlayStart
from edge_agent.broadcast.air import Air
from edge_agent.broadcast.alarm import Alarm, Progress, Row, State
from edge_agent.broadcast.item import Item, Prepared, Stream
from edge_agent.broadcast.job import microseconds
from edge_agent.clock import Clock
from edge_agent.contract.airings import Airing, Interruption
from edge_agent.contract.base import JsonObject
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.segments import Segment
from tts.manner import Manner

log = logging.getLogger(__name__)
LONGEST = timedelta(hours=1)
_BETWEEN_SIRENS_S = 0.3
"""While the words are still being made."""
_KNOWN_WITHIN_S = 0.05
"""Words that lie on disk are there so soon: siren and words are then one play."""
_SPEAKER_AGAIN_S = 2.0
_NEAR_S = 2.0
_LOOK_AGAIN_S = 5.0
_SAME_START_US = 500_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VOICE_AGAIN_S = (1.0, 2.0, 5.0, 10.0, 30.0)


class Sounds(Protocol):
    """Where siren and words come from (`edge_agent.prepare.preparer.Preparer`)."""

    async def prepare(self, owner: str, segments: tuple[Segment, ...], manner: Manner, /) -> Prepared:
        """The sounds of an alarm, kept until `release`. Raises Refusal."""

    async def release(self, owner: str) -> None:
        """They are not needed any more."""

    def siren(self) -> Path:
        """The siren, known without any work. Raises Refusal while there is none."""


class Sounding:
    """`run` until it is over. `first`: heard once to the end, or over without. `airing`: what was heard so far."""

    def __init__(
        self,
        row: Row,
        clock: Clock,
        air: Air,
        sounds: Sounds,
        *,
        save: Callable[["Sounding"], Awaitable[None]],
        fault: Callable[[Fault | None], None],
    ) -> None:
        """`save` writes the progress and never raises; `fault` shows what is wrong with it."""
        self.alarm: Alarm = row.alarm
        self.progress: Progress = row.progress
        self.acknowledged = row.state == "acknowledged"
        self.ended: Fault | None = Fault.of("speaker.stopped", by="-") if row.state == "ended" else None
        self.first = asyncio.Event()
        if self.progress.heard:
            self.first.set()
        self._clock = clock
        self._air = air
        self._sounds = sounds
        self._save = save
        self._fault = fault
        self._words: Prepared | None = None
        self._why_silent: Fault | None = None
        self._why_wordless: Fault | None = None
        self._news = asyncio.Event()
        self._saving: asyncio.Future[None] | None = None
        self._until = self._deadline()
        self._manner = Manner(row.alarm.readings, strict=False)

    @property
    def state(self) -> State:
        """For its row."""
        if self.ended is not None:
            return "ended"
        return "acknowledged" if self.acknowledged else "sounding"

    def acknowledge(self, by: str) -> None:
        """It ends when its words have been said to the end."""
        self.acknowledged = True
        self.progress.acknowledged_by = self.progress.acknowledged_by or by
        self._news.set()

    def end(self, why: Fault) -> None:
        """Silence now."""
        self.ended = self.ended or why
        self._air.cut(self.alarm.id, why)
        self._news.set()

    def airing(self) -> Airing:
        """What was heard of it, in all."""
        alarm, heard = self.alarm, self.progress.airing
        fault = None if self.progress.heard else self.ended or self._why_wordless or self._why_silent
        if heard is None:
            heard = Airing.model_validate(
                {
                    **alarm.model_dump(include={"id", "speaker", "title", "authority", "by", "approved_by"}),
                    "class": "emergency",
                    "state": "missed",
                    "planned": alarm.planned or alarm.at,
                    "repetitions": 0,
                }
            )
        state = "aired" if self.progress.heard else "partly" if heard.seconds else "missed"
        why = {"code": fault.code if fault else None, "reason": fault.en if fault else None}
        by = self.progress.acknowledged_by
        return heard.model_copy(update={"state": state, "acknowledged_by": by, **why, **self._began(heard)})

    def _began(self, heard: Airing) -> JsonObject:
        """Its true beginning, where a power cut in the first round made `heard` begin after it."""
        began = self.progress.began_us
        if began is None or heard.started_us is None or heard.started_us - began < _SAME_START_US:
            return {}
        late = None if heard.planned_us is None else (began - heard.planned_us) / 1000
        cut = Interruption(at=_EPOCH + timedelta(microseconds=began), by="restart", position_s=0, then="restarted")
        return {"started_us": began, "start_error_ms": late, "interruptions": (cut, *heard.interruptions)}

    async def run(self) -> None:
        """Until acknowledged, ended, or its time is up. Nothing of a lower class is on air meanwhile."""
        making = asyncio.get_running_loop().create_task(self._make_words(), name="emergency-words")
        try:
            await self._come_near()
            self._air.close_for(self.alarm.id)
            if not self._over():
                await self._quiet(_KNOWN_WITHIN_S)
            while not self._over():
                pause = await self._round()
                await self._save(self)
                if self.progress.heard:
                    self.first.set()
                if not self._over():
                    await self._quiet(pause)
        finally:
            making.cancel()
            await asyncio.gather(making, *filter(None, (self._saving,)), return_exceptions=True)
            self._air.open_again(self.alarm.id)
            self._fault(None)

    async def _come_near(self) -> None:
        """Leave the air to others until shortly before its instant."""
        at = self.alarm.at if self.progress.airing is None else None
        while at is not None and not self._over() and (left := self._left(at) - _NEAR_S) > 0:
            await self._quiet(min(left, _LOOK_AGAIN_S))

    def _left(self, instant: datetime) -> float:
        return (instant - self._clock.now()).total_seconds()

    def _over(self) -> bool:
        if self.ended is not None or self._clock.monotonic() >= self._until:
            return True
        # who has heard the siren alone waits for the words, unless there will be none
        return self.acknowledged and (self.progress.heard or self._why_wordless is not None)

    def _deadline(self) -> float:
        """Monotonic, so that no step of the clock prolongs it or ends it; without a trusted time an hour from now."""
        now, longest = self._clock.now(), LONGEST
        if self.alarm.origin == "bulletin" and self.alarm.planned is not None:
            longest = max(longest, self.alarm.until - self.alarm.planned)
        left = self.alarm.until - now
        if not self._clock.trusted and not timedelta() < left < longest:
            left = LONGEST
        return self._clock.monotonic() + min(left, longest + timedelta(minutes=1)).total_seconds()

    async def _round(self) -> float:
        """Siren and words. Returns how long to be quiet after it."""
        siren = self._siren()
        words = self._words
        try:
            if words is None and siren:
                await self._play(siren, None)
                words, siren = self._words, ()
            if words is not None and self.ended is None:
                await self._play((*siren, *words.sources), words)
                self.progress.heard = True
                await self._renew(words)
        except Refusal as refusal:
            if self.ended is None:
                self._why_silent = refusal.fault
                self._tell()
            return _SPEAKER_AGAIN_S
        finally:
            self._air.let_go(self.alarm.id)
        if words is None and self._why_wordless is None:
            return _BETWEEN_SIRENS_S
        self._count()
        return self.alarm.repeat_every_s

    async def _play(self, sources: "tuple[Piece | Stream, ...]", words: Prepared | None) -> None:
        """On air to the end. Raises Refusal when it was not."""
        alarm, so_far = self.alarm, self.progress.airing
        item = Item(
            id=alarm.id,
            title=alarm.title,
            sources=sources,
            class_="emergency",
            authority=alarm.authority,
            at=alarm.at if so_far is None else None,
            volume=alarm.volume,
            after="restart",
            voice=words.voice if words else None,
            sha256=words.sha256 if words else (),
            by=alarm.by,
            approved_by=alarm.approved_by,
            spoken=words.spoken if words else "",
            again=so_far is not None,
        )

        def started(start: PlayStart) -> None:
            if words is None:
                self._air.keep_for(item)
            if self.progress.began_us is None:
                self.progress.began_us = microseconds(start.started_at)
                self._saving = asyncio.ensure_future(self._save(self))

        airing = await self._air.air(item, on_start=started)
        self.progress.airing = _together(so_far, airing)
        if airing.code is not None and airing.code.startswith(("speaker.", "driver.")):
            raise Refusal(airing.code, detail=airing.reason or "", by="-")
        self._why_silent = None
        self._tell()

    async def _renew(self, words: Prepared) -> None:
        """A stream is opened once: another repetition gets another one."""
        if any(not isinstance(source, Piece) for source in words.sources):
            with contextlib.suppress(Refusal):
                self._words = await self._sounds.prepare(self.alarm.sound_owner, self.alarm.segments, self._manner)

    def _count(self) -> None:
        heard = self.progress.airing
        if heard is not None:
            self.progress.airing = heard.model_copy(update={"repetitions": heard.repetitions + 1})

    def _siren(self) -> tuple[Piece, ...]:
        try:
            return (Piece(self._sounds.siren()),)
        except Refusal as refusal:
            self._fault(Fault.of("emergency.no_siren", detail=refusal.fault.en))
            return ()

    def _tell(self) -> None:
        self._fault(self._why_silent or self._why_wordless)

    async def _make_words(self) -> None:
        """Have the words made, again and again while the voice fails."""
        tries = 0
        while self._words is None:
            try:
                self._words = await self._sounds.prepare(self.alarm.sound_owner, self.alarm.segments, self._manner)
            except Refusal as refusal:
                self._why_wordless = Fault.of("emergency.no_voice", detail=refusal.fault.en)
            except Exception as error:  # the siren goes on whatever happens to the words
                log.exception("the words of emergency %s cannot be made", self.alarm.id)
                self._why_wordless = Fault.of("emergency.no_voice", detail=f"{type(error).__name__}: {error}"[:200])
            else:
                self._why_wordless = None
            self._tell()
            self._news.set()
            if self._words is None:
                await self._clock.sleep(_VOICE_AGAIN_S[min(tries, len(_VOICE_AGAIN_S) - 1)])
                tries += 1

    async def _quiet(self, seconds: float) -> None:
        """So long, or until something changes; not beyond its end."""
        before = self._words
        ends = self._clock.monotonic() + min(seconds, max(0.0, self._until - self._clock.monotonic()))
        while (left := ends - self._clock.monotonic()) > 0.001 and not self._over():
            self._news.clear()
            sleeper = asyncio.ensure_future(self._clock.sleep(left))
            news = asyncio.ensure_future(self._news.wait())
            try:
                await asyncio.wait({sleeper, news}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                sleeper.cancel()
                news.cancel()
            if self._words is not before:
                return  # they have just come

    async def release(self) -> None:
        """Its sounds may go, where they are nobody else's."""
        if self.alarm.owner is not None:
            return
        with contextlib.suppress(Refusal):
            await self._sounds.release(self.alarm.sound_owner)


def _together(so_far: Airing | None, more: Airing) -> Airing:
    """The beginning of the first, the seconds of all, the sounds of the words."""
    if so_far is None:
        return more.model_copy(update={"repetitions": 0})
    return so_far.model_copy(
        update={
            "seconds": round(so_far.seconds + more.seconds, 3),
            "interruptions": (*so_far.interruptions, *more.interruptions),
            "sha256": more.sha256 or so_far.sha256,
            "voice": more.voice or so_far.voice,
            "said": more.said or so_far.said,
            "volume": more.volume,
            "output": more.output,
        }
    )
