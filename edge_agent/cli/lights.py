"""`edge-agent lights`."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_agent.cli.common import CONFIG, load_or_fail
from edge_agent.cli.output import AS_JSON, fail, show_json
from edge_agent.words import say

if TYPE_CHECKING:
    from edge_agent.config.model import NodeConfig
    from edge_agent.config.switching import SwitchedEntry
    from edge_agent.timetable.place import Place
    from edge_agent.timetable.timetable import Night, Plan, Timetable

_WIDTH = 80
_EVENTS = ("dawn", "sunrise", "sunset", "dusk")


@dataclass(frozen=True, slots=True)
class Alike:
    """Things that do the same, and what that is; no plan: only their default level."""

    things: tuple["SwitchedEntry", ...]
    plan: "Plan | None"

    @property
    def title(self) -> str:
        """As people call them."""
        return ", ".join(f"{thing.name} [{thing.id}]" for thing in self.things)


@click.command("lights")
@CONFIG
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="The first night.  [default: tonight]")
@click.option("--days", type=click.IntRange(1, 366), default=7, show_default=True, help="How many nights.")
@click.option("--thing", "only", multiple=True, metavar="ID", help="Only this light or switch; may be repeated.")
@click.option(
    "--svg", type=click.Path(path_type=Path, dir_okay=False), help="Also draw a year of nights, from --from on."
)
@AS_JSON
def command(
    file: Path, first: datetime | None, days: int, only: tuple[str, ...], svg: Path | None, as_json: bool
) -> None:
    """Show what each light and switch of FILE will do by itself, night by night.

    A night is that of the day on which it begins. Photocells, rules and what people switch are not in it.
    """
    from edge_agent.timetable.place import Place
    from edge_agent.timetable.timetable import Timetable

    config = load_or_fail(file)
    position = config.node.position
    place = Place(position.latitude, position.longitude, config.node.timezone)
    found = _alike(config, Timetable(config.programmes, config.calendars, place), only)
    start = first.date() if first else (datetime.now(place.zone) - timedelta(hours=12)).date()
    if not date(1970, 1, 1) <= start <= date(2190, 1, 1):
        raise click.BadParameter(say("lights.year"), param_hint="--from")
    shown = [start + timedelta(days=number) for number in range(days)]
    if svg is not None:
        _draw(svg, file, found, place, start)
    if as_json:
        show_json(_told(config, found, place, shown))
        return
    for each in found:
        click.echo(f"{each.title}: {_follows(each.things[0])}")
        for line in _lines(each, place, shown):
            click.echo(line)
        click.echo()
    if not found:
        click.echo(say("lights.none"))
    if svg is not None:
        click.echo(say("lights.drawn", file=svg))


def _alike(config: "NodeConfig", timetable: "Timetable", only: tuple[str, ...]) -> list[Alike]:
    """The things, those that follow the same programme or calendar together, in the order of the configuration."""
    from edge_agent.config.problems import guess

    things: tuple[SwitchedEntry, ...] = (*config.lights, *config.switches)
    known = [thing.id for thing in things]
    for id_ in only:
        if id_ not in known:
            meant = guess(id_, known)
            told = say("lights.unknown", id=id_, known=", ".join(known) or "-")
            fail(f"{told} {say('config.meant', guess=meant)}" if meant else told, 2)
    groups: dict[Any, list[SwitchedEntry]] = {}
    for thing in things:
        if not only or thing.id in only:
            key = thing.calendar or thing.programme
            groups.setdefault((thing.default, key) if key is None else key, []).append(thing)
    return [Alike(tuple(group), timetable.plan_of(group[0])) for group in groups.values()]


def _follows(thing: "SwitchedEntry") -> str:
    """What decides, in words."""
    if thing.calendar is not None:
        return say("lights.calendar", id=thing.calendar)
    if isinstance(thing.programme, str):
        return say("lights.programme", id=thing.programme)
    if thing.programme is None:
        return say("lights.default", level=_level(thing.default))
    return say("lights.own")


def _lines(each: Alike, place: "Place", days: list[date]) -> list[str]:
    """One line a night: the day, its lunar date, sunset and sunrise, the programme where a calendar chooses, times."""
    if each.plan is None:
        return []
    nights = each.plan.nights(days[0], days[-1])
    width = max(len(night.programme or "") for night in nights) if each.things[0].calendar else 0
    told = [_line(night, place, width) for night in nights]
    for cell in each.plan.photocells:
        told.append("  " + say("lights.photocell", sensor=cell.sensor, before=cell.before_min, after=cell.after_min))
    return told


def _line(night: "Night", place: "Place", width: int) -> str:
    weekday = say("calendar.weekdays_short").split(",")[night.day.weekday()]
    sun = f"{_sun('sunset', place, night.day)}-{_sun('sunrise', place, night.day + timedelta(days=1))}"
    head = f"{weekday} {night.day:%d/%m} {_lunar(night.day):>6} {sun}  "
    if width:
        head += f"{night.programme or '':{width}}  "
    begin, *switches = night.switches
    words = [f"{each.at.astimezone(place.zone):%H:%M} {_level(each.level)}" for each in switches]
    if begin.level and switches:
        words.insert(0, f"{begin.at.astimezone(place.zone):%H:%M} {_level(begin.level)}")
    elif not switches:
        words = [say("lights.all_day", level=_level(begin.level))]
    lines, room = [head], _WIDTH
    for word in words:
        if len(lines[-1]) + len(word) > room and lines[-1].strip():
            lines.append(" " * (len(head) if len(head) <= 50 else 30))
        lines[-1] += f"{word}  "
    return "\n".join(line.rstrip() for line in lines)


def _level(level: float) -> str:
    return say("lights.on") if level == 100 else f"{level:g}%" if level else say("lights.off")


def _lunar(day: date) -> str:
    from edge_agent.calendar.lunar import lunar_date

    try:
        lunar = lunar_date(day)
    except ValueError:  # beyond the tables
        return "-"
    return f"{lunar.day}/{lunar.month}{'*' if lunar.leap else ''}"


def _sun(event: Any, place: "Place", day: date) -> str:
    from edge_agent.timetable import sun

    try:
        return f"{sun.event(event, place, day).astimezone(place.zone):%H:%M}"
    except sun.NoSun:
        return "--:--"


def _told(config: "NodeConfig", found: list[Alike], place: "Place", days: list[date]) -> dict[str, Any]:
    """All of it for `--json`; instants are local, with their offset."""
    nights = [{"day": day.isoformat(), "lunar": _lunar(day), **_events(place, day)} for day in days]
    things = []
    for each in found:
        done = [_night(night, place) for night in each.plan.nights(days[0], days[-1])] if each.plan else []
        for thing in each.things:
            named = thing.programme if isinstance(thing.programme, str) else None
            follows = {"calendar": thing.calendar, "programme": named, "default": thing.default}
            things.append({"id": thing.id, "name": thing.name, **follows, "nights": done})
    return {"node": config.node.name, "zone": place.timezone, "days": nights, "things": things}


def _events(place: "Place", day: date) -> dict[str, str | None]:
    from edge_agent.timetable import sun

    told: dict[str, str | None] = {}
    for name in _EVENTS:
        try:
            told[name] = sun.event(name, place, day).astimezone(place.zone).isoformat()
        except sun.NoSun:
            told[name] = None
    return told


def _night(night: "Night", place: "Place") -> dict[str, Any]:
    switches = [
        {"at": each.at.astimezone(place.zone).isoformat(), "level": each.level, "ramp_s": each.ramp_s}
        for each in night.switches
    ]
    return {"day": night.day.isoformat(), "programme": night.programme, "switches": switches}


def _draw(svg: Path, source: Path, found: list[Alike], place: "Place", first: date) -> None:
    from edge_agent.cli.faults import fail_file
    from edge_agent.cli.year import Panel, picture
    from tts.files import draft

    last = first + timedelta(days=364)
    panels = [
        Panel(f"{each.title}: {_follows(each.things[0])}", each.plan.nights(first, last))
        for each in found
        if each.plan is not None
    ]
    try:
        with draft(svg, [source]) as out:
            out.write_text(picture(panels, place, first), encoding="utf-8")
    except OSError as error:
        fail_file(error, svg)
