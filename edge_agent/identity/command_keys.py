"""Whose commands count: by the grant, or by a later `keys.update`, as it lies on the disk."""

import json
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from edge_agent.contract.enrolment import GrantedKey

_keys = TypeAdapter(tuple[GrantedKey, ...])


@dataclass(frozen=True, slots=True)
class CommandKeys:
    """All keys that hold, and the number that grows with each change."""

    number: int
    keys: tuple[GrantedKey, ...]

    def content(self, enrolment: str) -> bytes:
        """For the file; it counts within one enrolment only, named by the mark of its token."""
        told = {"number": self.number, "enrolment": enrolment, "keys": _keys.dump_python(self.keys, mode="json")}
        return json.dumps(told).encode()


def kept_keys(content: bytes | None, enrolment: str) -> CommandKeys | None:
    """What the file says; None where it says nothing of this enrolment, or is damaged: then the grant holds."""
    if content is None:
        return None
    try:
        told = json.loads(content)
        if told["enrolment"] != enrolment:
            return None
        return CommandKeys(int(told["number"]), _keys.validate_python(told["keys"]))
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError):
        return None
