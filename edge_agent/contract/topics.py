"""Every topic in one place. `edge/{commune}/{node}/...`, as docs/reference/asyncapi.json describes."""

import re
from dataclasses import dataclass
from typing import Literal

from edge_agent.contract.base import NAME_PATTERN

Channel = Literal["status", "about", "state", "event", "telemetry", "cmd", "ack", "live"]
EVERYBODY = "all"
"""Stands in a node's place for a command to many."""
RESERVED = frozenset({EVERYBODY, "voice"})
"""Words that stand in a node's place in topics; so no node may be called that."""

NODE_ADDRESS = re.compile(r"^([a-z0-9-]{1,40}/)?[a-z0-9-]{1,40}$")
"""How people write a node: its name, or `commune/name`; `all` for everybody."""

_NAME = re.compile(NAME_PATTERN)


@dataclass(frozen=True, slots=True)
class NodeTopics:
    """The topics of one node."""

    commune: str
    node: str

    @property
    def root(self) -> str:
        """What all of them begin with."""
        return f"edge/{self.commune}/{self.node}"

    @property
    def status(self) -> str:
        """Online or offline; retained, and the last will."""
        return f"{self.root}/status"

    @property
    def about(self) -> str:
        """What the node has; retained."""
        return f"{self.root}/about"

    def state(self, kind: str, thing: str) -> str:
        """The latest state of one thing; retained."""
        return f"{self.root}/state/{kind}/{thing}"

    @property
    def event(self) -> str:
        """What happened, numbered, through the outbox."""
        return f"{self.root}/event"

    @property
    def telemetry(self) -> str:
        """Measurements, numbered, through the outbox."""
        return f"{self.root}/telemetry"

    @property
    def command(self) -> str:
        """Commands to this node."""
        return f"{self.root}/cmd"

    @property
    def command_all(self) -> str:
        """Commands to many nodes of the commune."""
        return f"edge/{self.commune}/{EVERYBODY}/cmd"

    @property
    def ack(self) -> str:
        """What became of a command."""
        return f"{self.root}/ack"

    def live(self, camera: str) -> str:
        """Pictures while somebody watches."""
        return f"{self.root}/live/{camera}"


def voice(commune: str, session: str) -> str:
    """Opus frames of a live microphone or relay, one publish for all nodes."""
    return f"edge/{commune}/voice/{session}"


def is_voice(topic: str) -> bool:
    """Whether a topic is that of some voice."""
    parts = topic.split("/")
    return len(parts) == 4 and (parts[0], parts[2]) == ("edge", "voice")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A topic taken apart. `kind` and `thing` only for state and live."""

    commune: str
    node: str
    channel: str
    kind: str | None = None
    thing: str | None = None


def parse(topic: str) -> Parsed | None:
    """Take a node's topic apart; None for a topic that is not of this protocol."""
    match topic.split("/"):
        case ["edge", commune, node, ("status" | "about" | "event" | "telemetry" | "cmd" | "ack") as channel]:
            parsed = Parsed(commune, node, channel)
        case ["edge", commune, node, "state", kind, thing]:
            parsed = Parsed(commune, node, "state", kind, thing)
        case ["edge", commune, node, "live", camera]:
            parsed = Parsed(commune, node, "live", "camera", camera)
        case _:
            return None
    names = (parsed.commune, parsed.node, parsed.kind, parsed.thing)
    return parsed if all(name is None or _NAME.fullmatch(name) for name in names) else None


REPORT_FILTERS: tuple[tuple[str, int], ...] = (
    ("edge/+/+/status", 1),
    ("edge/+/+/about", 1),
    ("edge/+/+/state/+/+", 1),
    ("edge/+/+/event", 1),
    ("edge/+/+/telemetry", 1),
    ("edge/+/+/ack", 1),
)
"""What a hub subscribes to: filter and QoS."""
