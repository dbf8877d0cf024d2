"""Who listens whether a speaker is heard; a node without microphones has nobody."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from drivers.contract import Piece
from edge_agent.proof.model import Played

log = logging.getLogger(__name__)
_LIMIT_S = 2.0


class Listener(Protocol):
    """The ears, as the air calls them. Whatever they raise or however slow they are, the sound goes on."""

    async def begin(self, speaker_id: str, item_id: str) -> None:
        """The first sample is heard now."""

    async def end(self, speaker_id: str, item_id: str, played: Sequence[Played], skip_s: float = 0.0) -> None:
        """It is over: these were played, from `skip_s` on. Nothing: there is nothing to compare."""

    def ambient_dbfs(self, speaker_id: str) -> float | None:
        """How loud the surroundings are while nothing plays; None: not known."""


class Nobody:
    """Does nothing."""

    async def begin(self, speaker_id: str, item_id: str) -> None:
        return

    async def end(self, speaker_id: str, item_id: str, played: Sequence[Played], skip_s: float = 0.0) -> None:
        return

    def ambient_dbfs(self, speaker_id: str) -> float | None:
        return None


class Ears:
    """Calls a listener about one speaker, one call after the other, in the background and bounded."""

    def __init__(self, speaker: str, listener: Callable[[], Listener]) -> None:
        """`listener` gives who listens now."""
        self._speaker = speaker
        self._listener = listener
        self._last: asyncio.Task[None] | None = None

    def begin(self, item: str) -> None:
        """It sounds from now on."""
        self._then(lambda: self._listener().begin(self._speaker, item))

    def end(self, item: str, pieces: Sequence[Piece], skip_s: float) -> None:
        """It was these pieces; a live one is known to nobody."""
        live = any(piece.live for piece in pieces)
        played = () if live else tuple(Played(piece.path, piece.seconds) for piece in pieces)
        self._then(lambda: self._listener().end(self._speaker, item, played, skip_s))

    def noise_db(self) -> float | None:
        """See `Listener.ambient_dbfs`."""
        try:
            return self._listener().ambient_dbfs(self._speaker)
        except Exception:  # the volume does not hang on it
            log.exception("the listener of %s failed", self._speaker)
            return None

    async def told(self) -> None:
        """Everything until now has been told; what was played may lose its name then."""
        if self._last is not None:
            await asyncio.wait({self._last}, timeout=2 * _LIMIT_S)

    async def stop(self) -> None:
        """Let go of what is still being told."""
        if self._last is not None:
            self._last.cancel()
            await asyncio.gather(self._last, return_exceptions=True)

    def _then(self, call: Callable[[], Awaitable[None]]) -> None:
        self._last = asyncio.get_running_loop().create_task(self._told(self._last, call), name="tell-listener")

    async def _told(self, before: asyncio.Task[None] | None, call: Callable[[], Awaitable[None]]) -> None:
        if before is not None:
            await asyncio.wait({before})
        try:
            async with asyncio.timeout(_LIMIT_S):
                await call()
        except Exception:  # proof is worth less than sound
            log.exception("the listener of %s failed", self._speaker)
