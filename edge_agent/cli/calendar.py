"""`edge-agent calendar`."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_agent.cli.output import AS_JSON, BAD_INPUT, show_json
from edge_agent.words import explain, say

if TYPE_CHECKING:
    from edge_agent.calendar import Violation

_FILE = click.Path(path_type=Path, dir_okay=False)
_SOURCE = click.argument("source", type=_FILE)
_FROM = click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="The first day.  [default: today]")
_HOURS = click.option(
    "--hours", help="Lawful hours: a preset (two-sessions, urban, rural, none) or a YAML file.  [default: the node's]"
)


@click.group("calendar")
def command() -> None:
    """Show, check, import and export bulletins.

    SOURCE is a node's configuration (what that node has planned), an .ics file, or a YAML or JSON file of bulletins.
    """


@command.command("show")
@_SOURCE
@click.option("--days", type=click.IntRange(1, 366), default=7, show_default=True, help="How many days.")
@_FROM
@_HOURS
@click.option("--week", "as_week", is_flag=True, help="A picture of the first seven days.")
@AS_JSON
def show(source: Path, days: int, first: datetime | None, hours: str | None, as_week: bool, as_json: bool) -> None:
    """Show what is on air in the coming days, with lunar dates."""
    from edge_agent.calendar import between
    from edge_agent.cli import agenda
    from edge_agent.cli.bulletins import hours_of, load_source, show_untaken

    loaded = load_source(source)
    policy = hours_of(hours) if hours else loaded.policy
    start = _midnight(first, loaded.zone)
    found = between(loaded.bulletins, start, _midnight(start + timedelta(days=days), loaded.zone), loaded.zone)
    known = {bulletin.id: bulletin for bulletin in loaded.bulletins}
    told = agenda.days_of(found, known, start.date(), days, loaded.zone)
    if as_json:
        show_json({"source": str(source), "zone": loaded.zone.key, "days": told, "untaken": _untaken(loaded.untaken)})
        return
    show_untaken(loaded.untaken, source)
    if as_week:
        click.echo("\n".join(agenda.week(told, policy, loaded.zone)))
        return
    for line in agenda.lines(told):
        click.echo(line)
    click.echo(say("calendar.count", count=len(found), days=days, bulletins=len(known)))


@command.command("check")
@_SOURCE
@click.option("--days", type=click.IntRange(1, 366), default=60, show_default=True, help="How many days ahead.")
@_FROM
@_HOURS
@AS_JSON
def check(source: Path, days: int, first: datetime | None, hours: str | None, as_json: bool) -> None:
    """Check the coming days against the lawful hours. Exit 2 if something would be refused.

    Lengths are judged by the number of words; the node counts what it really airs.
    """
    from edge_agent.calendar import Policy, check_all, estimate_s
    from edge_agent.cli.bulletins import hours_of, load_source, show_untaken

    loaded = load_source(source)
    policy = hours_of(hours) if hours else loaded.policy or Policy()
    now = _midnight(first, loaded.zone) if first else datetime.now(UTC)
    found: list[Violation] = []
    for speaker in {bulletin.speaker for bulletin in loaded.bulletins}:  # each has sessions of its own
        plans = [(each, estimate_s(each)) for each in loaded.bulletins if each.speaker == speaker]
        found += check_all(policy, plans, now=now, zone=loaded.zone, days=days)
    found.sort(key=lambda each: (each.at, each.bulletin))
    titles = {bulletin.id: bulletin.title for bulletin in loaded.bulletins}
    if as_json:
        told: list[dict[str, Any]] = [
            {"bulletin": each.bulletin, "title": titles[each.bulletin], "at": each.at.isoformat(), "rule": each.rule}
            | {"text": explain(each.fault), "next_lawful": each.next_lawful and each.next_lawful.isoformat()}
            for each in found
        ]
        show_json({"source": str(source), "ok": not found, "violations": told, "untaken": _untaken(loaded.untaken)})
    else:
        show_untaken(loaded.untaken, source)
        if policy == Policy(exempt=policy.exempt):
            click.echo(say("calendar.any_hour"))
        _show_violations(found, titles)
        click.echo(say("calendar.lawful" if not found else "calendar.unlawful", count=len(found), days=days))
    if found:
        raise click.exceptions.Exit(BAD_INPUT)


@command.command("import")
@click.argument("file", type=_FILE)
@click.argument("out", type=_FILE, required=False)
@AS_JSON
def import_(file: Path, out: Path | None, as_json: bool) -> None:
    """Read the .ics file FILE and write its bulletins to OUT (JSON), which the other commands read.

    What could not be taken is told with its line and reason. Exit 2 if nothing could be.
    """
    from edge_agent.cli.bulletins import load_source, show_untaken

    loaded = load_source(file)
    bodies = [bulletin.model_dump(mode="json", by_alias=True, exclude_none=True) for bulletin in loaded.bulletins]
    if out is not None:
        _write(out, json.dumps({"bulletins": bodies}, ensure_ascii=False, indent=1).encode() + b"\n", file)
    if as_json:
        show_json({"file": str(file), "bulletins": bodies, "untaken": _untaken(loaded.untaken)})
    else:
        show_untaken(loaded.untaken, file)
        for bulletin in loaded.bulletins:
            rule = "" if bulletin.recurrence is None else bulletin.recurrence.rule or say("calendar.by_the_moon")
            at = bulletin.at.astimezone(loaded.zone)
            click.echo(f"{at:%H:%M %d/%m/%Y}  {bulletin.title} [{bulletin.id}]  {rule}".rstrip())
        click.echo(say("calendar.imported", count=len(bodies), untaken=len(loaded.untaken)))
        if bodies:
            click.echo(say("calendar.go_on", file=out or file))
    if not bodies:
        raise click.exceptions.Exit(BAD_INPUT)


@command.command("export")
@_SOURCE
@click.argument("out", type=_FILE)
@AS_JSON
def export(source: Path, out: Path, as_json: bool) -> None:
    """Write the bulletins of SOURCE to OUT (.ics), for the calendars of phones and offices."""
    from edge_agent.calendar.ical_write import to_ical
    from edge_agent.cli.bulletins import load_source, show_untaken

    loaded = load_source(source)
    data = to_ical(loaded.bulletins, loaded.zone, name=loaded.name, now=datetime.now(UTC))
    events = data.count(b"BEGIN:VEVENT")
    _write(out, data, source)
    if as_json:
        told: dict[str, Any] = {"file": str(out), "bulletins": len(loaded.bulletins), "events": events}
        show_json(told | {"untaken": _untaken(loaded.untaken)})
        return
    show_untaken(loaded.untaken, source)
    click.echo(say("calendar.exported", file=out, bulletins=len(loaded.bulletins), events=events))


def _show_violations(found: "list[Violation]", titles: dict[str, str]) -> None:
    """The first of each bulletin and rule as a sentence, and how often it happens again."""
    alike: dict[tuple[str, str], list[Violation]] = {}
    for each in found:
        alike.setdefault((each.bulletin, each.rule), []).append(each)
    for (bulletin, _rule), violations in alike.items():
        click.echo(f"{titles[bulletin]} [{bulletin}]: {explain(violations[0].fault)}", err=True)
        if len(violations) > 1:
            click.echo("    " + say("calendar.again", count=len(violations) - 1), err=True)


def _midnight(day: datetime | None, zone: Any) -> datetime:
    """The local midnight with which a day begins; of today where none is given."""
    day = day or datetime.now(zone)
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def _untaken(untaken: Any) -> list[dict[str, Any]]:
    return [
        {"line": each.line, "uid": each.uid, "code": each.fault.code, "text": explain(each.fault)} for each in untaken
    ]


def _write(out: Path, data: bytes, source: Path) -> None:
    from edge_agent.cli.faults import fail_file
    from tts.files import draft

    try:
        with draft(out, [source]) as file:
            file.write_bytes(data)
    except OSError as error:
        fail_file(error, out)
