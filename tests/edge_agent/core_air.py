"""A station on simulated time, and items for it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from core_rig import Store
from core_sound import Sound, wav

from drivers.contract import Piece
from edge_agent.broadcast.item import Item
from edge_agent.config.broadcast import Broadcast
from edge_agent.config.model import Speaker
from edge_agent.contract.airings import Airing
from edge_agent.contract.errors import Refusal
from edge_agent.contract.reports import SpeakerState

S = timedelta(seconds=1)


class OnAir:
    """Items are as long as their files."""

    def __init__(self, node: Store, policy: Broadcast, speaker: Speaker, lines: Any = lambda _name: None) -> None:
        self.node, self.clock, self.folder = node, node.clock, node.folder
        self.sound = Sound(node, node.folder, None, speakers=(speaker,), policy=policy, lines=lines)
        self.station = self.sound.station
        assert self.sound.horn is not None
        self.horn = self.sound.horn
        self.air = self.station.air()
        self.begun: list[str] = []

    def file(self, name: str, seconds: float) -> Path:
        return wav(self.folder / "items" / f"{name}.wav", seconds)

    def item(self, name: str, seconds: float = 10, **changes: Any) -> Item:
        sources = changes.pop("sources", None) or (Piece(self.file(name, seconds)),)
        return Item(name, name.title(), sources, **changes)

    async def start(self, name: str, seconds: float = 10, **changes: Any) -> "asyncio.Task[Airing]":
        return await self.start_item(self.item(name, seconds, **changes))

    async def start_item(self, item: Item) -> "asyncio.Task[Airing]":
        async def begin() -> None:
            self.begun.append(item.id)

        task = asyncio.ensure_future(self.air.air(item, begin))
        await self.node.settle()
        return task

    async def advance(self, seconds: float) -> None:
        """Let time pass; threads (lengths of files) get a moment of real time."""
        await asyncio.sleep(0.01)
        await self.clock.advance(timedelta(seconds=seconds))

    @property
    def state(self) -> SpeakerState:
        return self.station.board().state

    def heard(self) -> list[tuple[str, float, float]]:
        """File, second of its beginning, and second within the sources, of each play."""
        start = self.clock.now() - timedelta(seconds=self.clock.monotonic())
        return [(_name(pieces), seconds(at - start), round(skip, 3)) for at, skip, _, pieces in self.horn.plays]

    async def events(self, type_: str) -> list[dict[str, Any]]:
        await self.node.recorder.flush()
        return [event["data"] for event in await self.node.events(type_)]


def seconds(delta: timedelta) -> float:
    return round(delta.total_seconds(), 3)


def _name(pieces: Sequence[Piece]) -> str:
    return "+".join(piece.path.stem if piece.path else "pause" for piece in pieces)


async def refused(task: "asyncio.Task[Any]") -> str:
    """The code with which it was refused."""
    try:
        await task
    except Refusal as refusal:
        return refusal.fault.code
    raise AssertionError("not refused")


def at(second: float, start: datetime) -> datetime:
    return start + timedelta(seconds=second)
