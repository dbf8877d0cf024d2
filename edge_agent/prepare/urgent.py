"""The preparer as emergencies see it: before all others, and even where the disk refuses."""

from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.broadcast.item import Prepared
from edge_agent.contract.segments import Segment
from tts.manner import ORDINARY, Manner

if TYPE_CHECKING:
    from edge_agent.prepare.preparer import Preparer


class Urgent:
    """`Preparer.prepare` with `urgent`, and the siren."""

    def __init__(self, preparer: "Preparer") -> None:
        self._preparer = preparer

    async def prepare(self, owner: str, segments: tuple[Segment, ...], manner: Manner = ORDINARY) -> Prepared:
        """As `Preparer.prepare`."""
        return await self._preparer.prepare(owner, segments, manner, urgent=True)

    async def release(self, owner: str) -> None:
        """As `Preparer.release`."""
        await self._preparer.release(owner)

    def siren(self) -> Path:
        """As `Preparer.siren`."""
        return self._preparer.siren()
