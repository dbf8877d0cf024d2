"""What `edge-agent plan` tells: lines for a person, or one JSON document."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from edge_agent.calendar import next_after
from edge_agent.calendar.ical_read import Untaken
from edge_agent.cli.bulletins import DEFAULT_ZONE
from edge_agent.cli.common import show_problem
from edge_agent.cli.drafts import Draft
from edge_agent.cli.planning import Answers, Upload, nodes_json
from edge_agent.media.local import LocalSound
from edge_agent.words import explain, say


def sounds_of(drafts: list[Draft]) -> list[LocalSound]:
    """Each recording once."""
    return list({sound.sha256: sound for draft in drafts for sound in draft.sounds}.values())


@contextmanager
def bar(sound: LocalSound) -> Iterator[Callable[[int], None]]:
    """A bar on standard error; what it gives is called with the bytes of each part."""
    label = say("plan.sending", file=sound.path.name, size=_size(sound.bytes))
    with click.progressbar(length=sound.bytes, label=label, file=sys.stderr) as shown:
        yield shown.update


@contextmanager
def no_bar(_sound: LocalSound) -> Iterator[Callable[[int], None]]:
    """The same without a bar."""
    yield lambda _size: None


def show_problems(drafts: list[Draft]) -> None:
    """What is wrong with each bulletin, on standard error."""
    for draft in drafts:
        if draft.problems:
            click.echo(say("plan.wrong", name=_name(draft)), err=True)
        for problem in draft.problems:
            show_problem(problem)


def show_intent(good: list[Draft], node: str) -> None:
    """What would be sent."""
    sounds = sounds_of(good)
    now, zone = datetime.now(UTC), ZoneInfo(DEFAULT_ZONE)
    for draft in good:
        assert draft.bulletin is not None  # noqa: S101 - the good ones have one
        coming = next_after(draft.bulletin, now, zone)
        at = "" if coming is None else f"{coming.at.astimezone(zone):%H:%M %d/%m/%Y}"
        click.echo(f"{_name(draft)}: {at}")
    for sound in sounds:
        click.echo(say("plan.would_upload", file=sound.path, size=_size(sound.bytes)))
    click.echo(say("plan.would", count=len(good), sounds=len(sounds), node=node))


def show_upload(done: Upload) -> None:
    """What became of a recording."""
    name = str(done.sound.path)
    if done.fault is not None:
        click.echo(f"{name}: {explain(done.fault)}", err=True)
    else:
        click.echo(say("plan.sent" if done.sent else "plan.there", file=name, sha256=done.sound.sha256[:12]))


def show_answers(told: Answers) -> None:
    """What became of a bulletin on each node."""
    name = _name(told.draft)
    if told.fault is not None:
        click.echo(f"{name}: {say('plan.not_sent', reason=explain(told.fault))}", err=True)
    for node, ack in sorted(told.acks.items()):
        if ack.state == "done":
            click.echo(f"{name}: {node}: {_readiness(told, node)}")
        elif ack.state != "accepted":
            reason = explain(ack.fault) if ack.fault else ""
            click.echo(f"{name}: {node}: {say(f'send.{ack.state}', reason=reason)}", err=True)
    for node in told.silent:
        click.echo(f"{name}: {node}: {say('plan.silent')}", err=True)


def _readiness(told: Answers, node: str) -> str:
    state = told.states.get(node)
    at = (told.acks[node].result or {}).get("next")
    when = f"{datetime.fromisoformat(at).astimezone():%H:%M:%S %d/%m/%Y}" if isinstance(at, str) else "-"
    if node not in told.unready():
        warning = f" {explain(state.fault)}" if state is not None and state.fault is not None else ""
        return say("plan.ready", at=when) + warning
    done, of = (state.prepared or 0, state.needed or "?") if state is not None else (0, "?")
    reason = f" {explain(state.fault)}" if state is not None and state.fault is not None else ""
    return say("plan.preparing", at=when, done=done, of=of) + reason


def _name(draft: Draft) -> str:
    return f"{draft.title or '?'} [{draft.id or '?'}]"


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def untaken_json(untaken: list[Untaken]) -> list[dict[str, Any]]:
    """What of an .ics file was left out."""
    return [{"line": e.line, "uid": e.uid, "code": e.fault.code, "text": explain(e.fault)} for e in untaken]


def outcome(
    file: Path, node: str, drafts: list[Draft], uploads: dict[str, Upload], told: list[Answers], only_check: bool
) -> dict[str, Any]:
    """All of it, for `--json`."""
    answers = {id(each.draft): each for each in told}
    bulletins = []
    for draft in drafts:
        entry: dict[str, Any] = {"id": draft.id, "title": draft.title, "line": draft.place().line}
        entry["problems"] = [problem.as_json() for problem in draft.problems]
        each = answers.get(id(draft))
        if each is not None:
            entry |= {"taken": each.taken, "fault": each.fault and each.fault.model_dump(), "nodes": nodes_json(each)}
        bulletins.append(entry)
    ok = all(draft.bulletin is not None for draft in drafts) and all(each.taken for each in told)
    sounds = [_sound_json(sound, uploads.get(sound.sha256)) for sound in sounds_of(drafts)]
    found = {"file": str(file), "node": node, "checked_only": only_check, "ok": ok}
    return found | {"bulletins": bulletins, "sounds": sounds}


def _sound_json(sound: LocalSound, done: Upload | None) -> dict[str, Any]:
    told: dict[str, Any] = {"file": str(sound.path), "sha256": sound.sha256, "bytes": sound.bytes}
    if done is not None:
        told |= {"sent": done.sent, "fault": done.fault and done.fault.model_dump()}
    return told
