"""Instants as people read them. The patterns stand in code: translators must not have to know them."""

from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

from edge_agent.contract.sentences import Language
from hub.language import sentence

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@lru_cache(maxsize=256)
def zone_named(name: str, fallback: str) -> ZoneInfo:
    """The zone of this name; the fallback for names that are none (they come from nodes)."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError; folders and odd paths
        return ZoneInfo(fallback)


def local(instant: datetime, zone: ZoneInfo) -> datetime:
    """The instant in local time; at the ends of the calendar, where there is none, as it is."""
    try:
        return instant.astimezone(zone)
    except OverflowError:
        return instant


def moment(instant: datetime, now: datetime, zone: ZoneInfo, language: Language) -> str:
    """`18:42` today, `18:42 ngày 05/12` on another day, with the year in another year."""
    there, today = local(instant, zone), local(now, zone)
    clock = f"{there:%H:%M}"
    if there.date() == today.date():
        return clock
    return f"{clock} {day(there.date(), today.date(), language)}"


def day(there: date, today: date, language: Language) -> str:
    """A date, the year only where it is another one."""
    same_year = there.year == today.year
    if language == "vi":
        return f"ngày {there:%d/%m}" if same_year else f"ngày {there:%d/%m}/{there.year}"
    text = f"{there.day} {_MONTHS[there.month - 1]}"
    return f"on {text}" if same_year else f"on {text} {there.year}"


def dated(instant: datetime, zone: ZoneInfo, language: Language) -> str:
    """`05:30 ngày 23/11/2026`: with its day, even where that is today."""
    there = local(instant, zone)
    return f"{there:%H:%M} {day(there.date(), date.min, language)}"


def instant_in(text: object, zone: ZoneInfo) -> datetime | None:
    """The instant that a node wrote, as ISO 8601 or as `05:30 24/11/2026` in local time; None where it is none."""
    for read in (datetime.fromisoformat, lambda words: datetime.strptime(words, "%H:%M %d/%m/%Y")):
        try:
            instant = read(text) if isinstance(text, str) else None
        except ValueError:
            continue
        if instant is not None:
            return instant if instant.tzinfo else instant.replace(tzinfo=zone)
    return None


def from_form(date_text: str, time_text: str, zone: ZoneInfo) -> datetime:
    """What a person chose in a date and a time field, as UTC. Raises ValueError."""
    there = datetime.combine(date.fromisoformat(date_text), time.fromisoformat(time_text), zone)
    if not 2020 <= there.year <= 2100:
        raise ValueError("a year that no bulletin has")
    return there.astimezone(UTC)


def punctual(milliseconds: float, language: Language) -> str:
    """How far from its time something began: `đúng giờ` within half a second, else `chậm 0:12`."""
    seconds = round(abs(milliseconds) / 1000) if abs(milliseconds) < 1e12 else 0
    if seconds == 0:
        return sentence(language, "time.punctual")
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    words = f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
    return sentence(language, "time.late" if milliseconds > 0 else "time.early", length=words)
