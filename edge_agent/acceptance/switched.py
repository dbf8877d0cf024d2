"""A lamp or a pump goes on and off: what its line says, and what its feedback sees."""

import time
from typing import Any

from edge_agent.acceptance.found import Found, told
from edge_agent.config.switching import SwitchedEntry
from edge_agent.contract.errors import Fault
from edge_agent.local.client import LocalAgent
from edge_agent.words import Both

_HELD_S = 300.0
"""So long it stays as told while the person looks; then its programme decides again, whatever became of the phone."""
_FEEDBACK_S = 8.0
_LOOK_EVERY_S = 0.3


def switch(agent: LocalAgent, entry: SwitchedEntry, on: bool, by: str) -> Found:
    """Tell it on or off and wait for its feedback. Raises AgentAway, Refusal."""
    args = {"do": "switch.override", "thing": entry.id, "level": 100 if on else 0, "seconds": _HELD_S}
    agent.ask("command", args=args, by=by)
    state = _settled(agent, entry, on)
    seen, figures = _seen(entry, state, on), _figures(state)
    word = "on" if on else "off"
    if state.get("waits_until") and seen is not True:
        return Found(None, told("accept.waits"), None, figures)
    if seen is None:
        return Found(None, told(f"accept.told_{word}"), None, figures)
    if seen:
        watts = figures.get("power_w")
        words = told(f"accept.sees_{word}") if watts is None else told(f"accept.sees_{word}_watts", watts=watts)
        return Found(True, words, None, figures)
    if fault := state.get("fault"):
        known = Fault.model_validate(fault)
        return Found(False, Both(known.vi, known.en), known.code, figures)
    return Found(False, told(f"accept.not_{word}"), f"accept.not_{word}", figures)


def release(agent: LocalAgent, thing: str, by: str) -> None:
    """Its programme decides again. Raises AgentAway, Refusal."""
    agent.ask("command", args={"do": "switch.release", "thing": thing}, by=by)


def _settled(agent: LocalAgent, entry: SwitchedEntry, on: bool) -> dict[str, Any]:
    """Its state once its feedback says what was told, or after a while."""
    until = time.monotonic() + _FEEDBACK_S
    while True:
        state = agent.ask("thing", thing=entry.id)
        done = _seen(entry, state, on) is not False and not state.get("waits_until")
        if done or time.monotonic() >= until:
            return state
        time.sleep(_LOOK_EVERY_S)


def _seen(entry: SwitchedEntry, state: dict[str, Any], on: bool) -> bool | None:
    """Whether its feedback sees what was told: by its power, else by its contact; None where it has neither."""
    feedback, actual, watts = entry.feedback, state.get("actual"), state.get("power_w")
    agrees: list[bool] = []
    if feedback.contact is not None:
        agrees.append(actual is not None and (actual > 0) is on)
    if feedback.power is not None and watts is not None:
        least = (entry.rated_w or 0.0) * (1 - feedback.tolerance) if on else feedback.on_above
        agrees.append(watts > max(least, feedback.on_above) if on else watts <= max(feedback.on_above, 1.0))
    return all(agrees) if agrees else None


def _figures(state: dict[str, Any]) -> dict[str, float]:
    names = ("actual", "power_w")
    return {name: float(state[name]) for name in names if isinstance(state.get(name), int | float)}
