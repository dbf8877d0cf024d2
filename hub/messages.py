"""From bytes off the broker to checked messages. Whatever does not fit is refused here, and nowhere else."""

from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from edge_agent.contract import topics
from edge_agent.contract.base import MAX_BODY
from edge_agent.contract.commands import Ack
from edge_agent.contract.records import EventBatch, TelemetryBatch
from edge_agent.contract.reports import (
    About,
    AnyState,
    Status,
    thing_state,
)

Body = Status | About | AnyState | EventBatch | TelemetryBatch | Ack

_MODELS: dict[str, type[BaseModel]] = {
    "status": Status,
    "about": About,
    "event": EventBatch,
    "telemetry": TelemetryBatch,
    "ack": Ack,
}


class Malformed(Exception):
    """A message that cannot be believed; the text says why, in English, for the log."""


@dataclass(frozen=True, slots=True)
class Message:
    """A checked message. `body` is None when a retained one was cleared."""

    address: str
    topic: topics.Parsed
    body: Body | None
    retained: bool


def decode(topic: str, payload: bytes, retained: bool) -> Message:
    """Check topic and body. Raises Malformed."""
    parsed = topics.parse(topic)
    if parsed is None or "\n" in topic or parsed.node == topics.EVERYBODY:
        raise Malformed("not a topic of a node")
    address = f"{parsed.commune}/{parsed.node}"
    if len(payload) > MAX_BODY:
        raise Malformed(f"{len(payload)} bytes, more than {MAX_BODY}")
    if not payload and parsed.channel in ("status", "about", "state"):
        return Message(address, parsed, None, retained)
    try:
        body = _body(parsed, payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Malformed(f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}") from error
    except (ValueError, OverflowError, RecursionError) as error:  # years that no calendar has, bottomless nesting
        raise Malformed(str(error)) from error
    _is_its_own(parsed, body)
    return Message(address, parsed, body, retained)


def _body(parsed: topics.Parsed, payload: bytes) -> Body:
    if parsed.channel == "state":
        return thing_state.validate_json(payload)
    model = _MODELS.get(parsed.channel)
    if model is None:
        raise Malformed(f"nothing that a hub reads: {parsed.channel}")
    body = model.model_validate_json(payload)
    assert isinstance(body, Status | About | EventBatch | TelemetryBatch | Ack)  # noqa: S101 - for the type checker
    return body


def _is_its_own(parsed: topics.Parsed, body: Body) -> None:
    """A node speaks of itself only: what the body says must be what the topic says (the broker checks the topic)."""
    match body:
        case About():
            same = (body.commune, body.node) == (parsed.commune, parsed.node)
        case EventBatch() | TelemetryBatch() | Ack():
            same = body.node == parsed.node
        case Status():
            same = True
        case _:
            same = (body.kind, body.id) == (parsed.kind, parsed.thing)
    if not same:
        raise Malformed("the body speaks of something else than the topic")
