"""What a trainer can break in a simulated cabinet: the words of the fault panel, and what they mean."""

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from drivers.simulated.channels import is_contact, parts
from drivers.simulated.config import OF_THE_CABINET, SimulatedCabinetConfig

OF_LINES: Mapping[str, tuple[float, float, float] | None] = {
    "stuck-on": None,
    "stuck-off": None,
    "dead": None,
    "welded": None,
    "coil": None,
    "tripped": None,
    "hand": None,
    "burnt-out": (100, 1, 100),
    "overload": (160, 101, 1000),
    "cycling": (60, 2, 3600),
    "dry": None,
}
"""Fault of a line -> None, or default, smallest and largest of its number.

stuck-on, stuck-off: the output itself does not follow; dead: it does not answer; welded: the contactor stays closed;
coil: it does not pull in; tripped: its breaker; hand: somebody turned its switch; burnt-out: per cent of its lamps;
overload: per cent of its watts; cycling: goes out and comes back every so many seconds; dry: runs without water.
"""
OF_CABINET: Mapping[str, str] = {
    "door": "open",
    "supply": "loss",
    "leakage": "yes",
    "breaker": "tripped",
    "hand": "on",
}
"""Contact of the cabinet -> the word that breaks it."""
OF_SENSORS = ("silent", "nan", "value")
_WELL = ("ok", "clear")


class PanelError(ValueError):
    """A word that the panel does not know. `code`: panel.unknown_thing, panel.unknown_fault, panel.bad_number."""

    def __init__(self, code: str, word: str, known: Iterable[str], **params: str) -> None:
        self.code = code
        self.known = tuple(known)
        self.meant = next(iter(difflib.get_close_matches(word, self.known, n=1, cutoff=0.5)), "")
        self.params = {"word": word, **params}
        super().__init__(f"{code}: {word!r}; known are: {', '.join(self.known)}")


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A fault that is rehearsed. `amount` is its number: see `OF_LINES`; of `value` what the sensor shows."""

    kind: str
    amount: float | None = None

    def word(self) -> str:
        """As it is typed and kept."""
        return self.kind if self.amount is None else f"{self.kind}:{self.amount:g}"


def things(config: SimulatedCabinetConfig) -> list[str]:
    """All that can be broken: lines, then channels."""
    of_lines = [f"{line}_{part}" for line, entry in config.lines.items() for part in parts(entry)]
    return [*config.lines, *OF_THE_CABINET, *of_lines]


def words(config: SimulatedCabinetConfig, thing: str) -> tuple[str, ...]:
    """The faults that a thing can have."""
    if thing in config.lines:
        wet = config.lines[thing].litres_per_minute > 0
        return tuple(word for word in OF_LINES if wet or word != "dry")
    own = (OF_CABINET[thing],) if thing in OF_CABINET else ()
    return (*own, *OF_SENSORS)


def parse(config: SimulatedCabinetConfig, thing: str, word: str) -> Rehearsed | None:
    """Return the fault of `thing=word`, None for a word that says all is well. Raises PanelError.

    A number follows a colon or a second equals sign (`burnt-out:50`, `value=38`); of a sensor it may stand alone.
    """
    known = things(config)
    if thing not in known:
        raise PanelError("panel.unknown_thing", thing, known)
    kind, _, number = word.strip().lower().replace("=", ":").partition(":")
    if kind in _WELL and not number:
        return None
    if thing not in config.lines and not number and _is_number(kind):
        kind, number = "value", kind
    offered = words(config, thing)
    if kind not in offered:
        raise PanelError("panel.unknown_fault", kind, [*offered, "ok"], thing=thing)
    return Rehearsed(kind, _amount(thing, kind, number))


def _amount(thing: str, kind: str, number: str) -> float | None:
    if kind == "value":
        low, high = (0.0, 1.0) if is_contact(thing) else (-1e9, 1e9)
        limits: tuple[float, float, float] | None = (math.nan, low, high)
    else:
        limits = OF_LINES.get(kind)
    if limits is None:
        if number:
            raise PanelError("panel.no_number", number, (), kind=kind)
        return None
    default, low, high = limits
    amount = default if not number else float(number) if _is_number(number) else math.nan
    if not low <= amount <= high:
        raise PanelError("panel.bad_number", number or "-", (), kind=kind, low=f"{low:g}", high=f"{high:g}")
    return amount


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
