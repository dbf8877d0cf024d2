"""Takes back what was switched a moment ago: what decided before decides again."""

import secrets
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge_agent.contract.commands import Args, SwitchOverride, SwitchRelease
from edge_agent.contract.switched import LightState, SwitchState
from hub.clock import Clock
from hub.node import Node
from hub.people.acting import by, person
from hub.things.campaigns import ALL_LIGHTS
from hub.things.views import members

_Switched = LightState | SwitchState
KEPT_S = 60.0
"""Longer than the page offers it: a slow phone is no reason to refuse."""
MOST = 500
MOST_STEPS = 300
"""An act on more things than that is taken back by another act on all of them."""


@dataclass(frozen=True, slots=True)
class Step:
    """A command that restores one thing, or a group, as it was."""

    address: str
    kind: str
    args: SwitchOverride | SwitchRelease


class Undos:
    """What can be taken back, each once, by who did it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[str, float, tuple[Step, ...]]] = OrderedDict()

    def keep(self, steps: Sequence[Step]) -> str:
        """Remember how to restore; the name under which it can be taken, none where there is nothing to restore."""
        if not 0 < len(steps) <= MOST_STEPS:
            return ""
        token = secrets.token_urlsafe(9)
        self._kept[token] = (person().id, self._clock.monotonic() + KEPT_S, tuple(steps))
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return token

    def take(self, token: str) -> tuple[Step, ...]:
        """What was kept under this name; nothing if it is somebody else's, or too old."""
        owner, ends, steps = self._kept.get(token, ("", 0.0, ()))
        if not steps or owner != person().id:
            return ()
        del self._kept[token]
        return steps if self._clock.monotonic() < ends else ()


def before_act(node: Node, args: Args) -> tuple[Step, ...]:
    """How to restore what a command is about to change; nothing where it changes nothing, or is no such command."""
    if not isinstance(args, SwitchOverride | SwitchRelease):
        return ()
    states = _states(node, args.thing)
    by_hand = [state for state in states if state.why == "override"]
    if not states or (isinstance(args, SwitchRelease) and not by_hand):
        return ()
    kind = states[0].kind if [state.id for state in states] == [args.thing] else "group"
    again = [Step(node.address, state.kind, _as_before(state)) for state in by_hand]
    if len(by_hand) == len(states) or isinstance(args, SwitchRelease):
        return tuple(again)
    return (Step(node.address, kind, SwitchRelease(thing=args.thing)), *again)


def changed_by(node: Node, args: SwitchOverride | SwitchRelease) -> set[str]:
    """Who else has switched it since."""
    return {state.by for state in _states(node, args.thing) if state.why == "override" and state.by} - {by()}


def _as_before(state: _Switched) -> SwitchOverride:
    return SwitchOverride(thing=state.id, level=state.wanted, until=state.until)


def _states(node: Node, thing: str) -> list[_Switched]:
    """Of a thing, of all in a group, or of all lights."""
    if thing == ALL_LIGHTS:
        return list(_switched(node, ((k, id_) for k, id_ in node.states if k == "light")))
    inside = members(node).get(thing, (thing,))
    return list(_switched(node, ((kind, id_) for id_ in inside for kind in ("light", "switch"))))


def _switched(node: Node, keys: Iterable[tuple[str, str]]) -> Iterable[_Switched]:
    return (state for key in keys if isinstance(state := node.states.get(key), _Switched))
