"""Lawful hours while planning: the coming weeks are aired on paper, and what the nodes would refuse is told before.

The rules are those of the nodes (docs/calendar.md), which look again and have the last word.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from edge_agent.contract.bulletins import BulletinClass
from edge_agent.contract.errors import Fault
from hub.bulletins.instants import instances
from hub.bulletins.model import Schedule
from hub.bulletins.settings import Hours

Span = tuple[int, int]
PAUSE = timedelta(minutes=10)
"""What begins so soon after another belongs to the same session."""
GRACE_S = 5.0
AHEAD = timedelta(days=30)
_DAY: Span = (0, 24 * 60)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Policy:
    """What is lawful in local time. `windows` in minutes after midnight, none: any time; None elsewhere: no limit."""

    windows: tuple[Span, ...] = ()
    session_s: float | None = None
    sessions: int | None = None
    weekdays: frozenset[int] | None = None
    exempt: frozenset[BulletinClass] = frozenset({"priority"})

    def binds(self, class_: BulletinClass) -> bool:
        """Whether this class must keep the hours."""
        return class_ != "emergency" and class_ not in self.exempt


def _span(begin: str, end: str) -> Span:
    return int(begin[:2]) * 60 + int(begin[3:]), int(end[:2]) * 60 + int(end[3:])


_PRESETS = {
    "none": Policy(exempt=frozenset({"ordinary", "priority"})),
    "two-sessions": Policy((_span("05:30", "06:30"), _span("17:00", "18:00")), 3600, 2),
    "urban": Policy((_span("05:30", "11:30"), _span("13:30", "19:00")), 15 * 60, 2, frozenset(range(5))),
    "rural": Policy((_span("05:00", "11:30"), _span("13:30", "20:00")), 45 * 60, 2),
}


def policy_of(hours: Hours) -> Policy:
    """What the configuration says, never looser than its preset; a commune without a preset sets what it likes."""
    base = _PRESETS[hours.preset]
    own = tuple(sorted(_span(window.from_, window.to) for window in hours.windows))
    both = tuple((max(a, c), min(b, d)) for a, b in own for c, d in base.windows)
    common = tuple(sorted(span for span in both if span[0] < span[1])) or ((0, 0),)
    days = frozenset(_DAYS.index(day) for day in hours.weekdays) or None
    seconds = None if hours.minutes_per_session is None else hours.minutes_per_session * 60
    limits = [each for each in (base.session_s, seconds) if each is not None]
    counts = [each for each in (base.sessions, hours.sessions_per_day) if each is not None]
    return Policy(
        windows=common if own and base.windows else own or base.windows,
        session_s=min(limits, default=None),
        sessions=min(counts, default=None),
        weekdays=days & base.weekdays if days and base.weekdays else days or base.weekdays,
        exempt=frozenset(hours.exempt) & base.exempt,
    )


@dataclass(frozen=True, slots=True)
class Planned:
    """A bulletin on the calendar. `seconds`: how long it is."""

    id: str
    class_: BulletinClass
    schedule: Schedule
    seconds: float


@dataclass(frozen=True, slots=True)
class Unlawful:
    """An instance that the nodes would refuse, by which rule, and the first lawful instant instead."""

    id: str
    at: datetime
    fault: Fault
    next: datetime | None


@dataclass(slots=True)
class _Session:
    window: Span
    begin: datetime
    end: datetime
    used_s: float


@dataclass(slots=True)
class _Today:
    sessions: list[_Session] = field(default_factory=list)
    free: datetime | None = None


def unlawful(
    policy: Policy, wanted: Planned, others: Iterable[Planned], now: datetime, zone: ZoneInfo, ahead: timedelta = AHEAD
) -> list[Unlawful]:
    """What would be refused because of this bulletin: its own instances, and those whose minutes it uses up."""
    if not policy.binds(wanted.class_) or policy == Policy(exempt=policy.exempt):
        return []
    bound = [each for each in others if each.id != wanted.id and policy.binds(each.class_)]
    anyway = {(each.id, each.at) for each in _refused(policy, bound, now, zone, ahead)}
    found = _refused(policy, [*bound, wanted], now, zone, ahead)
    return [each for each in found if (each.id, each.at) not in anyway]


def _refused(
    policy: Policy, plans: Sequence[Planned], now: datetime, zone: ZoneInfo, ahead: timedelta
) -> Iterator[Unlawful]:
    listed = [(each.at, plan) for plan in plans for each in instances(plan.schedule, now, now + ahead, zone)]
    today = _Today()
    for at, plan in sorted(listed, key=lambda each: each[0]):
        local = at.astimezone(zone)
        begin = local if today.free is None else max(local, today.free)
        if today.free is None or begin.date() != today.free.date():
            today = _Today(free=today.free)
        rule, left_s = _judge(policy, begin, plan.seconds, today.sessions)
        if rule is None:
            _book(policy, today.sessions, begin, plan.seconds)
            today.free = begin + timedelta(seconds=plan.seconds)
            continue
        lawful = next_lawful(policy, begin, plan.seconds, today.sessions)
        yield Unlawful(plan.id, at, _fault(policy, rule, begin, plan.seconds, left_s, lawful), lawful)


def next_lawful(policy: Policy, at: datetime, seconds: float, sessions: "list[_Session]") -> datetime | None:
    """The first local instant from which it would be allowed, within eight days; afterwards weekdays repeat."""
    for days in range(9):
        day = at + timedelta(days=days)
        begins = [_at(day, begin) for begin, _ in policy.windows or (_DAY,)]
        if days == 0:
            begins = [begin for begin in begins if begin > at]
            if sessions:
                over = sessions[-1].begin + timedelta(seconds=policy.session_s or 0)
                begins.append(max(at, _minute(sessions[-1].end + PAUSE + timedelta.resolution), _minute(over)))
        for begin in sorted(begins):
            held = sessions if begin.date() == at.date() else []
            if _judge(policy, begin, seconds, held)[0] is None:
                return begin
    return None


def _judge(policy: Policy, at: datetime, seconds: float, sessions: list[_Session]) -> tuple[str | None, float | None]:
    """The rule that something beginning at a local instant would break, and how many seconds are left for it."""
    window = _window(policy, at)
    if policy.weekdays is not None and at.weekday() not in policy.weekdays:
        return "hours.weekday", 0.0
    if window is None:
        return "hours.window", 0.0
    goes_on = _goes_on(policy, sessions, window, at)
    if policy.sessions is not None and len(sessions) >= policy.sessions and not goes_on:
        return "hours.sessions_per_day", 0.0
    used = sessions[-1].used_s if goes_on else 0.0
    in_session = None if policy.session_s is None else max(0.0, policy.session_s - used)
    in_window = (_at(at, window[1]) - at).total_seconds() if policy.windows else None
    left = min((each for each in (in_session, in_window) if each is not None), default=None)
    needed = seconds - GRACE_S
    if policy.session_s is not None and needed > policy.session_s:
        return "hours.session_too_long", left
    if in_session is not None and needed > in_session:
        return "hours.session_full", left
    return ("hours.window_end" if in_window is not None and needed > in_window else None), left


def _book(policy: Policy, sessions: list[_Session], at: datetime, seconds: float) -> None:
    window, end = _window(policy, at) or _DAY, at + timedelta(seconds=seconds)
    if _goes_on(policy, sessions, window, at):
        sessions[-1].used_s += seconds
        sessions[-1].end = max(sessions[-1].end, end)
    else:
        sessions.append(_Session(window, at, end, seconds))


def _goes_on(policy: Policy, sessions: list[_Session], window: Span, at: datetime) -> bool:
    if not sessions or sessions[-1].window != window:
        return False
    last = sessions[-1]
    if policy.session_s is None:
        return bool(policy.windows) or at - last.end <= PAUSE
    return at - last.begin < timedelta(seconds=policy.session_s) or at - last.end <= PAUSE


def _fault(
    policy: Policy, rule: str, at: datetime, seconds: float, left_s: float | None, lawful: datetime | None
) -> Fault:
    window = _window(policy, at)
    spans = ", ".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in policy.windows)
    return Fault.of(
        rule,
        at=f"{at:%H:%M %d/%m/%Y}",
        next=f"{lawful:%H:%M %d/%m/%Y}" if lawful else "-",
        windows=spans or "-",
        until=f"{window[1] // 60:02}:{window[1] % 60:02}" if window else "-",
        minutes=_minutes(seconds),
        left=_minutes(left_s or 0),
        limit=policy.sessions or 0 if rule == "hours.sessions_per_day" else _minutes(policy.session_s or 0),
    )


def _minutes(seconds: float) -> float:
    minutes = round(seconds / 60, 1)
    return int(minutes) if minutes == int(minutes) else minutes


def _window(policy: Policy, at: datetime) -> Span | None:
    minute = at.hour * 60 + at.minute
    return next((span for span in policy.windows or (_DAY,) if span[0] <= minute < span[1]), None)


def _at(day: datetime, minute: int) -> datetime:
    if minute == _DAY[1]:
        day, minute = day + timedelta(days=1), 0
    return datetime.combine(day.date(), time(minute // 60, minute % 60), day.tzinfo)


def _minute(at: datetime) -> datetime:
    return (at + timedelta(minutes=1) - timedelta.resolution).replace(second=0, microsecond=0)
