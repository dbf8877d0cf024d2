"""The times of an iCalendar event: zones, dates, lists, and rules in the form that the contract takes."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from edge_agent.contract import invalid
from edge_agent.contract.errors import Refusal
from edge_agent.contract.recurrence import checked

if TYPE_CHECKING:
    from icalendar import Event

_MOST_LISTED = 400


class EventTimes:
    """Reads times; those without a zone are local."""

    def __init__(self, zone: ZoneInfo, offsets: Mapping[str, tzinfo]) -> None:
        """`offsets`: zones that the file itself describes, by the name that it gives them."""
        self.zone = zone
        self._offsets = offsets

    def start_of(self, event: "Event") -> datetime:
        """DTSTART in its own zone. Raises Refusal where an event has no time of day."""
        value = self._only(event, "DTSTART")
        if value is None:
            raise Refusal("ical.no_start")
        if not isinstance(value.dt, datetime):
            raise Refusal("ical.all_day")
        return self._aware(value.dt, value.params)

    def start(self, event: "Event") -> datetime:
        """DTSTART in UTC."""
        return self.start_of(event).astimezone(UTC)

    def instance(self, event: "Event", first: datetime) -> datetime:
        """RECURRENCE-ID in UTC; a bare date is the instance of that day."""
        value = self._only(event, "RECURRENCE-ID")
        if value.params.get("RANGE"):
            raise Refusal("ical.range")
        return self._instant(value.dt, value.params, first)

    def listed(self, event: "Event", name: str) -> list[datetime]:
        """RDATE or EXDATE, in UTC, each once; a bare date is the instance of that day."""
        from icalendar import vDDDLists

        found: set[datetime] = set()
        values = event.get(name, [])
        for value in values if isinstance(values, list) else [values]:
            if not isinstance(value, vDDDLists):
                raise Refusal("ical.broken", detail=_shown(name, value))
            for each in value.dts:
                if not isinstance(each.dt, date):
                    raise Refusal("ical.period")
                found.add(self._instant(each.dt, value.params, self.start(event)))
        if len(found) > _MOST_LISTED:
            raise Refusal("ical.too_many", limit=_MOST_LISTED)
        return sorted(found)

    def _only(self, event: "Event", name: str) -> Any:
        from icalendar import vDDDTypes

        value = event.get(name)
        if value is not None and not (isinstance(value, vDDDTypes) and isinstance(value.dt, date)):
            raise Refusal("ical.broken", detail=_shown(name, value))
        return value

    def _instant(self, value: date, params: Mapping[str, Any], first: datetime) -> datetime:
        if isinstance(value, datetime):
            return self._aware(value, params).astimezone(UTC)
        _check_year(value)
        return datetime.combine(value, first.astimezone(self.zone).time(), self.zone).astimezone(UTC)

    def _aware(self, value: datetime, params: Mapping[str, Any]) -> datetime:
        _check_year(value)
        if value.tzinfo is not None:
            return value
        name = str(params.get("TZID", ""))
        if name and name not in self._offsets:
            raise Refusal("ical.zone", name=name[:60])
        return value.replace(tzinfo=self._offsets[name] if name else self.zone)


def rule_text(value: Any, start: datetime, zone: ZoneInfo) -> str:
    """RRULE in the form that the contract takes.

    Raises:
        Refusal: more than one rule, one that a node would not take, or one of a zone with other clocks.
    """
    from icalendar import vRecur

    if not isinstance(value, vRecur):
        raise Refusal("ical.broken", detail=_shown("RRULE", value))
    _same_days(start, zone)
    parts = dict(value)
    if "UNTIL" in parts:
        parts["UNTIL"] = [f"{_until(parts['UNTIL'][0], start):%Y%m%dT%H%M%SZ}"]
    text = ";".join(f"{name}={','.join(_word(each) for each in values)}" for name, values in parts.items())
    try:
        return checked(text[:500] if len(text) <= 500 else "too long")
    except ValueError as error:
        raise Refusal("ical.rule", rule=text[:120], **invalid.reason_of(error)) from error


def _shown(name: str, value: object) -> str:
    return f"{name} x {len(value)}" if isinstance(value, list) else f"{name}: {str(value)[:100]}"


def _check_year(value: date) -> None:
    if not 2000 <= value.year <= 2199:
        raise Refusal("ical.broken", detail=value.isoformat())


def _same_days(start: datetime, zone: ZoneInfo) -> None:
    """A rule of another zone is taken if its clocks show the same time all the year."""
    if start.tzinfo is zone:
        return
    for month in range(1, 13):
        wall = start.replace(year=start.year + 1, month=month, day=1)
        if wall.utcoffset() != wall.replace(tzinfo=zone).utcoffset():
            raise Refusal("ical.zone_rule", name=str(start.tzinfo)[:60], zone=zone.key)


def _until(value: date, start: datetime) -> datetime:
    if not 2000 <= value.year <= 2199:  # "for ever", or never
        value = datetime(2199, 12, 31) if value.year > 2199 else datetime(2000, 1, 1)
    if not isinstance(value, datetime):  # the whole of that day
        value = datetime.combine(value, time(23, 59, 59))
    return (value if value.tzinfo else value.replace(tzinfo=start.tzinfo)).astimezone(UTC)


def _word(value: object) -> str:
    return value.to_ical().decode() if hasattr(value, "to_ical") else str(value)
