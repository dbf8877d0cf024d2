"""An emergency, as it lies on disk so that a power cut cannot end it."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from edge_agent.contract.airings import Airing, Interruption
from edge_agent.contract.bulletins import DEFAULT_AUTHORITY
from edge_agent.contract.segments import Segment


class Alarm(BaseModel):
    """What is to be heard again and again. `id`: of the command `speak` or of the bulletin.

    `at`: when it is heard first, None: at once. `planned`: the instant that identifies the bulletin's airing.
    `until`: when it ends by itself.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    speaker: str
    title: str
    segments: tuple[Segment, ...]
    origin: Literal["speak", "bulletin"] = "speak"
    authority: str = DEFAULT_AUTHORITY
    by: str | None = None
    approved_by: str | None = None
    volume: float = 100
    at: datetime | None = None
    planned: datetime | None = None
    until: datetime
    repeat_every_s: float = 10.0


class Progress(BaseModel):
    """What was heard of it so far."""

    repetitions: int = 0
    seconds: float = 0.0
    heard: bool = False
    """Its words, once to the end."""
    airing: Airing | None = None
    """Of the first round: instant, error, output."""
    interruptions: tuple[Interruption, ...] = ()
