"""What is known of a device: each word with when it was said, and whether it may be believed. Pure."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from drivers.contract import DriverFault

_WORDS = {"on": 1.0, "off": 0.0, "true": 1.0, "false": 0.0}
_AHEAD = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Word:
    """One value, when it was said (aware UTC), and the number of the message that said it.

    `live`: said while we listened, or kept by the broker with the device's own time of it.
    """

    value: Any
    at: datetime
    live: bool
    number: int


class Device:
    """One device. Keeps only the keys that somebody asked for, whatever it says."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.wanted: set[str] = set()
        self.online: bool | None = None
        self.since: datetime | None = None
        self._words: dict[str, Word] = {}

    def said(self, values: Mapping[str, Any], *, at: datetime, retained: bool, number: int) -> list[str]:
        """Take what it said; returns the keys that are news.

        Its own time of it counts: Zigbee2MQTT repeats what it remembers when it starts.
        """
        seen = _last_seen(values.get("last_seen"), at)
        word_at, live = seen or at, seen is not None or not retained
        news = []
        for key in self.wanted:
            if key in values:
                before = self._words.get(key)
                if retained and before is not None and before.live:
                    continue  # what was heard is newer than what was kept
                self._words[key] = Word(values[key], word_at, live, number)
                news.append(key)
        return news

    def is_there(self, online: bool | None, at: datetime) -> None:
        """Whether it is there; None: nobody has said."""
        if online != self.online:
            self.online, self.since = online, at

    def doubt(self) -> None:
        """The connection was lost: who knows what happened meanwhile."""
        self.online = self.since = None
        self._words = {key: Word(w.value, w.at, False, w.number) for key, w in self._words.items()}

    def word(self, keys: Iterable[str]) -> Word | None:
        """The newest word for one of some keys that may be believed."""
        found = [word for key in keys if (word := self._words.get(key)) is not None and word.live]
        return max(found, key=lambda word: word.number, default=None)

    def require_there(self) -> None:
        """Raise DriverFault `driver.silent` when it is known to be away."""
        if self.online is False:
            raise self.silent()

    def silent(self) -> DriverFault:
        """The fault of a device that says nothing."""
        if self.online is False and self.since is not None:
            detail = f"{self.name} is offline since {self.since.isoformat(timespec='seconds')}"
        elif any(not word.live for word in self._words.values()):
            detail = f"{self.name}: only old words are known, of before this connection"
        else:
            detail = f"{self.name} has said nothing yet"
        return DriverFault("driver.silent", detail, retry=True)


def on_or_off(device: str, value: Any) -> bool:
    """Return whether ON or OFF was said. Raises DriverFault `driver.bad_value`."""
    if isinstance(value, str) and value.upper() in ("ON", "OFF"):
        return value.upper() == "ON"
    if isinstance(value, bool):
        return value
    raise DriverFault("driver.bad_value", f"{device}: neither ON nor OFF: {_short(value)}", retry=True)


def number(device: str, value: Any, on: str | None = None) -> float:
    """Return a finite number; of true and false, and of words, 1 or 0. Raises DriverFault `driver.bad_value`.

    `on` is the word that is 1; all others are 0 then.
    """
    if on is not None and isinstance(value, str):
        return float(value == on)
    if isinstance(value, str) and value.lower() in _WORDS:
        return _WORDS[value.lower()]
    if isinstance(value, int | float):
        try:
            found = float(value)
        except OverflowError:
            found = math.inf
        if math.isfinite(found):
            return found
    raise DriverFault("driver.bad_value", f"{device}: not a number: {_short(value)}", retry=True)


def at_path(device: str, value: Any, path: str) -> Any:
    """Return what stands at ENERGY.Power or ENERGY.Power.0, where `value` is what stands at the first part.

    Raises DriverFault `driver.bad_value` where there is nothing.
    """
    for part in path.split(".")[1:]:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            raise DriverFault("driver.bad_value", f"{device} says nothing at {path}", retry=True)
    return value


def _last_seen(value: Any, now: datetime) -> datetime | None:
    """Zigbee2MQTT's last_seen: ISO 8601 with a zone, or milliseconds since 1970. None for anything else."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found = datetime.fromtimestamp(value / 1000, UTC)
        else:
            return None
        aware = found.tzinfo is not None and found.astimezone(UTC) <= now + _AHEAD
        return found.astimezone(UTC) if aware else None
    except (ValueError, OverflowError, OSError):
        return None


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str | int | float | bool | None) else type(value).__name__
    return text if len(text) <= 60 else f"{text[:60]}..."
