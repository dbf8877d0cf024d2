"""From a finished acceptance to a signed record that fits into one message."""

import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from typing import Literal, Protocol

from edge_agent.acceptance.session import Going, Session
from edge_agent.config.model import NodeConfig
from edge_agent.contract.birth import MOST_TEXT, BirthRecord, SignedBirth, Step
from edge_agent.contract.detached import sign_detached
from edge_agent.contract.ids import uuid7
from edge_agent.version import VERSION

_MOST_BYTES = 56_000
"""Of a signed record: a message has 64 KiB, and names its node besides."""
_SIZES = ((320, 60), (240, 50), (160, 40), (96, 30))
"""Longest side of a picture, and its quality: the first with which everything fits."""


class Signer(Protocol):
    """The node's identity, as far as it is needed here."""

    @property
    def certificate(self) -> str:
        """PEM."""

    def sign(self, message: bytes) -> bytes:
        """ECDSA with SHA-256, DER."""


def made(config: NodeConfig, session: Session, signer: Signer | None) -> SignedBirth:
    """Everything of this acceptance, as far as a message has room; what nobody did counts as skipped."""
    record = _record(config, session)
    text = next(text for steps in _ever_smaller(record, session) if _fits(text := _text(record, steps)))
    if signer is None:
        return SignedBirth(record=text)
    return SignedBirth(record=text, jws=sign_detached(text.encode(), signer.sign), certificate=signer.certificate)


def _ever_smaller(record: BirthRecord, session: Session) -> Iterator[tuple[Step, ...]]:
    """All steps: with pictures as large as can be, without, without the words of what was well, the results alone.

    At last the steps that somebody came to, and of these as many as there is room for: no pole has so many lamps.
    """
    for side, quality in _SIZES:
        yield _with_pictures(record, session, side, quality)
    yield record.steps
    brief = tuple(step if step.result == "faulty" else step.model_copy(update={"stages": ()}) for step in record.steps)
    yield brief
    yield tuple(step.model_copy(update={"stages": ()}) for step in brief)
    done = [step.model_copy(update={"stages": ()}) for step in brief if step.result != "skipped"]
    for count in range(len(done), -1, -1):
        yield tuple(done[:count])


def _text(record: BirthRecord, steps: tuple[Step, ...]) -> str:
    return record.model_copy(update={"steps": steps}).model_dump_json(exclude_none=True)


def _fits(text: str) -> bool:
    return len(text) <= MOST_TEXT and len(json.dumps(text, ensure_ascii=False).encode()) <= _MOST_BYTES


def _record(config: NodeConfig, session: Session) -> BirthRecord:
    node, place = config.node, session.place
    steps = [Step(kind="place", result="ok" if session.placed else "skipped")]
    steps += [_step(going) for going in session.steps if going.task.todo]
    by: Literal["phone", "hand", "configuration"] = (
        "phone" if place.position_by == "phone" else "hand" if place.position_by == "hand" else "configuration"
    )
    return BirthRecord(
        id=uuid7(),
        commune=node.commune,
        node=node.name,
        title=node.title,
        installer=place.installer or "-",
        position=place.position,
        position_by=by,
        began=session.began,
        ended=datetime.now(UTC),
        version=VERSION,
        steps=tuple(steps),
    )


def _step(going: Going) -> Step:
    task, result = going.task, going.result
    return Step(
        kind=task.kind,
        id=task.id,
        name=task.name,
        result=result or "skipped",
        reason=going.reason or "",
        tries=going.tries,
        stages=tuple(going.stages),
    )


def _with_pictures(record: BirthRecord, session: Session, side: int, quality: int) -> tuple[Step, ...]:
    shots = {going.task.id: found.picture for going in session.steps for found in going.found if found.picture}
    return tuple(
        step.model_copy(update={"picture": b64encode(small(shot, side, quality)).decode() or None})
        if step.kind == "camera" and (shot := shots.get(step.id))
        else step
        for step in record.steps
    )


def small(jpeg: bytes, side: int, quality: int) -> bytes:
    """A picture whose longer side is at most so many pixels; empty where it is none."""
    from PIL import Image

    try:
        with Image.open(BytesIO(jpeg)) as image:
            image.draft("RGB", (side, side))
            shrunk = image.convert("RGB")
            shrunk.thumbnail((side, side))
            buffer = BytesIO()
            shrunk.save(buffer, "JPEG", quality=quality, optimize=True)
    except (OSError, ValueError):
        return b""
    return buffer.getvalue()
