"""What programmes and calendars ask for, worked out day by day in the plainest way."""

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from bench.year_checker.sky import Sky, lunar

_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = timedelta(days=1)
_DARK = {"programme": "off"}
Settings = dict[str, Any]


class Piece(NamedTuple):
    """A span of wall time (seconds since 1970) at one level; `by_sun`: it begins when the sun says.

    `start`: the level from which it ramps in `ramp_s`. `cell`: only while that photocell says dark, else dark.
    """

    begin: float
    end: float
    level: float
    by_sun: bool
    start: float = 0
    ramp_s: float = 0
    cell: str | None = None


class Nights:
    """All programmes of a node."""

    def __init__(self, config: Settings, sky: Sky) -> None:
        self.sky = sky
        self.programmes: dict[str, Settings] = {each["id"]: each for each in config.get("programmes", ())}
        self.calendars: dict[str, Settings] = {each["id"]: each for each in config.get("calendars", ())}

    def of(self, entry: Settings, first: date, last: date) -> list[Piece] | None:
        """Pieces without a hole for all days that begin from first to last; None: it has neither."""
        if entry.get("programme") is None and entry.get("calendar") is None:
            return None
        found: list[Piece] = []
        day = first
        while day <= last:
            for piece in self._day(self._chosen(entry, day), day, self._begins(entry)):
                before = found[-1].level if found else 0.0
                found.append(piece._replace(start=before) if piece.ramp_s else piece)
            day += _DAY
        return found

    def _chosen(self, entry: Settings, day: date) -> Settings | None:
        if entry.get("calendar") is None:
            own = entry["programme"]
            return self.programmes[own] if isinstance(own, str) else own
        calendar = self.calendars[entry["calendar"]]
        rules = (each["programme"] for each in calendar.get("rules", ()) if matches(each, day))
        name = next(rules, calendar["otherwise"])
        return None if name == "off" else self.programmes[name]

    def _begins(self, entry: Settings) -> str:
        """The programmes of a calendar begin their days alike."""
        if entry.get("calendar") is None:
            own = self._chosen(entry, date(2027, 1, 1)) or {}
            return str(own.get("begins", "noon"))
        calendar = self.calendars[entry["calendar"]]
        names = [*(each["programme"] for each in calendar.get("rules", ())), calendar["otherwise"]]
        return next((str(self.programmes[name].get("begins", "noon")) for name in names if name != "off"), "noon")

    def _day(self, programme: Settings | None, day: date, begins: str) -> Iterator[Piece]:
        start, end = self._clock("12:00", day), self._clock("12:00", day + _DAY)
        if begins == "midnight":
            start, end = self._clock("00:00", day), self._clock("00:00", day + _DAY)
        marks = [
            mark
            for number, period in enumerate((programme or {}).get("periods") or ([programme] if programme else []))
            for mark in self._marks(number, period, day, begins, start, end)
        ]
        edges = sorted({start, end, *(edge for mark in marks for edge in mark[:2])})
        suns = {mark[0] for mark in marks if mark[3]} | {mark[1] for mark in marks if mark[4]}
        before: tuple[Any, ...] | None = None
        for left, right in itertools.pairwise(edges):
            over = [mark for mark in marks if mark[0] <= left < mark[1]]
            top = max(over, key=lambda mark: (mark[5], mark[0], mark[6]), default=None)
            if top is None:
                yield Piece(left, right, 0, left in suns)
            else:
                ramp = top[7] if top[0] == left and top is not before else 0
                yield Piece(left, right, top[2], left in suns, ramp_s=ramp, cell=top[8])
            before = top

    def _marks(
        self, number: int, period: Settings, day: date, begins: str, start: float, end: float
    ) -> Iterator[tuple[Any, ...]]:
        """begin, end, level, begins by sun, ends by sun, begin of its period, order, ramp, photocell."""
        on_at, off_at = period.get("on", "sunset"), period.get("off", "sunrise")
        on, off = self._moment(on_at, day, begins), self._moment(off_at, day, begins)
        off = end if off == start else off
        if off <= on:
            return
        steps = [(on, period.get("level", 100), on_at, period.get("ramp_s", 0))]
        for step in period.get("steps", ()):
            steps.append((self._moment(step["at"], day, begins), step["level"], step["at"], step.get("ramp_s", 0)))
        within = [each for each in steps if on <= each[0] < off]
        order = sorted(range(len(within)), key=lambda index: (within[index][0], index))
        last = on
        for place, index in enumerate(order):
            at, level, said, ramp = within[index]
            until, ends = off, off_at
            if place + 1 < len(order):
                until, ends = within[order[place + 1]][0], within[order[place + 1]][2]
            low, high = max(at, start), min(until, end)
            last = level
            if low < high:
                yield low, high, level, _sun(said), _sun(ends), on, (number, index), ramp, None
        cell = period.get("photocell")
        if cell:
            yield from self._by_cell(cell, (on, steps[0][1]), (off, last), day, number)

    def _by_cell(
        self, cell: Settings, on: tuple[float, float], off: tuple[float, float], day: date, number: int
    ) -> Iterator[tuple[Any, ...]]:
        """Earlier and longer than the sun says, in the dark; between 10:00 and 14:00 never."""
        low, high = self._clock("14:00", day), self._clock("10:00", day + _DAY)
        early = max(on[0] - 60 * cell.get("before_min", 60), low)
        late = min(off[0] + 60 * cell.get("after_min", 60), high)
        if early < on[0]:
            yield early, on[0], on[1], True, True, early, (number, -1), 0, cell["sensor"]
        if off[0] < late:
            yield off[0], late, off[1], True, True, off[0], (number, 99), 0, cell["sensor"]

    def _moment(self, said: str, day: date, begins: str) -> float:
        if _sun(said):
            name = said[: 4 if said.startswith(("dusk", "dawn")) else (6 if said.startswith("sunset") else 7)]
            shift = float(said[len(name) :].removesuffix("m") or 0)
            after = begins == "noon" and name in ("sunrise", "dawn")
            return self.sky.event(name, day + _DAY if after else day).timestamp() + 60 * shift
        return self._clock(said, day + _DAY if begins == "noon" and said < "12:00" else day)

    def _clock(self, said: str, day: date) -> float:
        return datetime.combine(day, time.fromisoformat(said), self.sky.zone).astimezone(UTC).timestamp()


def _sun(said: str) -> bool:
    return said[:2] in ("su", "du", "da")


def matches(rule: Settings, day: date) -> bool:
    """All that a rule of a calendar says."""
    if rule.get("dates") and not {day.isoformat(), f"{day:%m-%d}"} & set(rule["dates"]):
        return False
    if rule.get("from") and not _within(rule["from"], rule["to"], day):
        return False
    if rule.get("weekdays") and _WEEK[day.weekday()] not in rule["weekdays"]:
        return False
    if rule.get("occurrences"):
        which = {(day.day - 1) // 7 + 1} | ({"last"} if (day + 7 * _DAY).month != day.month else set())
        if not which & set(rule["occurrences"]):
            return False
    if rule.get("tet") and not any(_tet(day + shift * _DAY) for shift in range(-rule["tet"][1], rule["tet"][0] + 1)):
        return False
    return not rule.get("lunar") or _moon(rule["lunar"], day)


def _within(first: str, last: str, day: date) -> bool:
    said = day.isoformat() if len(first) == 10 else f"{day:%m-%d}"
    return first <= said <= last if first <= last else said >= first or said <= last


def _tet(day: date) -> bool:
    return lunar(day)[:3] == (1, 1, False)


def _moon(rule: Settings, day: date) -> bool:
    if rule.get("before_tet") is not None:
        return _tet(day + rule["before_tet"] * _DAY)
    here = lunar(day)
    leap = rule.get("leap") or ("never" if rule.get("month") else "also")
    if (here.leap and leap == "never") or (not here.leap and leap == "only"):
        return False
    days = {here.day} | ({30} if here.last else set())
    return bool(days & set(rule["days"])) and rule.get("month") in (None, here.month)
