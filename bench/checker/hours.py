"""Lawful hours, counted from the airings."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bench.checker.record import Airing

_GRACE = timedelta(seconds=6)
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Hours:
    """Windows of a day in local time, minutes within each, windows that may be used, and days of the week."""

    def __init__(self, rules: dict[str, Any], zone: ZoneInfo) -> None:
        self.zone = zone
        self.windows = [
            (time.fromisoformat(each["from"]), time.fromisoformat(each["to"])) for each in rules.get("windows", ())
        ]
        self.minutes: float | None = rules.get("minutes_per_session")
        self.sessions: int | None = rules.get("sessions_per_day")
        self.weekdays = [_WEEK.index(day) for day in rules.get("weekdays", ())]
        self.exempt = {"emergency", *rules.get("exempt", ("priority",))}

    def unlawful(self, airings: Iterable[Airing]) -> Iterator[str]:
        """Everything that the law forbids and that was heard all the same."""
        used: dict[Any, list[float]] = defaultdict(list)
        for each in airings:
            if not each.heard or each.started is None or each.data.get("class") in self.exempt:
                continue
            begin = each.started.astimezone(self.zone)
            about = f"{each.id} at {begin:%d/%m %H:%M:%S}"
            if self.weekdays and begin.weekday() not in self.weekdays:
                yield f"{about}: unlawful day"
            window = self._window(begin)
            if self.windows and window is None:
                yield f"{about}: outside the lawful hours"
            elif window is not None and begin + timedelta(seconds=each.seconds) > window[1] + _GRACE:
                yield f"{about}: goes past {window[1]:%H:%M}"
            used[each.data.get("speaker"), begin.date(), window and window[0]].append(each.seconds)
        yield from self._counted(used)

    def _counted(self, used: dict[Any, list[float]]) -> Iterator[str]:
        days: dict[Any, int] = defaultdict(int)
        for (speaker, day, _), seconds in used.items():
            days[speaker, day] += 1
            if self.minutes is not None and sum(seconds) > self.minutes * 60 + _GRACE.total_seconds():
                yield f"{speaker} on {day:%d/%m}: {sum(seconds) / 60:.1f} minutes in a session of {self.minutes}"
        for (speaker, day), count in days.items():
            if self.sessions is not None and count > self.sessions:
                yield f"{speaker} on {day:%d/%m}: {count} sessions"

    def forbids(self, at: datetime, seconds: float | None, airing: Airing, airings: Iterable[Airing]) -> bool:
        """Whether something of that length may not begin at an instant, for the reason that was told."""
        local, code = at.astimezone(self.zone), airing.code
        window = self._window(local)
        if code == "hours.weekday":
            return bool(self.weekdays) and local.weekday() not in self.weekdays
        if code == "hours.window":
            return bool(self.windows) and window is None
        if code == "hours.window_end":
            return window is not None and local + timedelta(seconds=seconds or 0) > window[1] - _GRACE
        if code == "hours.session_too_long":
            return self.minutes is not None and (seconds or 0) > self.minutes * 60
        before = [
            each.seconds
            for each in airings
            if each.heard
            and each.started is not None
            and each.data.get("class") not in self.exempt
            and each.data.get("speaker") == airing.data.get("speaker")
            and each.started.astimezone(self.zone).date() == local.date()
            and (code != "hours.session_full" or self._window(each.started.astimezone(self.zone)) == window)
        ]
        if code == "hours.session_full":
            return (
                self.minutes is not None and sum(before) + (seconds or 0) > self.minutes * 60 - _GRACE.total_seconds()
            )
        return code == "hours.sessions_per_day" and self.sessions is not None and len(before) >= self.sessions

    def _window(self, local: datetime) -> tuple[datetime, datetime] | None:
        for begin, end in self.windows:
            span = (datetime.combine(local.date(), begin, self.zone), datetime.combine(local.date(), end, self.zone))
            if span[0] <= local < span[1]:
                return span
        return None
