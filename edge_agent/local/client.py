"""The other end, for a command of the terminal: blocking, one question at a time."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_agent.contract.base import JsonObject
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.local.socket import MOST_BYTES, dial


class AgentAway(Exception):
    """No agent runs on this folder, or it went away before it answered."""


class LocalAgent:
    """The agent that holds a folder."""

    def __init__(self, folder: Path) -> None:
        """`folder`: `storage.path` of its configuration."""
        self._folder = folder

    def ask(self, do: str, timeout_s: float = 20.0, **more: Any) -> JsonObject:
        """Ask and wait. Raises AgentAway, and Refusal with what the agent refuses."""
        try:
            with dial(self._folder, timeout_s) as connection, connection.makefile("rb") as lines:
                connection.sendall(json.dumps({"do": do, **more}).encode() + b"\n")
                line = lines.readline(MOST_BYTES)
        except OSError as error:
            raise AgentAway(str(error)) from error
        return _read(line)

    def is_there(self) -> bool:
        """Whether an agent answers."""
        try:
            self.ask("hello", 5.0)
        except (AgentAway, Refusal):
            return False
        return True


def _read(line: bytes) -> JsonObject:
    try:
        answer = json.loads(line)
        if "refused" not in answer:
            done: JsonObject = answer["done"]
            return done
        fault = Fault.model_validate(answer["refused"])
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise AgentAway("the agent ended before it answered") from error
    refusal = Refusal("command.internal")
    refusal.fault = fault
    raise refusal
