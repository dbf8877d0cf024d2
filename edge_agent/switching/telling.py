"""States and events of switched things: said on change, each once."""

from collections.abc import Callable
from datetime import timedelta

from edge_agent.contract.base import JsonObject
from edge_agent.contract.records import EventType
from edge_agent.contract.switched import Switched, Trouble
from edge_agent.control.decide import Decision
from edge_agent.control.facts import Held, Moment
from edge_agent.control.troubles import news
from edge_agent.recorder import Recorder
from edge_agent.store.outbox import Entry
from edge_agent.switching.thing import Thing

_SAME_WAIT = timedelta(seconds=1)
_ON_THE_WAY = timedelta(seconds=5)
"""While a ramp is on its way its state is said so seldom."""
_USAGE = timedelta(minutes=15)
"""What was used is said with each change, and after so long without one."""
_FLOWING = timedelta(seconds=30)
"""The same while it runs and litres are counted: somebody watches them grow."""
_QUIET_S = 10.0
"""After a start sensors have not said their first word yet: that nobody knows is told only after this."""


class Telling:
    """Says what became of things. Events go to `happened` where somebody writes them with a command."""

    def __init__(self, recorder: Recorder, post: Callable[[Switched], None]) -> None:
        self._recorder = recorder
        self._post = post
        self._quiet_until = float("-inf")

    def started(self, mono: float) -> None:
        """The agent has started just now."""
        self._quiet_until = mono + _QUIET_S

    def quiet_s(self, thing: Thing, moment: Moment) -> float:
        """Seconds for which nothing is said of a thing that is off only for want of a first word; 0: speak."""
        unknown = thing.held is not None and thing.held.code == "interlock.unknown"
        news = unknown and thing.held_told != "interlock.unknown"
        return max(0.0, self._quiet_until - moment.mono) if news else 0.0

    def event(
        self, thing: Thing, moment: Moment, type_: EventType, data: JsonObject, happened: list[Entry] | None
    ) -> None:
        """Something happened to a thing."""
        if happened is None:
            self._recorder.event(type_, thing.about, **data)
        else:
            happened.append(Entry.event(moment.now, type_, thing.about, data))

    def held(self, thing: Thing, moment: Moment, held: Held | None, happened: list[Entry] | None) -> None:
        """An interlock holds, or lets go."""
        thing.held = held
        old, new = thing.held_told, held.code if held else None
        if old == new or self.quiet_s(thing, moment) > 0:
            return
        thing.held_told = new
        if old is not None:
            self.event(thing, moment, "interlock", {"code": old, "ended": True}, happened)
        if held is not None:
            said = {"vi": held.said.vi, "en": held.said.en}  # some of its words are filled in by other sentences
            self.event(thing, moment, "interlock", {**held.said.params, **said, "code": held.code}, happened)

    def state(
        self,
        thing: Thing,
        moment: Moment,
        decision: Decision,
        actual: float | None,
        troubles: tuple[Trouble, ...],
        happened: list[Entry] | None,
    ) -> Switched:
        """What it is now; said when that is new."""
        state = thing.make_state(
            at=moment.now,
            wanted=decision.level,
            actual=actual,
            why=decision.why,
            until=decision.until,
            by=decision.by,
            said=decision.said,
            waits_until=self._waits(thing),
            troubles=troubles,
            fault=troubles[0].fault if troubles else None,
            usage=thing.meter.usage(),
            power_w=thing.meter.power_w,
        )
        thing.state = state
        before, thing.troubles = thing.troubles, troubles
        for type_, data in news(before, troubles):
            self.event(thing, moment, type_, data, happened)
        self._switched(thing, moment, decision, state, happened)
        if self.quiet_s(thing, moment) <= 0 and _worth_saying(
            thing.posted, state, ramping=decision.goal != decision.level
        ):
            thing.posted = state
            self._post(state)
        return state

    def _waits(self, thing: Thing) -> object:
        """The instant, not moved about by the time that it took to look."""
        said = thing.state.waits_until if thing.state else None
        if thing.waits is not None and said is not None and abs(thing.waits - said) < _SAME_WAIT:
            return said
        return thing.waits

    def _switched(
        self, thing: Thing, moment: Moment, decision: Decision, state: Switched, happened: list[Entry] | None
    ) -> None:
        level, before = state.actual, thing.event_level
        if level is None or level == before:
            return
        if before is not None and (level > 0) is (before > 0) and decision.goal != decision.level:
            return  # a ramp is told when it has arrived
        ours = (level > 0) is (decision.goal > 0) and (thing.acted or before is None)
        thing.event_level, thing.acted = level, False
        by = {"by": state.by} if state.by and ours else {}
        self.event(thing, moment, "switched", {"level": level, "why": state.why if ours else "fault", **by}, happened)


def _worth_saying(said: Switched | None, state: Switched, *, ramping: bool) -> bool:
    if said is None or _told(said) != _told(state):
        return True
    if said.actual != state.actual:
        flipped = said.actual is None or state.actual is None or (said.actual > 0) is not (state.actual > 0)
        return flipped or not ramping or state.at - said.at >= _ON_THE_WAY
    every = _FLOWING if state.actual and state.usage is not None and state.usage.litres is not None else _USAGE
    return said.usage != state.usage and not timedelta() <= state.at - said.at < every


def _told(state: Switched) -> tuple[object, ...]:
    """All that is said at once when it changes."""
    return (
        state.wanted,
        state.why,
        state.until,
        state.by,
        state.said,
        state.waits_until,
        state.troubles,
    )
