"""The pieces of one item: how long they are, streams that are opened and closed, and where to go on."""

import asyncio
import logging
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from drivers.contract import Piece
from edge_agent.broadcast.item import Item, Stream
from edge_agent.contract.errors import Fault, Refusal

log = logging.getLogger(__name__)
_OPEN_S = 10.0
_CLOSE_S = 5.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is played next: pieces from `skip_s` on; `base_s` of the item lie before them.

    `live_since_s`: the first piece is live and began so many seconds ago; None: it begins with the play.
    """

    pieces: tuple[Piece, ...]
    base_s: float = 0.0
    skip_s: float = 0.0
    live_since_s: float | None = None


class Sources:
    """Of one item. `fault`: why nothing is left to be played, or a stream that is left out."""

    def __init__(self, item: Item) -> None:
        self._item = item
        self._streams: list[Stream] = []
        self._opening: asyncio.Task[None] | None = None
        self._measuring: asyncio.Task[tuple[float | None, ...]] | None = None
        self.pieces: tuple[Piece, ...] | None = None
        """None: not yet open."""
        self.lengths: tuple[float | None, ...] = ()
        self.fault: Fault | None = None

    @property
    def seconds(self) -> float | None:
        """How long all of it is, None where that is not known (yet)."""
        known = [length for length in self.lengths if length is not None]
        return sum(known) if self.lengths and len(known) == len(self.lengths) else None

    def open(self, ready: Callable[[], None]) -> None:
        """Open what has to be opened, once; `ready` is called when `pieces` are there, at once where they are files."""
        if self._opening is not None or self.pieces is not None:
            return
        pieces = tuple(source for source in self._item.sources if isinstance(source, Piece))
        if len(pieces) == len(self._item.sources):
            self._opened(pieces)
            ready()
        else:
            self._opening = asyncio.get_running_loop().create_task(self._open(ready), name="open-sources")

    async def measured(self) -> None:
        """`lengths` and `seconds` are known."""
        if self._measuring is not None:
            self.lengths = await asyncio.shield(self._measuring)

    async def close(self) -> None:
        """End the streams. Never raises."""
        tasks = [task for task in (self._opening, self._measuring) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for stream in self._streams:
            try:
                async with asyncio.timeout(_CLOSE_S):
                    await stream.close()
                self.fault = self.fault or stream.lack()
            except Exception:  # whatever a stream's end does, the air goes on
                log.exception("a stream of %s did not close", self._item.id)
        self._streams.clear()

    def stretch(self, position_s: float, away_s: float = 0.0) -> Stretch | None:
        """What is to be played from a position on, `away_s` after that was left; None: nothing is left.

        A live piece has run on meanwhile: it is joined where it is now.
        """
        start, pieces = 0.0, self.pieces or ()
        if position_s <= 0:
            return Stretch(pieces) if pieces else None
        lengths = self.lengths or (None,) * len(pieces)
        for number, (piece, length) in enumerate(zip(pieces, lengths, strict=True)):
            rest = pieces[number:]
            if length is None or position_s < start + length:
                within = position_s - start
                if not piece.live or within <= 0:
                    return Stretch(rest, start, within)
                since = within + away_s
                if length is None or since < length:
                    return Stretch(rest, start, 0.0, since)
                return self.stretch(start + length)
            start += length
        return None

    async def _open(self, ready: Callable[[], None]) -> None:
        opened = await asyncio.gather(*(self._piece(source) for source in self._item.sources))
        self._opened(tuple(piece for piece in opened if piece is not None))
        ready()

    def _opened(self, pieces: tuple[Piece, ...]) -> None:
        self.pieces = pieces
        self._measuring = asyncio.get_running_loop().create_task(self._measure(pieces), name="measure-sources")

    async def _measure(self, pieces: tuple[Piece, ...]) -> tuple[float | None, ...]:
        self.lengths = await asyncio.to_thread(_lengths, pieces)
        return self.lengths

    async def _piece(self, source: Piece | Stream) -> Piece | None:
        if isinstance(source, Piece):
            return source
        self._streams.append(source)
        try:
            async with asyncio.timeout(_OPEN_S):
                return await source.open()
        except Refusal as refusal:
            self.fault = refusal.fault
        except Exception as error:  # a stream that breaks is left out; the rest is heard
            log.exception("a stream of %s failed", self._item.id)
            detail = f"{type(error).__name__}: {error}"[:200]
            self.fault = Fault.of("bulletin.stream", title=self._item.title, detail=detail)
        return None


def _lengths(pieces: Sequence[Piece]) -> tuple[float | None, ...]:
    return tuple(_length(piece) for piece in pieces)


def _length(piece: Piece) -> float | None:
    if piece.path is None or piece.live:
        return piece.seconds
    return _wav_seconds(piece.path)


def _wav_seconds(path: Path) -> float | None:
    try:
        with wave.open(str(path), "rb") as file:
            return file.getnframes() / (file.getframerate() or 1)
    except (OSError, EOFError, wave.Error):  # the driver says what is wrong with it
        return None
