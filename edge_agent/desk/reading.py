"""From bytes to a command that this node should look at, or a refusal."""

import difflib
import json
from datetime import datetime, timedelta

from pydantic import ValidationError

from edge_agent.contract import invalid
from edge_agent.contract.base import iso
from edge_agent.contract.commands import KINDS, Command, Selector, command
from edge_agent.contract.errors import Refusal
from edge_agent.contract.ids import is_uuid7
from edge_agent.contract.reports import About
from edge_agent.contract.topics import EVERYBODY

CLOCKS_DIFFER = timedelta(minutes=5)
"""A command may be dated this much ahead of our clock: phones and hubs are never quite in step."""


def parse(payload: bytes) -> Command:
    """The command. Raises Refusal `command.malformed`, `command.unknown` or `command.invalid`."""
    try:
        asked = command.validate_json(payload)
    except ValidationError as error:
        raise _refusal(payload, error) from error
    if not is_uuid7(asked.id):
        raise Refusal("command.invalid", where="id", **invalid.reason("invalid.uuid", {}, ""))
    return asked


def id_of(payload: bytes) -> str | None:
    """The id of a command that is wrong elsewhere, so that its sender gets an answer."""
    try:
        id_ = json.loads(payload)["id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return id_ if isinstance(id_, str) and is_uuid7(id_) else None


def admit(asked: Command, about: About, now: datetime, *, trusted: bool) -> bool:
    """Whether the command is for this node; False for one to all whose selector leaves this node out.

    Raises Refusal `command.not_for_me`, `command.expired` or `command.from_future`.
    """
    commune, _, node = asked.to.partition("/")
    if commune != about.commune or node not in (about.node, EVERYBODY):
        raise Refusal("command.not_for_me", to=asked.to)
    if asked.selector is not None and not _selected(asked.selector, about):
        return False
    if asked.expires <= now:
        raise Refusal("command.expired", expires=iso(asked.expires))
    if trusted and asked.at > now + CLOCKS_DIFFER:
        raise Refusal("command.from_future", at=iso(asked.at))
    return True


def _selected(selector: Selector, about: About) -> bool:
    kinds = {capability.kind for capability in about.capabilities}
    zones = {about.zone, *(capability.zone for capability in about.capabilities)}
    return (
        (not selector.nodes or about.node in selector.nodes)
        and (not selector.zones or bool(zones.intersection(selector.zones)))
        and (not selector.capabilities or kinds.issuperset(selector.capabilities))
    )


def _refusal(payload: bytes, error: ValidationError) -> Refusal:
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return Refusal("command.malformed", detail="the signed part is not JSON")
    if first["type"] == "union_tag_invalid":
        do = json.loads(payload)["args"]["do"]
        close = difflib.get_close_matches(str(do), KINDS, n=1) or [", ".join(KINDS)]
        return Refusal("command.unknown", do=str(do)[:60], guess=close[0])
    return Refusal("command.invalid", **invalid.first(error))
