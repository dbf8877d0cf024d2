"""`edge-agent rules`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from edge_agent.cli.common import CONFIG, load_or_fail
from edge_agent.cli.output import AS_JSON, BAD_INPUT, fail, show_json
from edge_agent.words import language, say

if TYPE_CHECKING:
    from edge_agent.config.model import NodeConfig
    from edge_agent.config.rules import Rule
    from edge_agent.rules.recorded import Sample
    from edge_agent.rules.rehearsal import Rehearsal
    from edge_agent.rules.scene import Scene


@click.command("rules")
@CONFIG
@click.option(
    "--try", "data", type=click.Path(path_type=Path, dir_okay=False), help="Recorded data: CSV of time,sensor,value."
)
@click.option("--from-node", is_flag=True, help="The data that the node's own database still holds.")
@click.option("--hours", type=click.FloatRange(0, 24 * 366, min_open=True), default=48, show_default=True,
              help="With --from-node: how far back.")  # fmt: skip
@click.option("--rule", "only", help="Only the rule of this id.")
@click.option("--flow", type=click.FloatRange(0, min_open=True), help="Litres a minute that flow while it acts.")
@click.option("--often", type=click.IntRange(1, 1000), default=6, show_default=True,
              help="Warn of a rule that begins more often than this within an hour.")  # fmt: skip
@AS_JSON
def command(
    file: Path, data: Path | None, from_node: bool, hours: float, only: str | None, flow: float | None, often: int,
    as_json: bool,
) -> None:  # fmt: skip
    """Tell what the rules of FILE do, and try them over recorded data before they are armed.

    Nothing is switched, and a running node is not disturbed. Exit 2 when the data cannot be read.
    """
    from edge_agent.rules.scene import Scene

    if data is not None and from_node:
        raise click.UsageError(say("rules.one_source"))
    config = load_or_fail(file)
    rules = _chosen(config, only)
    scene, zone = Scene.of(config), ZoneInfo(config.node.timezone)
    if data is None and not from_node:
        _list(rules, scene, as_json)
        return
    samples = _samples(config, data, hours, zone)
    from edge_agent.rules.rehearsal import rehearse

    tried = [rehearse(rule, scene, samples, flow) for rule in rules]
    if as_json:
        show_json({"rules": [_as_json(each, often) for each in tried]})
        return
    if from_node:
        click.echo(say("rules.only_unconfirmed"), err=True)
    for each in tried:
        _show(each, zone, often)


def _chosen(config: "NodeConfig", only: str | None) -> "list[Rule]":
    if only is None:
        return list(config.rules)
    found = [rule for rule in config.rules if rule.id == only]
    if not found:
        from edge_agent.config.problems import guess

        known = [rule.id for rule in config.rules]
        meant = guess(only, known)
        hint = " " + say("config.meant", guess=meant) if meant else ""
        fail(say("rules.unknown", rule=only, known=", ".join(known) or "-") + hint, BAD_INPUT)
    return found


def _samples(config: "NodeConfig", data: Path | None, hours: float, zone: ZoneInfo) -> "list[Sample]":
    from edge_agent.cli.faults import fail_file
    from edge_agent.rules.recorded import BadRecording, read_csv, read_database

    try:
        if data is not None:
            return read_csv(data, zone)
        return read_database(config.storage.path / "node.db", hours, datetime.now(UTC))
    except BadRecording as fault:
        fail(f"{data}: {say(fault.key, **fault.params)}" if data else say(fault.key, **fault.params), BAD_INPUT)
    except OSError as error:
        fail_file(error, data or config.storage.path)


def _list(rules: "list[Rule]", scene: "Scene", as_json: bool) -> None:
    from edge_agent.rules.sentences import Sentences

    told = [(rule, Sentences(rule, scene).purpose()) for rule in rules]
    if as_json:
        entries = [
            {"id": rule.id, "name": rule.name, "thing": rule.thing, "armed": rule.armed, "vi": words.vi, "en": words.en}
            for rule, words in told
        ]
        show_json({"rules": entries})
        return
    for rule, words in told:
        state = say("rules.armed" if rule.armed else "rules.watching")
        click.echo(f"{rule.name} [{rule.id}] – {state}")
        click.echo(f"    {words.vi if language() == 'vi' else words.en}")
    click.echo(say("rules.count", count=len(told)))


def _show(tried: "Rehearsal", zone: ZoneInfo, often: int) -> None:
    from edge_agent.contract.sentences import spelled

    def local(at: datetime) -> str:
        return f"{at.astimezone(zone):%H:%M:%S %d/%m}"

    click.echo(f"{tried.rule.name} [{tried.rule.id}]  {local(tried.begin)} – {local(tried.end)}")
    for step in tried.steps:
        click.echo(f"  {local(step.at)}  {say(f'rules.{step.did}'):7}  {spelled(step.said.text(language()), local)}")
    click.echo("  " + say("rules.totals", **_totals(tried)))
    for sentence in _warnings(tried, often):
        click.echo("  " + say("rules.warning", sentence=sentence))


def _totals(tried: "Rehearsal") -> dict[str, str | int]:
    from edge_agent.control.wording import Words, duration, number

    def said(words: Words) -> str:
        return words.vi if language() == "vi" else words.en

    return {
        "times": len(tried.runs),
        "total": said(duration(round(tried.acted_s))),
        "longest": said(duration(round(tried.longest_s))),
        "litres": "" if tried.litres is None else say("rules.litres", litres=said(number(round(tried.litres, 1)))),
    }


def _warnings(tried: "Rehearsal", often: int) -> list[str]:
    """What a person should look at before the rule is armed."""
    found = []
    if tried.missing:
        found.append(say("rules.missing", sensors=", ".join(tried.missing)))
    if not tried.runs:
        found.append(say("rules.never"))
    if tried.busiest > often:
        found.append(say("rules.often", times=tried.busiest, often=often))
    whole = (tried.end - tried.begin).total_seconds()
    if whole and tried.unknown_s / whole > 0.1:
        found.append(say("rules.blind", percent=round(100 * tried.unknown_s / whole)))
    return found


def _as_json(tried: "Rehearsal", often: int) -> dict[str, Any]:
    steps = [
        {"at": step.at.isoformat(), "did": step.did, "code": step.said.code, "vi": step.said.vi, "en": step.said.en}
        | ({"ran_s": step.ran_s} if step.ran_s is not None else {})
        for step in tried.steps
    ]
    return {
        "id": tried.rule.id,
        "from": tried.begin.isoformat(),
        "to": tried.end.isoformat(),
        "steps": steps,
        "times": len(tried.runs),
        "acted_s": tried.acted_s,
        "longest_s": tried.longest_s,
        "litres": tried.litres,
        "busiest_hour": tried.busiest,
        "unknown_s": tried.unknown_s,
        "missing": list(tried.missing),
        "warnings": _warnings(tried, often),
    }
