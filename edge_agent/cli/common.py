"""What the commands share."""

import fcntl
import os
from pathlib import Path

import click

from edge_agent.cli.output import BAD_INPUT, fail
from edge_agent.config.load import load
from edge_agent.config.model import NodeConfig
from edge_agent.config.problems import ConfigProblem
from edge_agent.words import say

CONFIG = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


def show_problems(problems: list[ConfigProblem], file: Path) -> None:
    """Each mistake in two lines: where, and what."""
    for problem in problems:
        show_problem(problem)
    click.echo(say("check.count", count=len(problems), file=file), err=True)


def show_notes(notes: list[ConfigProblem]) -> None:
    """What is worth a second look."""
    for note in notes:
        _show(note, say("check.note", text=note.text()))


def show_problem(problem: ConfigProblem) -> None:
    """A mistake in two lines, on standard error."""
    _show(problem, problem.text())


def _show(problem: ConfigProblem, text: str) -> None:
    place = say("check.line", line=problem.place.line, column=problem.place.column)
    click.echo(f"{problem.file}:{problem.place.line}: {problem.path or '-'} ({place})", err=True)
    click.echo(f"    {text}", err=True)


def load_or_fail(file: Path) -> NodeConfig:
    """The configuration, or all its mistakes and exit 2."""
    loaded = load(file)
    if loaded.config is None:
        show_problems(loaded.problems, file)
        raise click.exceptions.Exit(BAD_INPUT)
    return loaded.config


def lock_folder(folder: Path) -> int:
    """One agent a folder: two would write the same numbers."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fail(say("run.busy", path=folder))
    except OSError as error:
        fail(say("run.cannot_start", detail=f"{folder}: {error.strerror}"))
    return lock
