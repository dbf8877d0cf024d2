"""What goes on air."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from drivers.contract import Piece
from edge_agent.contract.bulletins import DEFAULT_AUTHORITY, AfterInterruption, BulletinClass
from edge_agent.contract.errors import Fault, Said


class Stream(Protocol):
    """A piece that begins to exist shortly before it is on air: a relay, a live microphone."""

    async def open(self) -> Piece:
        """Begin; called some seconds before its turn. Raises Refusal."""

    async def close(self) -> None:
        """End; whatever it started is gone then."""

    def lack(self) -> Fault | None:
        """After `close`: why nothing of it was heard although it was on air; None: something was."""


@dataclass(frozen=True, slots=True)
class Item:
    """Something for the air of one speaker.

    `sources` are played without a gap, from `skip_s` on (before it: what was heard until the power went). `at`: the
    instant of the first sample, None: as soon as its turn has come. `not_after`: what has not begun by then is not
    begun any more. `voice`, `sha256`, `approved_by`: for the proof. `spoken`: the words, for the speaker's state.
    `proof`: whether the microphone listens. `again`: a repetition of an emergency, which waits for the others' rounds.
    `said`: what is otherwise than was asked for.
    """

    id: str
    title: str
    sources: tuple[Piece | Stream, ...]
    class_: BulletinClass = "ordinary"
    authority: str = DEFAULT_AUTHORITY
    at: datetime | None = None
    not_after: datetime | None = None
    volume: float = 100
    after: AfterInterruption = "resume"
    skip_s: float = 0
    voice: str | None = None
    sha256: tuple[str, ...] = ()
    by: str | None = None
    approved_by: str | None = None
    spoken: str = ""
    proof: bool = True
    again: bool = False
    said: Said | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """The sounds of a bulletin or of an announcement, all of them on the node's own disk (streams: checked).

    `seconds` is known when all pieces are files. `own`: indices of texts that the node had to say itself although the
    hub's sound was approved. `said`: what is otherwise than was asked for.
    """

    sources: tuple[Piece | Stream, ...]
    seconds: float | None
    sha256: tuple[str, ...] = ()
    voice: str | None = None
    spoken: str = ""
    guessed: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    own: tuple[int, ...] = field(default=())
    said: Said | None = None
