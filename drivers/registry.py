"""Finds drivers by their entry points; imports one only when it is asked for by name."""

import difflib
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from drivers.contract import Driver, DriverFault

GROUP = "edge_agent.drivers"
_REQUIRED = ("Config", "check", "capabilities", "__aenter__", "__aexit__")


def names() -> list[str]:
    """Names of all installed drivers, sorted. Imports none of them."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def load(name: str) -> type[Driver]:
    """Import a driver's class.

    Raises DriverFault `driver.unknown` (with the name that was probably meant), `driver.missing_library` and
    `driver.broken`; a driver that cannot be imported is a fault of that driver, never a crash.
    """
    found = next((entry for entry in entry_points(group=GROUP) if entry.name == name), None)
    if found is None:
        raise DriverFault("driver.unknown", _unknown(name))
    loaded = _import(found)
    missing = [member for member in _REQUIRED if not hasattr(loaded, member)]
    if not isinstance(loaded, type) or missing:
        lacks = ", ".join(missing) or "a class"
        raise DriverFault("driver.broken", f"{name} ({found.value}) is no driver: it lacks {lacks}")
    return cast("type[Driver]", loaded)


def _import(entry: EntryPoint) -> object:
    try:
        loaded: object = entry.load()
    except ModuleNotFoundError as error:
        raise DriverFault("driver.missing_library", f"{entry.name} needs a library that is missing: {error}") from error
    except Exception as error:
        raise DriverFault("driver.broken", f"{entry.name} ({entry.value}) cannot be imported: {error!r}") from error
    return loaded


def _unknown(name: str) -> str:
    known = names()
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else f"installed are: {', '.join(known) or 'none'}"
    return f"there is no driver {name!r}; {hint}"
