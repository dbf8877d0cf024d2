"""A month of the log: its bounds in local time, and what is asked of it."""

import re
from datetime import UTC, datetime
from typing import get_args
from zoneinfo import ZoneInfo

from hub.aired.rows import CLASSES, Show, Wanted

_MONTH = re.compile(r"(20[2-9]\d)-(0[1-9]|1[0-2])", re.ASCII)
_WHERE = re.compile(r"([a-z0-9-]{1,40}(/[a-z0-9-]{1,40})?)?", re.ASCII)
_SHOWS: dict[str, Show] = {show: show for show in get_args(Show)}


class Unclear(Exception):
    """What was asked makes no sense; the text is the key of a sentence in hub/text."""


def wanted(month: str, zone: ZoneInfo, where: str = "", show: str = "", class_: str = "") -> Wanted:
    """The rows of a month such as `2026-11`. Raises Unclear."""
    if not (found := _MONTH.fullmatch(month)):
        raise Unclear("aired.bad_month")
    if not _WHERE.fullmatch(where) or (class_ and class_ not in CLASSES) or (show and show not in _SHOWS):
        raise Unclear("aired.bad_filter")
    year, number = int(found[1]), int(found[2])
    start = datetime(year, number, 1, tzinfo=zone)
    end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone)
    return Wanted(start.astimezone(UTC), end.astimezone(UTC), where, _SHOWS.get(show, "all"), class_)


def month_of(instant: datetime, zone: ZoneInfo) -> str:
    """The month of an instant, `2026-11`."""
    return f"{instant.astimezone(zone):%Y-%m}"


def beside(month: str, step: int) -> str:
    """The month before (-1) or after (1)."""
    year, number = map(int, month.split("-"))
    moved = year * 12 + number - 1 + step
    return f"{moved // 12}-{moved % 12 + 1:02}"
