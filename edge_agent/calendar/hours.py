"""Lawful hours at the speaker: whether something may be on air, how long, how loud; if not, by which rule, until when.

A session belongs to one window. It begins with what is on air first, and takes in all that begins within a session's
length of that, or after a pause of at most ten minutes. Its minutes are those really aired.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from edge_agent.calendar.policy import Policy, Span, spans
from edge_agent.contract.bulletins import BulletinClass
from edge_agent.contract.errors import Fault

SESSION_PAUSE = timedelta(minutes=10)
GRACE_S = 5.0
"""What a start that is a little late, and the silence between bulletins, may cost without breaking a limit."""
_DAY = (0, 24 * 60)


@dataclass(frozen=True, slots=True)
class Aired:
    """Something that was on air; the caller keeps those of today."""

    at: datetime
    seconds: float
    class_: BulletinClass = "ordinary"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something may begin at an instant. `rule` is the code of `fault`, such as `hours.window`."""

    allowed: bool
    rule: str | None
    fault: Fault | None
    next_lawful: datetime | None
    """When it may begin instead, UTC; None where it is allowed, or never is."""
    max_volume: float
    """Per cent."""
    allowed_s: float | None
    """How long something may be on air that begins at this instant; None: no limit."""


@dataclass(slots=True)
class Session:
    """A session of a day: its window, since when, until when, how many seconds of it were on air."""

    window: Span
    begin: datetime
    end: datetime
    used_s: float


def permit(
    policy: Policy,
    class_: BulletinClass,
    now: datetime,
    duration_s: float | None,
    ledger_of_today: Sequence[Aired],
    zone: ZoneInfo,
) -> Verdict:
    """Judge what would begin now. `duration_s` None: not known, so only its beginning is judged (see `allowed_s`)."""
    volume = max_volume(policy, class_, now, zone)
    if class_ == "emergency" or class_ in policy.exempt:
        return Verdict(True, None, None, None, volume, None)
    local = now.astimezone(zone)
    sessions = sessions_of(policy, ledger_of_today, local)
    rule, allowed_s = judge(policy, local, duration_s, sessions)
    if rule is None:
        return Verdict(True, None, None, None, volume, allowed_s)
    coming = next_lawful(policy, local, duration_s, sessions)
    fault = fault_of(policy, rule, local, duration_s, allowed_s, coming)
    return Verdict(False, rule, fault, coming.astimezone(UTC) if coming else None, volume, allowed_s)


def max_volume(policy: Policy, class_: BulletinClass, now: datetime, zone: ZoneInfo) -> float:
    """How loud something of this class may be now, per cent; hours do not bind those that are exempt."""
    if class_ == "emergency" or class_ in policy.exempt:
        return 100.0
    local = now.astimezone(zone)
    minute = local.hour * 60 + local.minute
    within = [
        volume
        for begin, end, volume in policy.volumes
        if (begin <= minute < end if begin < end else minute >= begin or minute < end)
    ]
    return min(within, default=100.0)


def sessions_of(policy: Policy, ledger: Sequence[Aired], local: datetime) -> list[Session]:
    """The sessions of the day of a local instant."""
    sessions: list[Session] = []
    for aired in sorted(ledger, key=lambda each: each.at):
        at = aired.at.astimezone(local.tzinfo)
        if at.date() == local.date() and aired.class_ != "emergency" and aired.class_ not in policy.exempt:
            book(policy, sessions, at, aired.seconds)
    return sessions


def book(policy: Policy, sessions: list[Session], at: datetime, seconds: float) -> None:
    """Add what was on air to the sessions of its day."""
    window = _window(policy, at) or _DAY
    end = at + timedelta(seconds=seconds)
    if _goes_on(policy, sessions, window, at):
        sessions[-1].used_s += seconds
        sessions[-1].end = max(sessions[-1].end, end)
    else:
        sessions.append(Session(window, at, end, seconds))


def judge(
    policy: Policy, at: datetime, duration_s: float | None, sessions: list[Session]
) -> tuple[str | None, float | None]:
    """The code of the rule that something beginning at a local instant would break, and how many seconds it may be."""
    window = _window(policy, at)
    closed = _closed(policy, at, window, sessions)
    if closed is not None or window is None:
        return closed, 0.0
    used_s = sessions[-1].used_s if _goes_on(policy, sessions, window, at) else 0.0
    in_session = None if policy.session_s is None else max(0.0, policy.session_s - used_s)
    in_window = (_instant(at, window[1]) - at).total_seconds() if policy.windows else None
    needed_s = 1.0 if duration_s is None else duration_s - GRACE_S
    rule = None
    if policy.session_s is not None and needed_s > policy.session_s:
        rule = "hours.session_too_long"
    elif in_session is not None and needed_s > in_session:
        rule = "hours.session_full"
    elif in_window is not None and needed_s > in_window:
        rule = "hours.window_end"
    return rule, min((each for each in (in_session, in_window) if each is not None), default=None)


def _closed(policy: Policy, at: datetime, window: Span | None, sessions: list[Session]) -> str | None:
    """The rule by which nothing at all may begin."""
    if policy.weekdays is not None and at.weekday() not in policy.weekdays:
        return "hours.weekday"
    if window is None:
        return "hours.window"
    many = policy.sessions_per_day is not None and len(sessions) >= policy.sessions_per_day
    return "hours.sessions_per_day" if many and not _goes_on(policy, sessions, window, at) else None


def next_lawful(policy: Policy, at: datetime, duration_s: float | None, sessions: list[Session]) -> datetime | None:
    """The first local instant from which it would be allowed, within the next eight days; then weekdays repeat."""
    for candidate in _candidates(policy, at, sessions):
        same_day = candidate.date() == at.date()
        if judge(policy, candidate, duration_s, sessions if same_day else [])[0] is None:
            return candidate
    return None


def _candidates(policy: Policy, at: datetime, sessions: list[Session]) -> Iterator[datetime]:
    windows = policy.windows or (_DAY,)
    for days in range(9):
        day = at + timedelta(days=days)
        begins = [_instant(day, begin) for begin, _ in windows]
        if days == 0:
            begins = [begin for begin in begins if begin > at]
            if sessions:  # the next session begins in the first minute that is no longer of the last one
                last = sessions[-1]
                paused = _whole_minute(last.end + SESSION_PAUSE + timedelta.resolution)
                over = _whole_minute(last.begin + timedelta(seconds=policy.session_s or 0))
                begins.append(max(at, paused, over))
        yield from sorted(begins)


def fault_of(
    policy: Policy,
    rule: str,
    at: datetime,
    duration_s: float | None,
    allowed_s: float | None,
    coming: datetime | None,
) -> Fault:
    """The rule as a sentence, with local times."""
    window = _window(policy, at)
    return Fault.of(
        rule,
        at=written(at),
        next="-" if coming is None else written(coming),
        windows=spans(policy.windows) or "-",
        until=f"{window[1] // 60:02}:{window[1] % 60:02}" if window else "-",
        minutes=_minutes(duration_s or 0),
        left=_minutes(allowed_s or 0),
        limit=policy.sessions_per_day or 0 if rule == "hours.sessions_per_day" else _minutes(policy.session_s or 0),
    )


def written(local: datetime) -> str:
    """An instant as people write it: 05:30 24/11/2026."""
    return f"{local:%H:%M %d/%m/%Y}"


def _minutes(seconds: float) -> float:
    minutes = round(seconds / 60, 1)
    return int(minutes) if minutes == int(minutes) else minutes


def _window(policy: Policy, at: datetime) -> Span | None:
    minute = at.hour * 60 + at.minute
    return next((span for span in policy.windows or (_DAY,) if span[0] <= minute < span[1]), None)


def _goes_on(policy: Policy, sessions: list[Session], window: Span, at: datetime) -> bool:
    """Whether what begins now belongs to the last session."""
    if not sessions or sessions[-1].window != window:
        return False
    last = sessions[-1]
    if policy.session_s is None:
        return bool(policy.windows) or at - last.end <= SESSION_PAUSE
    return at - last.begin < timedelta(seconds=policy.session_s) or at - last.end <= SESSION_PAUSE


def _whole_minute(at: datetime) -> datetime:
    """The next whole minute, which may be now."""
    return (at + timedelta(minutes=1) - timedelta.resolution).replace(second=0, microsecond=0)


def _instant(day: datetime, minute: int) -> datetime:
    """A minute of the day of a local instant."""
    if minute == _DAY[1]:
        day, minute = day + timedelta(days=1), 0
    return datetime.combine(day.date(), time(minute // 60, minute % 60), day.tzinfo)
