"""Emergencies: a siren at once, then the words, again and again until somebody acknowledges, through any reboot."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from edge_agent.broadcast.alarm import Alarm
from edge_agent.broadcast.item import Prepared
from edge_agent.contract.airings import Airing
from edge_agent.contract.segments import Segment
from tts.manner import Manner


class Sounds(Protocol):
    """Where siren and words come from (`edge_agent.prepare.preparer.Preparer`)."""

    async def prepare(self, owner: str, segments: tuple[Segment, ...], manner: Manner, /) -> Prepared:
        """The sounds of an alarm, kept until `release`. Raises Refusal."""

    async def release(self, owner: str) -> None:
        """They are not needed any more."""

    def siren(self) -> Path:
        """The siren, known without any work. Raises Refusal while there is none."""


class Emergencies:
    """All emergencies of the node. Reached as `station.emergencies`."""

    settle: Callable[[sqlite3.Connection, Alarm, Airing], None]
    """Called within the transaction that ends an alarm of a bulletin: the planner writes its own row there. The event
    `aired` is written by the emergency itself."""

    async def load(self) -> None:
        """Read what was sounding when the node stopped; it goes on with `start`."""
        raise NotImplementedError

    async def start(self) -> None:
        """Go on with what was loaded. Once, when drivers are open."""
        raise NotImplementedError

    def active(self, speaker: str | None = None) -> tuple[str, ...]:
        """Ids that repeat, on one speaker or on all; also those that were loaded and have not started yet."""
        raise NotImplementedError

    async def sound(self, alarm: Alarm) -> Airing:
        """Write it down, sound it, and return what was heard when its words were heard once to the end.

        It goes on then. One that sounds already is only waited for. A disk that refuses does not keep it silent.
        Raises Refusal when it ended without: the voice's code, the speaker's, or `speaker.stopped`.
        """
        raise NotImplementedError

    async def over(self, id_: str) -> Airing | None:
        """Wait for its end; what was heard in all. None: there is none of that id."""
        raise NotImplementedError

    def acknowledge(self, id_: str | None, by: str) -> tuple[str, ...]:
        """Somebody has heard: it ends once its words have been said to the end. Returns the ids."""
        raise NotImplementedError

    def end(self, id_: str, by: str) -> bool:
        """Silence now (a bulletin that is cancelled, `speaker.stop`); False when there is none."""
        raise NotImplementedError
