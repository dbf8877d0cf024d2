"""Who listens whether a speaker is heard; a node without microphones has nobody."""

from collections.abc import Sequence
from typing import Protocol

from edge_agent.proof.model import Played


class Listener(Protocol):
    """The ears, as the air calls them. Whatever they raise or however slow they are, the sound goes on."""

    async def begin(self, speaker_id: str, item_id: str) -> None:
        """The first sample is heard now."""

    async def end(self, speaker_id: str, item_id: str, played: Sequence[Played], skip_s: float = 0.0) -> None:
        """It is over: these were played, from `skip_s` on."""

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
