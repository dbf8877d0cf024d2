"""A calendar for the eye: days with their lunar dates, or a week as a picture of letters."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from edge_agent.calendar import Occurrence, Policy, max_volume
from edge_agent.calendar.lunar import lunar_date
from edge_agent.calendar.plan import estimate_s
from edge_agent.contract.bulletins import Bulletin
from edge_agent.words import say

_MARKS = {"ordinary": "●", "priority": "▲", "emergency": "■"}
_CELL = 9


def days_of(
    found: Sequence[Occurrence], bulletins: Mapping[str, Bulletin], first: date, days: int, zone: ZoneInfo
) -> list[dict[str, Any]]:
    """One entry for each day, with what is on air, as JSON has it."""
    agenda = []
    for number in range(days):
        day = first + timedelta(days=number)
        today = [each for each in found if each.at.astimezone(zone).date() == day]
        entry = {"day": day.isoformat(), "lunar": _lunar(day)}
        agenda.append(entry | {"bulletins": [_instance(each, bulletins[each.bulletin], zone) for each in today]})
    return agenda


def lines(agenda: Sequence[Mapping[str, Any]]) -> list[str]:
    """The agenda in words; days without a bulletin are left out."""
    told = []
    for entry in agenda:
        if not entry["bulletins"]:
            continue
        day = date.fromisoformat(entry["day"])
        told.append(f"{weekday(day)} {day:%d/%m/%Y} · {lunar_words(day)}")
        told += [f"  {_line(each)}" for each in entry["bulletins"]]
    return told


def week(agenda: Sequence[Mapping[str, Any]], policy: Policy | None, zone: ZoneInfo) -> list[str]:
    """Seven days side by side, a row for each minute at which something begins, and how loud it may be then."""
    shown = agenda[:7]
    days = [date.fromisoformat(entry["day"]) for entry in shown]
    rows: dict[int, list[str]] = {}
    for column, entry in enumerate(shown):
        for each in entry["bulletins"]:
            at = datetime.fromisoformat(each["at"])
            cells = rows.setdefault(at.hour * 60 + at.minute, [""] * len(shown))
            cells[column] += _MARKS[each["class"]]
    short = say("calendar.weekdays_short").split(",")
    told = [" " * 6 + "".join(f"{short[day.weekday()]} {day:%d/%m}".ljust(_CELL) for day in days)]
    told.append(" " * 6 + "".join(_short_lunar(day).ljust(_CELL) for day in days))
    for start in sorted(rows):
        hour, minute = divmod(start, 60)
        row = "".join(_cut(cell).ljust(_CELL) for cell in rows[start])
        volume = max_volume(policy or Policy(), "ordinary", datetime.combine(days[0], time(hour, minute), zone), zone)
        told.append(f"{hour:02}:{minute:02} {row}{f'<= {volume:g} %' if volume < 100 else ''}".rstrip())
    return [*(line.rstrip() for line in told), say("calendar.legend")]


def weekday(day: date) -> str:
    """The day of the week in the language of the terminal."""
    return say("calendar.weekdays").split(",")[day.weekday()]


def lunar_words(day: date) -> str:
    """The lunar date as people say it, for example `rằm tháng 10 âm lịch`."""
    lunar = _lunar(day)
    if lunar is None:
        return "-"
    key = "calendar.full_moon" if lunar["day"] == 15 else "calendar.mung" if lunar["day"] <= 10 else "calendar.day"
    month = say("calendar.leap_month", month=lunar["month"]) if lunar["leap"] else _month(lunar["month"])
    return say("calendar.lunar", day=say(key, day=lunar["day"]), month=month)


def _month(number: int) -> str:
    names = {1: say("calendar.first_month"), 12: say("calendar.last_month")}
    return names.get(number, str(number))


def _lunar(day: date) -> dict[str, Any] | None:
    try:
        found = lunar_date(day)
    except ValueError:  # beyond the tables
        return None
    return {"day": found.day, "month": found.month, "year": found.year, "leap": found.leap}


def _short_lunar(day: date) -> str:
    lunar = _lunar(day)
    return "" if lunar is None else f"{lunar['day']}/{lunar['month']}{'*' if lunar['leap'] else ''}"


def _instance(each: Occurrence, bulletin: Bulletin, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "at": each.at.astimezone(zone).isoformat(),
        "planned_as": each.planned_as.astimezone(zone).isoformat(),
        "id": bulletin.id,
        "title": bulletin.title,
        "class": bulletin.class_,
        "seconds": estimate_s(bulletin),
        "text": each.text,
        "volume": bulletin.volume if each.volume is None else each.volume,
    }


def _line(each: Mapping[str, Any]) -> str:
    at, planned = (datetime.fromisoformat(each[key]) for key in ("at", "planned_as"))
    length = "" if each["seconds"] is None else say("calendar.length", minutes=max(1, round(each["seconds"] / 60)))
    notes = [] if each["class"] == "ordinary" else [say(f"calendar.{each['class']}")]
    if planned != at:
        notes.append(say("calendar.moved", planned=f"{planned:%H:%M %d/%m}"))
    if each["text"] is not None:
        notes.append(say("calendar.other_words"))
    told = f"{at:%H:%M} {_MARKS[each['class']]} {each['title']} [{each['id']}] {length}".rstrip()
    return "; ".join([told, *notes])


def _cut(cell: str) -> str:
    return cell if len(cell) < _CELL else f"{cell[0]}×{len(cell)}"
