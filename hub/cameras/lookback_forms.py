"""Times that people type or tap, as instants."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from edge_agent.contract.watching import LONGEST_CLIP
from hub import forms
from hub.cameras.lookback_clips import clamped
from hub.times import from_form, instant_in

_CLOCK = re.compile(r"(\d{1,2})(?:[:h.]?(\d{2})(?:[:.]?(\d{2}))?)?", re.ASCII)
_ACROSS = timedelta(hours=1)
"""A clip that ends earlier in the day than it begins, by so much, runs over midnight."""


def instant(text: object, zone: ZoneInfo) -> datetime | None:
    """What was written as ISO 8601, as UTC; None where it is none. Raises FormError for a year that has no video."""
    found = instant_in(text, zone)
    if found is not None and not 2020 <= found.year <= 2100:
        raise forms.FormError("camera.lookback_bad_time")
    return found.astimezone(UTC) if found else None


def moment(day: str, at: str, zone: ZoneInfo) -> datetime:
    """An instant from a day and a time of it. Raises FormError."""
    try:
        return from_form(day, _clock(at), zone)
    except ValueError as error:
        raise forms.FormError("camera.lookback_bad_time") from error


def _clock(text: str) -> str:
    """`7:30`, `7h30`, `0730` or `073000` as `07:30:00`. Raises ValueError."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(f"no time: {text[:20]!r}")
    hours, minutes, seconds = found.groups("0")
    return f"{int(hours):02}:{int(minutes):02}:{int(seconds):02}"


def clip_span(fields: forms.Fields, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """A span that a node cuts in one clip; that of an event, which may be a little longer, is shortened.

    Raises FormError.
    """
    begin, end = span(fields, zone)
    if end - begin > LONGEST_CLIP and not fields.get("begin"):
        raise forms.FormError("camera.lookback_long")
    return clamped(begin, end)


def span(fields: forms.Fields, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From a form: two instants, or a day and two times of it. Raises FormError."""
    begin, end = (instant(fields.get(name), zone) for name in ("begin", "end"))
    if begin is None or end is None:
        day = fields.get("day", "")
        begin, end = (moment(day, fields.get(name, ""), zone) for name in ("at", "to"))
        if end <= begin and begin - end >= timedelta(days=1) - _ACROSS:
            end += timedelta(days=1)
    if end <= begin:
        raise forms.FormError("camera.lookback_bad_span")
    return begin, end
