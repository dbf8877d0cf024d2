"""Makes everything that a bulletin needs ready ahead of air, and keeps it so until it is released."""

import asyncio
import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from drivers.contract import Piece
from edge_agent.broadcast.item import Prepared, Stream
from edge_agent.contract.errors import Refusal, Said
from edge_agent.contract.segments import MOST_SECONDS, ChimeName, Live, Pause, Relay, Segment
from edge_agent.media.fetch import Fetcher
from edge_agent.media.store import SoundStore, disk_refusal, sha256_in
from edge_agent.media.turns import Turns
from edge_agent.prepare import chimes
from edge_agent.prepare.chimes import Chimes
from edge_agent.prepare.plans import Kept, Plan, Plans
from edge_agent.prepare.readiness import NotReady
from edge_agent.prepare.urgent import Urgent
from edge_agent.prepare.workshop import Workshop
from tts.cache import key_of
from tts.client import VoiceWorker
from tts.manner import ORDINARY, Manner

log = logging.getLogger(__name__)
_LOAD_AGAIN_S = 30.0
Streams = Callable[[Relay | Live, Path | None], Stream]
"""Makes the stream of a segment; the path is the relay's prepared stand-in (48 kHz mono WAV), if it has one."""


def _nothing(_prepared: int, _needed: int) -> None:
    return


class Preparer:
    """`prepare` until `release`; chimes and the siren are there from the first start on."""

    def __init__(self, store: SoundStore, fetcher: Fetcher, voice: VoiceWorker, *, streams: Streams) -> None:
        """`voice` says texts and treats recordings in child processes; it must be open."""
        self._store = store
        self._fetcher = fetcher
        self._streams = streams
        self._workshop = Workshop(store, fetcher, voice)
        self._plans = Plans(store.folder / "plans")
        self._turns = Turns()
        self._loaded = False
        self.urgent = Urgent(self)
        self._chimes = Chimes(store, self._plans, self._workshop, voice)

    async def load(self) -> None:
        """Look through the disk: what was prepared before a power cut is known again. Before everything else.

        Raises Refusal `media.disk`; then `run` tries it again.
        """
        await self._store.threads.run(self._load)

    def _load(self) -> None:
        self._workshop.load()
        self._store.open()
        try:
            self._plans.load()
        except OSError as error:
            raise disk_refusal(error) from error
        for plan in self._plans.all:
            self._store.pin_only(plan.owner, plan.names)
        self._chimes.load()
        self._loaded = True

    async def run(self) -> None:
        """Make the chimes that are missing, again and again, and look after them. For a supervisor."""
        while not self._loaded:
            await self._chimes.make_in_memory()
            await asyncio.sleep(_LOAD_AGAIN_S)
            with suppress(Refusal):
                await self.load()
        await self._chimes.run()

    async def stop(self) -> None:
        """End what is being fetched; parts of files stay and are gone on with at the next start."""
        await self._fetcher.stop()
        await self._chimes.stop()
        await self._workshop.stop()

    async def prepare(
        self,
        owner: str,
        segments: tuple[Segment, ...],
        manner: Manner = ORDINARY,
        progress: Callable[[int, int], None] = _nothing,
        *,
        better: bool = False,
        urgent: bool = False,
    ) -> Prepared:
        """Return the sounds of `segments` on the node's disk; they stay there until `release(owner)`.

        What was prepared before is ready at once, also after a restart, without network or worker. Other segments or
        another manner for the same owner replace what it had, once they are ready. `better`: where the node had to
        say a text itself, or with its second best voice, try again; what is ready stays when that fails. `urgent`
        texts are said before all others, and are there even where the disk refuses.
        `manner` counts for texts; a text's own readings go before it. `progress(k, n)` hears how many of the segments
        are ready. Each call makes streams of its own. May be cancelled; what is ready by then is not made again.

        Raises NotReady (a Refusal): the code of the cause, and which segment of how many. The causes: `media.*`,
        `audio.*`, `speech.*`. Refusal `audio.empty` and `audio.too_long` when all of it together is nothing or more
        than four hours.
        """
        asked = key_of([segment.model_dump(mode="json") for segment in segments], manner.as_json())
        async with self._turns.turn(owner):
            plan = self._plans.get(owner)
            known = None
            if plan is not None and plan.asked == asked:
                known = await self._recalled(plan, segments)
                improvable = plan.maker != self._workshop.maker or (better and any(k.again for k in plan.segments))
                if known is not None and not improvable:
                    progress(len(segments), len(segments))
                    return known
            try:
                draft = Plan(owner, asked, self._workshop.maker, ())
                return await self._prepare(draft, segments, manner, progress, urgent)
            except Refusal as refusal:
                if known is None:
                    raise
                log.warning("what %s has ready stays as it is: %s", owner, refusal)
                progress(len(segments), len(segments))
                return known

    async def release(self, owner: str) -> None:
        """What `owner` had prepared may go when room is needed. An owner that is not known is nothing."""
        async with self._turns.turn(owner):
            self._store.pin_only(owner, ())
            try:
                await self._store.threads.run(self._plans.drop, owner)
            except OSError as error:  # it is released at the next start that finds nobody who needs it
                log.warning("what was prepared for %s cannot be removed: %s", owner, error)

    async def release_others(self, owners: Collection[str]) -> None:
        """Release all but these; for the planner's start, which knows what is still planned."""
        for plan in self._plans.all:
            if plan.owner not in owners and plan.owner != chimes.OWNER:
                await self.release(plan.owner)

    def siren(self) -> Path:
        """The siren as a 48 kHz mono WAV; needs no worker. Raises Refusal `chime.not_ready` before it was ever made."""
        return self.chime("siren")

    def chime(self, name: ChimeName) -> Path:
        """A chime, as `siren`."""
        return self._chimes.get(name)

    async def _prepare(
        self,
        draft: Plan,
        segments: tuple[Segment, ...],
        manner: Manner,
        progress: Callable[[int, int], None],
        urgent: bool,
    ) -> Prepared:
        ready = 0

        async def one(segment: Segment) -> Kept:
            nonlocal ready
            kept = await self._workshop.make(segment, manner, draft.owner, urgent=urgent)
            ready += 1
            progress(ready, len(segments))
            return kept

        progress(0, len(segments))
        # One that fails does not keep the others: what is ready then waits for it.
        made = await asyncio.gather(*map(one, segments), return_exceptions=True)
        kept: list[Kept] = []
        for number, each in enumerate(made, 1):
            if isinstance(each, Refusal):
                raise NotReady(number, len(segments), each.fault) from each
            if isinstance(each, BaseException):
                raise each
            kept.append(each)
        _check_length(segments, kept)
        plan = Plan(draft.owner, draft.asked, draft.maker, tuple(kept))
        prepared = await self._recalled(plan, segments)
        if prepared is None:
            raise Refusal("media.disk", detail="what was written cannot be read back")
        try:
            await self._remember(plan)
        except Refusal as refusal:
            if not urgent:
                raise
            log.warning("what is urgent is ready, but not remembered: %s", refusal)
        return prepared

    async def _remember(self, plan: Plan) -> None:
        try:
            await self._store.threads.run(self._plans.save, plan)
        except OSError as error:
            raise disk_refusal(error) from error
        self._store.pin_only(plan.owner, plan.names)

    async def _recalled(self, plan: Plan, segments: tuple[Segment, ...]) -> Prepared | None:
        """What the plan says, if all of its files are there and right."""
        paths = await self._store.threads.run(self._paths, plan)
        if paths is None:
            return None
        sources: list[Piece | Stream] = []
        for part, (segment, kept, path) in enumerate(zip(segments, plan.segments, paths, strict=True), 1):
            if not isinstance(segment, Relay | Live):
                sources.append(Piece(path) if path is not None else Piece(seconds=kept.seconds))
                continue
            try:
                sources.append(self._streams(segment, path))
            except Refusal as refusal:
                raise NotReady(part, len(segments), refusal.fault) from refusal
        return _prepared(plan, tuple(sources), tuple(path for path in paths if path is not None))

    def _paths(self, plan: Plan) -> list[Path | None] | None:
        """The file of each segment; None when one is gone."""
        paths = [None if kept.name is None else self._workshop.find(kept.name) for kept in plan.segments]
        gone = any(kept.name is not None and path is None for kept, path in zip(plan.segments, paths, strict=True))
        return None if gone else paths


def _prepared(plan: Plan, sources: tuple[Piece | Stream, ...], files: tuple[Path, ...]) -> Prepared:
    kept = plan.segments
    seconds = [each.seconds for each in kept]
    pieces = [source for source in sources if isinstance(source, Piece)]
    return Prepared(
        sources,
        None if len(pieces) < len(sources) else sum(each or 0.0 for each in seconds),
        tuple(sha256_in(piece.path.name) for piece in pieces if piece.path is not None),
        next((each.voice for each in kept if each.voice is not None), None),
        " ".join(each.spoken for each in kept if each.spoken),
        tuple(word for each in kept for word in each.guessed),
        files,
        tuple(number for number, each in enumerate(kept) if each.own),
        next(
            (Said.of("voice.instead", wanted=each.instead, voice=each.voice or "-") for each in kept if each.instead),
            None,
        ),
    )


def _check_length(segments: tuple[Segment, ...], kept: list[Kept]) -> None:
    """Nothing at all, and more than four hours, are mistakes. Streams count with what they may last."""
    heard = sum(
        segment.seconds if isinstance(segment, Relay | Live) else each.seconds or 0.0
        for segment, each in zip(segments, kept, strict=True)
    )
    if all(isinstance(segment, Pause) for segment in segments) or heard <= 0:
        raise Refusal("audio.empty")
    if heard > MOST_SECONDS:
        raise Refusal("audio.too_long", detail=f"{heard / 3600:.1f} h > {MOST_SECONDS // 3600} h")
