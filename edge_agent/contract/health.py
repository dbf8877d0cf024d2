"""The examination of a node: what `edge-agent doctor` finds, asked for and told over the wire."""

from typing import Literal

from pydantic import Field

from edge_agent.contract.base import Instant, Report, Strict
from edge_agent.contract.thing import Thing

MOST_FINDINGS = 40
MOST_CHARS = 300
EXAMINATION = "node"
"""Id of the one state of kind `doctor` that a node has."""

FindingState = Literal["ok", "note", "faulty"]


class ExamineNode(Strict):
    """Try each part of the node as `edge-agent doctor` does; nothing is switched and nothing is played."""

    do: Literal["node.examine"] = "node.examine"


class Finding(Report):
    """What one examination found, as a sentence in both languages."""

    part: str = Field(
        max_length=40, description="What was examined", examples=["clock", "disk", "driver", "voice", "camera"]
    )
    id: str | None = Field(default=None, max_length=40, description="Which one, where there are several")
    state: FindingState
    code: str | None = Field(default=None, max_length=60, description="Stable code of what is wrong")
    vi: str = Field(max_length=MOST_CHARS)
    en: str = Field(max_length=MOST_CHARS)


class DoctorState(Thing):
    """The examination that was asked for last; retained, so that it is there when the node is not."""

    kind: Literal["doctor"] = "doctor"
    actual: Literal["examining", "done"]
    session: str = Field(description="As in `status`; an examination of an earlier session goes on no more")
    began: Instant
    ended: Instant | None = None
    by: str = Field(default="", max_length=100, description="Who asked")
    part: str | None = Field(default=None, max_length=90, description="What is being examined now")
    done: int = Field(default=0, ge=0)
    parts: int = Field(default=0, ge=0, description="How many examinations there are")
    findings: tuple[Finding, ...] = Field(default=(), max_length=MOST_FINDINGS, description="Only when it is done")
