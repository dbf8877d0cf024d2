"""What a rule says: what it is for, what it decided, and why. Vietnamese and English at once."""

import re
from collections.abc import Iterable
from datetime import datetime

from edge_agent.config.rules import Rule
from edge_agent.config.switching import Light
from edge_agent.config.timetable import MOMENT
from edge_agent.contract.base import iso
from edge_agent.contract.errors import Said
from edge_agent.control.wording import (
    Words,
    duration,
    end_words,
    joined,
    limit_words,
    name_of,
    number,
    part,
    quantity,
    said,
    unmet_words,
)
from edge_agent.rules.gate import Gate, Watch
from edge_agent.rules.hours import Due
from edge_agent.rules.scene import Scene

Facts = dict[str, str | int | float]
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NONE = Words("", "")


class Sentences:
    """The sentences of one rule."""

    def __init__(self, rule: Rule, scene: Scene) -> None:
        self._rule = rule
        self._scene = scene
        entry = scene.things.get(rule.thing)
        self._thing = entry.name if entry is not None else rule.thing
        self._does = _does(rule.level, lamp=isinstance(entry, Light))
        self.armed = True
        """A rule that only watches says so with each decision to act."""

    def purpose(self) -> Words:
        """What the rule is for, in one or two sentences."""
        rule, sensors = self._rule, self._scene.sensors
        pieces = [joined("part.or", [part("part.at", at=moment_words(each)) for each in rule.at])] if rule.at else []
        pieces += [_lasting(limit_words(each, sensors), each.for_s) for each in rule.all_of]
        if rule.any_of:
            pieces.append(joined("part.or", [_lasting(limit_words(each, sensors), each.for_s) for each in rule.any_of]))
        rest = part("part.then_rests", time=duration(rule.rest_s)) if rule.rest_s else _NONE
        least = part("part.at_least", time=duration(rule.minimum_s)) if rule.minimum_s else _NONE
        hours = part("part.only", hours=self._hours()) if rule.hours or rule.weekdays else _NONE
        return part(
            "rule.purpose",
            **self._who(),
            when=joined("part.and", pieces),
            ends=self._ends(),
            least=least,
            rest=rest,
            hours=hours,
        )

    def acts(self, watches: Iterable[Watch], due: Due | None) -> Said:
        """It begins now: which conditions hold, and when it will end by itself."""
        pieces = [part("part.at", at=moment_words(due.written))] if due is not None else []
        facts: Facts = {"rule": self._rule.id, "thing": self._rule.thing, "level": self._rule.level}
        for watch in watches:
            condition = watch.condition
            lasted_s = condition.for_s if watch.past else 0
            pieces.append(_lasting(limit_words(condition, self._scene.sensors, watch.value), lasted_s))
            if watch.value is not None:
                facts |= {f"sensor/{condition.sensor}": watch.value}
        why = joined("part.and", pieces)
        return said("rule.acts", facts, **self._who(), why=why, ends=self._ends(), watching=self._watching())

    def ended(self, why: Words, ran_s: float, *, rest: datetime | None, spent: bool, coming: Due | None) -> Said:
        """It has ended, and what comes now: a rest until then, the next moment, or the end of its reason."""
        facts: Facts = {"rule": self._rule.id, "thing": self._rule.thing, "seconds": round(ran_s, 3)}
        then = self._next(coming)
        if rest is not None:
            then = part("part.rests_until", end=iso(rest))
        elif spent:
            then = part("part.spent", ends=self._conditions_end())
        words = {"why": why, "time": duration(round(ran_s)), "then": then, "watching": self._watching()}
        return said("rule.ended", facts, thing=self._thing, **words)

    def waiting(self, watches: Iterable[Watch]) -> Said:
        """The conditions hold, but not for long enough."""
        sensors = self._scene.sensors
        pieces = [
            part("part.must_last", what=limit_words(w.condition, sensors, w.value), time=duration(w.condition.for_s))
            for w in watches
        ]
        return said("rule.waiting", {"rule": self._rule.id}, why=joined("part.and", pieces))

    def idle(self, unmet: Iterable[Watch]) -> Said:
        """Nothing to do: which conditions do not hold."""
        pieces = [unmet_words(watch.condition, self._scene.sensors) for watch in unmet]
        return said("rule.idle", {"rule": self._rule.id}, why=joined("part.and", pieces))

    def unknown(self, sensors: Iterable[str]) -> Said:
        """It does not begin, since nobody knows."""
        return said("rule.unknown", {"rule": self._rule.id}, names=self.names(sensors))

    def outside(self) -> Said:
        """It is not the time."""
        return said("rule.outside", {"rule": self._rule.id}, hours=self._hours())

    def clock(self) -> Said:
        """The clock cannot be believed, so nobody knows whether it is the time."""
        return said("rule.clock", {"rule": self._rule.id})

    def next(self, coming: Due | None) -> Said:
        """It waits for its next moment."""
        if coming is None:
            return said("rule.never", {"rule": self._rule.id})
        return said("rule.next", {"rule": self._rule.id}, at=iso(coming.at))

    def skipped(self, due: Due, why: Said, coming: Due | None) -> Said:
        """A moment went by without it, and why."""
        reason = Words(why.vi.rstrip("."), why.en.rstrip("."))
        facts: Facts = {"rule": self._rule.id, "moment": iso(due.at)}
        return said("rule.skipped", facts, at=moment_words(due.written), why=reason, then=self._next(coming))

    def spent(self) -> Said:
        """It had all that it may have, and waits until its reason is gone."""
        return said("rule.spent", {"rule": self._rule.id}, ends=self._conditions_end())

    def rests(self, until: datetime) -> Said:
        """It rests, and nobody remembers after what."""
        return said("rule.rests", {"rule": self._rule.id}, end=iso(until))

    def over(self, gate: Gate) -> Words:
        """Which conditions no longer hold."""
        sensors = self._scene.sensors
        gone = [watch for watch in gate.watches if not watch.limit.remembered]
        return joined("part.and", [end_words(watch.condition, sensors) for watch in gone])

    def flow_meter(self) -> Words:
        """The flow meter of its thing."""
        flow = self._scene.flow_of(self._rule.thing)
        return part("part.flow_meter") if flow is None else name_of(flow, self._scene.sensors)

    def armed_by(self, armed: bool, by: str) -> Said:
        """A person let it act, or only watch."""
        return said("rule.armed" if armed else "rule.disarmed", {"rule": self._rule.id}, name=self._rule.name, who=by)

    def names(self, sensors: Iterable[str]) -> Words:
        """Sensors as people call them."""
        return joined("part.and", [name_of(each, self._scene.sensors) for each in dict.fromkeys(sensors)])

    def _who(self) -> dict[str, Words | str]:
        stops = part("part.lets_go" if self._rule.level == 0 else "part.goes_off")
        return {"thing": self._thing, "does": self._does, "stops": stops}

    def _watching(self) -> Words:
        return _NONE if self.armed else part("part.watching")

    def _ends(self) -> Words:
        rule = self._rule
        pieces = [part("part.when", what=self._conditions_end())] if rule.all_of or rule.any_of else []
        if rule.litres is not None:
            pieces.append(part("part.after_amount", amount=quantity(rule.litres, "L")))
        pieces.append(part("part.after", time=duration(rule.maximum_s)))
        return joined("part.or", pieces)

    def _conditions_end(self) -> Words:
        sensors = self._scene.sensors
        pieces = [end_words(each, sensors) for each in self._rule.all_of]
        if self._rule.any_of:
            pieces.append(joined("part.and", [end_words(each, sensors) for each in self._rule.any_of]))
        return joined("part.or", pieces)

    def _hours(self) -> Words:
        rule, pieces = self._rule, []
        if rule.hours is not None:
            begin, end = moment_words(rule.hours.from_), moment_words(rule.hours.to)
            pieces.append(part("part.hours_from_to", begin=begin, end=end))
        if rule.weekdays:
            names = part("part.weekdays")
            vi, en = names.vi.split(","), names.en.split(",")
            days = sorted({_WEEKDAYS.index(day) for day in rule.weekdays})
            pieces.append(Words(", ".join(vi[day] for day in days), ", ".join(en[day] for day in days)))
        return Words(", ".join(each.vi for each in pieces), ", ".join(each.en for each in pieces))

    def _next(self, coming: Due | None) -> Words:
        return _NONE if coming is None else part("part.next_time", at=iso(coming.at))


def why_maximum(seconds: float) -> Words:
    """It ran for as long as it may."""
    return part("part.ran_enough", time=duration(seconds))


def why_litres(litres: float) -> Words:
    """All that was asked has flowed."""
    return part("part.flowed", amount=quantity(litres, "L"))


def moment_words(moment: str) -> Words:
    """`sunset-15m` as people say it; a clock time stays as it is."""
    match = MOMENT.match(moment)
    if match is None or match[1] is None:
        return Words(moment, moment)
    event = part({"sunset": "part.sunset", "sunrise": "part.sunrise", "dusk": "part.dusk"}.get(match[1], "part.dawn"))
    minutes = int(re.sub(r"m$", "", match[2] or "0"))
    if not minutes:
        return event
    code = "part.before_event" if minutes < 0 else "part.after_event"
    return part(code, time=duration(abs(minutes) * 60), event=event)


def _lasting(what: Words, for_s: float) -> Words:
    return part("part.lasting", what=what, time=duration(for_s)) if for_s else what


def _does(level: float, *, lamp: bool) -> Words:
    if level == 0:
        return part("part.is_off")
    if level < 100:
        return part("part.at_level", level=number(level))
    return part("part.is_lit" if lamp else "part.runs")
