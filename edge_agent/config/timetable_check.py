"""What no single key of programmes and calendars can tell: ids nobody knows, levels that a thing cannot have.

What the models refuse is passed over here: they tell it, with its place.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from edge_agent.config.finding import Finding, Path, entries, listed
from edge_agent.config.problems import guess
from edge_agent.config.timetable import Calendar, NamedProgramme, Photocell, Programme
from edge_agent.config.timetable_sense import Sense, never_matching, parts_of

_Model = TypeVar("_Model", bound=BaseModel)
_OFF = "off"
_THINGS = ("lights", "switches")


@dataclass(frozen=True)
class _Known:
    """What is usable of these sections, by id; and all ids, usable or not."""

    programmes: dict[str, NamedProgramme]
    calendars: dict[str, Calendar]
    programme_ids: tuple[str, ...]
    calendar_ids: tuple[str, ...]


def timetable_check(data: Mapping[str, Any]) -> Iterator[Finding]:
    """All findings of this kind."""
    programmes, calendars = list(entries(data, "programmes")), list(entries(data, "calendars"))
    yield from _same_ids("programmes", programmes)
    yield from _same_ids("calendars", calendars)
    known = _Known(
        {each.id: each for _, entry in programmes if (each := _taken(NamedProgramme, entry)) is not None},
        {one.id: one for _, entry in calendars if (one := _taken(Calendar, entry)) is not None},
        _ids(programmes),
        _ids(calendars),
    )
    for place, entry in programmes:
        if entry.get("id") == _OFF:
            yield Finding(("programmes", place, "id"), "config.programme_off")
    for place, entry in calendars:
        yield from _calendar(("calendars", place), entry, known)
    for section in _THINGS:
        for place, entry in entries(data, section):
            yield from _thing((section, place), entry, known)
    written = list(_programmes(data))
    yield from _photocells(written, _ids(list(entries(data, "sensors"))))
    sense = Sense(data.get("node"))
    for path, programme in written:
        yield from sense.of(path, programme)


def _taken(model: type[_Model], entry: Any) -> _Model | None:
    try:
        return model.model_validate(entry)
    except ValidationError:
        return None


def _ids(found: list[tuple[int, Mapping[str, Any]]]) -> tuple[str, ...]:
    return tuple(name for _, entry in found if isinstance(name := entry.get("id"), str))


def _same_ids(section: str, found: list[tuple[int, Mapping[str, Any]]]) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for place, entry in found:
        name = entry.get("id")
        if isinstance(name, str):
            if name in seen:
                told: dict[str, str | int | float] = {"name": name, "other": f"{section}[{seen[name]}]"}
                yield Finding((section, place, "id"), "config.same_id", told)
            seen.setdefault(name, place)


def _unknown(path: Path, code: str, name: Any, ids: Iterable[str]) -> Iterator[Finding]:
    """An id that is not there."""
    if isinstance(name, str) and name not in (ids := tuple(ids)):
        yield Finding(path, code, {"name": name[:60], "known": listed(ids)}, guess(name, ids))


def _calendar(path: Path, entry: Mapping[str, Any], known: _Known) -> Iterator[Finding]:
    rules = entry.get("rules")
    choices = [((*path, "otherwise"), entry.get("otherwise"))]
    for place, rule in enumerate(rules if isinstance(rules, list) else ()):
        if isinstance(rule, Mapping):
            choices.append(((*path, "rules", place, "programme"), rule.get("programme")))
    for where, name in choices:
        yield from _unknown(where, "config.no_programme", name, (*known.programme_ids, _OFF))
    calendar = _taken(Calendar, entry)
    if calendar is None:
        return
    chosen = {str(name): where for where, name in choices if name in known.programmes}
    begins = {known.programmes[name].begins for name in chosen}
    if len(begins) > 1:
        odd = [name for name in chosen if known.programmes[name].begins == "midnight"]
        yield Finding((*path, "rules"), "config.begins_mixed", {"names": listed(odd)})
    for place, code, params in never_matching(calendar):
        yield Finding((*path, "rules", place), code, params)


def _thing(path: Path, entry: Mapping[str, Any], known: _Known) -> Iterator[Finding]:
    programme, calendar = entry.get("programme"), entry.get("calendar")
    yield from _unknown((*path, "programme"), "config.no_programme", programme, known.programme_ids)
    yield from _unknown((*path, "calendar"), "config.no_calendar", calendar, known.calendar_ids)
    if entry.get("dimmable") is True:
        return
    names: list[Any] = [programme] if isinstance(programme, str) else []
    if isinstance(calendar, str) and calendar in known.calendars:
        chosen = known.calendars[calendar]
        names += [*(rule.programme for rule in chosen.rules), chosen.otherwise]
    own = _taken(Programme, programme) if isinstance(programme, Mapping) else None
    for where, each, name in [
        *(((*path, "calendar" if calendar else "programme"), known.programmes.get(name), name) for name in names),
        ((*path, "programme"), own, ""),
    ]:
        level = next(filter(_between, _levels(each)), None) if each is not None else None
        if level is not None:
            code = "config.programme_dims" if name else "config.level_not_dimmable"
            yield Finding(where, code, {"level": level, **({"name": name} if name else {})})
            return


def _levels(programme: Programme) -> Iterator[float]:
    for part in programme.parts:
        yield part.level
        yield from (step.level for step in part.steps)


def _between(level: float) -> bool:
    return 0 < level < 100


def _programmes(data: Mapping[str, Any]) -> Iterator[tuple[Path, Programme]]:
    """All programmes that are written out, with their places."""
    for place, entry in entries(data, "programmes"):
        named = _taken(NamedProgramme, entry)
        if named is not None:
            yield ("programmes", place), named
    for section in _THINGS:
        for place, entry in entries(data, section):
            own = _taken(Programme, entry.get("programme")) if isinstance(entry.get("programme"), Mapping) else None
            if own is not None:
                yield (section, place, "programme"), own


def _photocells(written: list[tuple[Path, Programme]], sensors: tuple[str, ...]) -> Iterator[Finding]:
    """Sensors that are not there, or that would be dark and light at once."""
    limits: dict[str, Photocell] = {}
    for path, programme in written:
        for place, part in parts_of(path, programme):
            cell = part.photocell
            if cell is None:
                continue
            where = (*place, "photocell")
            yield from _unknown((*where, "sensor"), "config.no_sensor", cell.sensor, sensors)
            first = limits.setdefault(cell.sensor, cell)
            if (first.on_below, first.off_above) != (cell.on_below, cell.off_above):
                params: dict[str, str | int | float] = {"sensor": cell.sensor}
                yield Finding(where, "config.photocell_limits", params | {"on": first.on_below, "off": first.off_above})
