"""`edge-agent programme`."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_agent.cli.faults import detail_of, fail_file, reason_of
from edge_agent.cli.output import AS_JSON, BAD_INPUT, fail, show_json
from edge_agent.config.yaml import code_of as yaml_code
from edge_agent.contract.sentences import sentence, sentences
from edge_agent.words import language, say

if TYPE_CHECKING:
    from tts.programme import CueSheet, Estimate, Problem, Script
    from tts.programme.render import Tell

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("programme")
@click.argument("script", type=_FILE)
@click.argument("out", type=_FILE, required=False)
@click.option("--cue", type=_FILE, help="Where the cue sheet goes.  [default: OUT with the ending .cue.json]")
@click.option("--check", "only_check", is_flag=True, help="Speak nothing: what is read how, what is asked, how long.")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="The day of airing, for greetings.")
@click.option(
    "--cache", type=click.Path(path_type=Path, file_okay=False), help="Folder of finished items, for the next time."
)
@AS_JSON
def command(
    script: Path,
    out: Path | None,
    cue: Path | None,
    only_check: bool,
    day: datetime | None,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Make a programme from the YAML file SCRIPT and write it to OUT (.flac, .opus, .ogg or .wav), with a cue sheet.

    Whatever was finished before is not made again; a render that was stopped goes on where it was. Texts are read
    before anything is spoken: exit 2 if the script has mistakes, or something in it must be asked first.
    """
    from tts.programme import ScriptError, load

    if out is None and not only_check:
        raise click.UsageError("Missing argument 'OUT'.")
    try:
        loaded = load(script)
        if only_check or out is None:
            _check(loaded, script, day, as_json)
        else:
            cue = cue or out.with_suffix(".cue.json")
            _spare(script, loaded, out, cue)
            sheet = _render(loaded, out, day, cache, quiet=as_json)
            sheet.write(cue)
            _show(sheet, cue, as_json)
    except ScriptError as error:
        _show_problems(script, error.problems, as_json)
        raise click.exceptions.Exit(BAD_INPUT) from error
    except OSError as error:
        fail_file(error, out)


def _spare(script: Path, loaded: "Script", out: Path, cue: Path) -> None:
    """Refuse, before the work, names that would destroy a file of the script or one another."""
    from tts.files import real_target
    from tts.programme.check import inputs

    needed = [script, *inputs(loaded)]
    real_target(out, needed)
    real_target(cue, [*needed, out])
    if not cue.absolute().parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(cue))


def _render(script: "Script", out: Path, day: datetime | None, cache: Path | None, *, quiet: bool) -> "CueSheet":
    from tts.programme import render
    from tts.programme.encode import OutputError

    try:
        with _progress(quiet) as tell:
            return render(script, out, day=day.date() if day else None, cache_dir=cache or _cache(), tell=tell)
    except OutputError as error:
        fail(say("programme.output", detail=detail_of(error.why, error.params, error.detail)), BAD_INPUT)


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "edge-agent" / "speech"


@contextlib.contextmanager
def _progress(quiet: bool) -> Iterator["Tell | None"]:
    """Two bars on a terminal: items made, seconds written."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(progress: Any) -> None:
            words = say(f"programme.{progress.stage}", title=progress.title)
            if progress.stage not in tasks:
                tasks[progress.stage] = bars.add_task(words, total=progress.count)
            bars.update(tasks[progress.stage], completed=progress.done, description=words)

        yield tell


def _show(sheet: "CueSheet", cue: Path, as_json: bool) -> None:
    if as_json:
        show_json(sheet.as_json())
        return
    for each in sheet.items:
        who = "/".join(part for part in (each.voice, each.engine) if part)
        loud = f"{each.loudness:6.1f}" if each.loudness is not None else "     -"
        words = each.title or each.spoken.replace("\n", " ") or each.written
        click.echo(
            f"{_clock(each.start_s)} {each.end_s - each.start_s:6.1f} s {loud}  {each.kind:<9} {who}: {_cut(words)}"
        )
        if not each.reached:
            click.echo("    " + say("programme.softer"), err=True)
        for code in each.warnings:
            click.echo("    " + say(code), err=True)
        for attempt in each.tried:
            click.echo(f"    {attempt.engine}: {attempt.code}, {attempt.detail}", err=True)
    loudness = "-" if sheet.loudness is None else f"{sheet.loudness:.1f}"
    length = _clock(sheet.seconds)
    click.echo(
        say("programme.done", output=sheet.file, length=length, loudness=loudness, spread=f"{sheet.spread():.2f}")
    )
    if sheet.level < sheet.target - 0.5:
        click.echo(say("programme.lowered", level=f"{sheet.level:.1f}", target=f"{sheet.target:.1f}"), err=True)
    click.echo(say("programme.cue", path=cue))


def _check(script: "Script", file: Path, day: datetime | None, as_json: bool) -> None:
    from tts.programme import check

    tried = check(script, day.date() if day else None)
    if as_json:
        show_json(_estimate(tried, file))
    else:
        for line, reading in tried.lines:
            click.echo(f"{line.segment + 1:3} {line.kind:<9} {line.voice}: {reading.spoken}")
        click.echo(say("programme.length", length=_clock(tried.seconds), lines=len(tried.lines)))
        for warning in tried.warnings:
            click.echo(f"{file}:{warning.line}: {say('programme.note', text=_sentence(warning))}", err=True)
        if tried.problems:
            _show_problems(file, tried.problems, as_json=False)
    if tried.problems:
        raise click.exceptions.Exit(BAD_INPUT)


def _estimate(tried: "Estimate", file: Path) -> dict[str, Any]:
    lines = [
        {"segment": line.segment + 1, "kind": line.kind, "voice": line.voice, "written": reading.written}
        | {"spoken": reading.spoken, "questions": [asdict(question) for question in reading.questions]}
        for line, reading in tried.lines
    ]
    problems = [_problem(problem) for problem in tried.problems]
    warnings = [_problem(warning) for warning in tried.warnings]
    told = {"file": str(file), "ok": not problems, "seconds": tried.seconds, "lines": lines}
    return told | {"problems": problems, "warnings": warnings}


def _show_problems(file: Path, problems: "list[Problem]", as_json: bool) -> None:
    if as_json:
        show_json({"file": str(file), "ok": False, "problems": [_problem(problem) for problem in problems]})
        return
    if problems[0].code == "programme.unreadable":
        fail(f"{file}: {_sentence(problems[0])}", BAD_INPUT)
    for problem in problems:
        place = say("check.line", line=problem.line, column=problem.column)
        click.echo(f"{file}:{problem.line}: {problem.path or '-'} ({place})", err=True)
        click.echo(f"    {_sentence(problem)}", err=True)
    click.echo(say("programme.count", count=len(problems), file=file), err=True)


def _problem(problem: "Problem") -> dict[str, Any]:
    shown = asdict(problem)
    return {key: shown[key] for key in ("line", "column", "path", "code", "detail")} | {"text": _sentence(problem)}


def _sentence(problem: "Problem") -> str:
    """What is wrong, in the language of the terminal. Mistakes of form have the words of a node's configuration."""
    context = problem.context
    detail = detail_of(context.get("why", ""), context.get("params", {}), context.get("detail", problem.detail))
    if "errno" in context:
        detail = reason_of(OSError(context["errno"], detail))
    if problem.code == "programme.yaml" and (known := yaml_code(context["said"])):
        return say(known)
    if problem.code.startswith("programme."):
        return say(problem.code, **{**context, "detail": detail})
    if problem.code in sentences(language()):
        return sentence(problem.code, language(), {"detail": detail})
    from edge_agent.config.problems import translate

    code, params = translate({"type": problem.code, "msg": problem.detail, "ctx": problem.context})
    params.setdefault("key", problem.path.rpartition(".")[2])
    return say(code, **params)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{int(minutes):3}:{rest:04.1f}"


def _cut(words: str) -> str:
    return words if len(words) <= 60 else words[:59] + "…"
