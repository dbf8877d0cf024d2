"""What the running agent says of its health, and what of it decides over a new version."""

import time
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Part = Literal["broker", "schedule", "audio", "lines"]
PARTS: tuple[Part, ...] = ("broker", "schedule", "audio", "lines")
FRESH_S = 15.0
"""Older than this it is nobody's word any more."""


class Found(BaseModel):
    """One part: what really happened since the start of the agent."""

    model_config = ConfigDict(extra="ignore")

    ok: bool
    detail: str = ""


class Healthy(BaseModel):
    """The file `healthy`: written every few seconds by the agent's own loop."""

    model_config = ConfigDict(extra="ignore")

    version: str
    session: str
    started: float = Field(description="Seconds since boot")
    at: float = Field(description="Seconds since boot")
    parts: dict[str, Found]


def read(path: Path) -> Healthy | None:
    """What the agent said last; None when it said nothing, or not lately."""
    try:
        said = Healthy.model_validate_json(path.read_bytes()[:65536])
    except (OSError, ValidationError):
        return None
    return said if -1.0 <= since_boot() - said.at <= FRESH_S else None


def since_boot() -> float:
    """Seconds since boot, sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def needs(before: Healthy | None) -> tuple[str, ...]:
    """What must be well after a switch: the schedule, and of the rest what was well before it.

    A sound card that was dead, or a network that was away, is no fault of the new version; without this rule no node
    with something broken could ever be updated, not even by the version that mends it.
    """
    well = {part for part, found in before.parts.items() if found.ok} if before is not None else set()
    return tuple(part for part in PARTS if part in well or part == "schedule")


def missing(said: Healthy | None, version: str, wanted: tuple[str, ...], steady_s: float = 0.0) -> str:
    """What is not well yet, for a person; empty: the version is healthy."""
    if said is None:
        return "the agent says nothing"
    if said.version != version:
        return f"version {said.version} runs"
    if said.at - said.started < steady_s:
        return "it has only just started"
    found = {name: said.parts.get(name, Found(ok=False, detail="not looked at")) for name in wanted}
    return ", ".join(f"{name}: {one.detail}" for name, one in found.items() if not one.ok)
