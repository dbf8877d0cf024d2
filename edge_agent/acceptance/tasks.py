"""What there is to be accepted at a box, in the order in which an installer goes through it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from edge_agent.config.model import NodeConfig
from edge_agent.contract.birth import StepKind

Act = Literal["play", "on", "off", "picture", "measure"]


@dataclass(frozen=True, slots=True)
class Todo:
    """One thing that the box does, and what the person is then asked (a key of the catalogue), if anything."""

    act: Act
    question: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One step. `todo` is empty for the one that is a form."""

    kind: StepKind
    id: str | None = None
    name: str = ""
    todo: tuple[Todo, ...] = ()


_SWITCHED = {
    "light": (Todo("on", "accept.ask_lit"), Todo("off", "accept.ask_dark")),
    "switch": (Todo("on", "accept.ask_runs"), Todo("off", "accept.ask_stopped")),
}
_MEASURED = (Todo("measure"),)


def tasks_of(config: NodeConfig) -> tuple[Task, ...]:
    """All steps for this box."""
    return tuple(_tasks(config))


def _tasks(config: NodeConfig) -> Iterator[Task]:
    yield Task("place")
    for speaker in config.speakers:
        yield Task("speaker", speaker.id, speaker.name, (Todo("play", "accept.ask_heard"),))
    for light in config.lights:
        yield Task("light", light.id, light.name, _SWITCHED["light"])
    for switch in config.switches:
        yield Task("switch", switch.id, switch.name, _SWITCHED["switch"])
    for camera in config.cameras:
        yield Task("camera", camera.id, camera.name, (Todo("picture", "accept.ask_picture"),))
    yield Task("link", todo=_MEASURED)
    yield Task("clock", todo=_MEASURED)
    yield Task("power", todo=_MEASURED)
