"""Which RFC 5545 recurrence rules a bulletin may have. Rules come from people: none may hang a node or hail on it."""

import re
from datetime import UTC, datetime

from pydantic_core import PydanticCustomError

_FREQUENCIES = ("HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_NUMBERS = {
    "INTERVAL": (1, 1000),
    "COUNT": (1, 100_000),
    "BYHOUR": (0, 23),
    "BYMINUTE": (0, 59),
    "BYMONTH": (1, 12),
    "BYMONTHDAY": (-31, 31),
    "BYYEARDAY": (-366, 366),
    "BYWEEKNO": (-53, 53),
    "BYSETPOS": (-366, 366),
}
"""Parts that are numbers, with their range by RFC 5545; the bounds of INTERVAL and COUNT are ours."""
_SINGLE = ("INTERVAL", "COUNT", "BYMINUTE")
"""One number only. Two minutes of an hour would be more often than hourly."""
_WORDS = {
    "FREQ": re.compile("|".join(_FREQUENCIES)),
    "UNTIL": re.compile(r"\d{8}T\d{6}Z", re.ASCII),
    "WKST": re.compile("MO|TU|WE|TH|FR|SA|SU"),
    "BYDAY": re.compile(r"[+-]?\d{0,2}(MO|TU|WE|TH|FR|SA|SU)(,[+-]?\d{0,2}(MO|TU|WE|TH|FR|SA|SU))*", re.ASCII),
}


def parts_of(rule: str) -> dict[str, str]:
    """The parts of a rule, in capitals. Raises ValueError where it is no list of NAME=VALUE, or a name stands twice."""
    parts: dict[str, str] = {}
    for part in rule.upper().split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value:
            raise PydanticCustomError("invalid.rule_pair", "{part} is not NAME=VALUE", {"part": part[:40]})
        if name in parts:
            raise PydanticCustomError("invalid.rule_twice", "{name} stands twice", {"name": name[:40]})
        parts[name] = value
    return parts


def checked(rule: str) -> str:
    """The rule in its plain form, without `RRULE:`. Raises ValueError where a node would not take it."""
    parts = parts_of(rule.upper().removeprefix("RRULE:"))
    if "FREQ" not in parts:
        raise PydanticCustomError("invalid.rule_freq", "FREQ is missing")
    if parts["FREQ"] in ("SECONDLY", "MINUTELY"):
        raise PydanticCustomError("invalid.rule_often", "more often than hourly is not allowed")
    for name, value in parts.items():
        if name in _NUMBERS:
            _check_numbers(name, value)
        elif name not in _WORDS:
            raise PydanticCustomError("invalid.rule_part", "{name} is not allowed", {"name": name[:40]})
        elif not _WORDS[name].fullmatch(value):
            raise PydanticCustomError(
                "invalid.rule_value", "{name} cannot be {value}", {"name": name, "value": value[:40]}
            )
    if "COUNT" in parts and "UNTIL" in parts:
        raise PydanticCustomError("invalid.rule_both", "either COUNT or UNTIL")
    if "UNTIL" in parts:
        datetime.strptime(parts["UNTIL"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return ";".join(f"{name}={value}" for name, value in parts.items())


def _check_numbers(name: str, value: str) -> None:
    low, high = _NUMBERS[name]
    numbers = value.split(",")
    if name in _SINGLE and len(numbers) > 1:
        raise PydanticCustomError(
            "invalid.rule_one", "only one {name}: more often than hourly is not allowed", {"name": name}
        )
    for number in numbers:
        if not re.fullmatch(r"[+-]?\d{1,6}", number, re.ASCII) or not low <= int(number) <= high:
            raise PydanticCustomError(
                "invalid.rule_range", "{name} must be from {low} to {high}", {"name": name, "low": low, "high": high}
            )
        if low < 0 and int(number) == 0:
            raise PydanticCustomError("invalid.rule_zero", "{name} cannot be 0", {"name": name})
