"""The form of a bulletin: what it is, when it comes again, whose word it is."""

from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from edge_agent.contract.bulletins import DEFAULT_AUTHORITY, Bulletin, BulletinClass, LunarDays, Recurrence
from edge_agent.contract.ids import uuid7
from hub import times
from hub.forms import MAX_BULLETIN, Fields, FormError, text

REPEATS = ("once", "daily", "weekdays", "weekly", "mung1", "ram", "mung1_ram", "lunar")
AFTER = ("resume", "restart", "drop")
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_LUNAR = {"mung1": (1,), "ram": (15,), "mung1_ram": (1, 15)}
_CLASSES: dict[str, BulletinClass] = {name: name for name in ("ordinary", "priority", "emergency")}


def class_of(fields: Fields, default: BulletinClass) -> BulletinClass:
    """How urgent it is. Raises FormError."""
    chosen = fields.get("class") or default
    if chosen not in _CLASSES:
        raise FormError("form.bad")
    return _CLASSES[chosen]


def bulletin(fields: Fields, zone: ZoneInfo, now: datetime, authorities: tuple[str, ...]) -> Bulletin:
    """The bulletin that was written. `authorities`: those that may be chosen. Raises FormError."""
    title = fields.get("title", "")
    if not title:
        raise FormError("form.empty_title")
    words = text(fields, MAX_BULLETIN)
    at = _instant(fields, zone)
    if (now - at).total_seconds() > 60:
        raise FormError("form.past", at=f"{at.astimezone(zone):%H:%M %d/%m/%Y}")
    authority = fields.get("authority") or DEFAULT_AUTHORITY
    if fields.get("authority") and authority not in authorities:
        raise FormError("form.bad")
    try:
        return Bulletin.model_validate(
            {
                "id": f"b-{uuid7()}",
                "title": title[:200],
                "text": words,
                "class": class_of(fields, "ordinary"),
                "authority": authority,
                "after_interruption": fields.get("after") or "resume",
                "at": at,
                "recurrence": _recurrence(fields, at, zone),
                "speaker": fields.get("speaker") or None,
            }
        )
    except ValidationError as error:
        raise FormError("form.bad") from error


def _instant(fields: Fields, zone: ZoneInfo) -> datetime:
    """When it is on air first; `move` takes the instant that was proposed instead."""
    moved = fields.get("do") == "move"
    day, hour = (
        (fields.get("moved_date"), fields.get("moved_time")) if moved else (fields.get("date"), fields.get("time"))
    )
    try:
        at = times.from_form(day or "", hour or "", zone)
    except (ValueError, OverflowError) as error:
        raise FormError("form.bad_time") from error
    return times.next_weekday(at, zone) if fields.get("repeat") == "weekdays" else at


def _recurrence(fields: Fields, at: datetime, zone: ZoneInfo) -> Recurrence | None:
    repeat = fields.get("repeat") or "once"
    match repeat:
        case "once":
            return None
        case "daily":
            return Recurrence(rule="FREQ=DAILY")
        case "weekdays":
            return Recurrence(rule="FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR")
        case "weekly":
            return Recurrence(rule=f"FREQ=WEEKLY;BYDAY={_WEEKDAYS[at.astimezone(zone).weekday()]}")
        case "mung1" | "ram" | "mung1_ram":
            return Recurrence(lunar=LunarDays(days=_LUNAR[repeat]))
        case "lunar":
            return Recurrence(lunar=_chosen_lunar(fields))
        case _:
            raise FormError("form.bad")


def _chosen_lunar(fields: Fields) -> LunarDays:
    """A day of every lunar month, or of one; in a leap year that of the first of two months, as anniversaries are."""
    day, month = fields.get("lunar_day", ""), fields.get("lunar_month", "")
    try:
        return LunarDays.model_validate({"days": (int(day),), "month": int(month) if month else None})
    except ValueError as error:  # ValidationError is one
        raise FormError("form.bad_lunar") from error
