"""Where the commands `calendar` and `plan` find bulletins: a node, an .ics file, or a list in YAML or JSON."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from zoneinfo import ZoneInfo

import click
from pydantic import ValidationError

from edge_agent.calendar import Policy, policy_of
from edge_agent.calendar.ical_read import Untaken, from_ical
from edge_agent.calendar.ical_scan import MAX_BYTES
from edge_agent.calendar.policy import PRESETS
from edge_agent.cli.common import load_or_fail, show_problem
from edge_agent.cli.drafts import Draft, drafts_of
from edge_agent.cli.faults import fail_file
from edge_agent.cli.output import BAD_INPUT, fail
from edge_agent.config.broadcast import LawfulHours
from edge_agent.config.model import NodeConfig
from edge_agent.config.problems import ConfigProblem
from edge_agent.config.yaml import Document, YamlFault, read
from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.errors import Refusal
from edge_agent.words import explain, say

DEFAULT_ZONE = "Asia/Ho_Chi_Minh"


@dataclass
class Source:
    """What was found. `policy`: the lawful hours of a node; None: the file has none."""

    name: str
    zone: ZoneInfo
    bulletins: list[Bulletin]
    untaken: list[Untaken] = field(default_factory=list)
    policy: Policy | None = None


def load_source(file: Path) -> Source:
    """Read a file of any of the kinds, or end with what is wrong with it."""
    data = read_bytes(file)
    if _is_ics(file, data):
        return _ics(file, data)
    document = _document(file, data)
    if isinstance(document.data, Mapping) and "node" in document.data:
        return _node(load_or_fail(file))
    return Source(file.stem, ZoneInfo(DEFAULT_ZONE), _listed(file, document))


def read_bytes(file: Path) -> bytes:
    """The file, if it is not too large to be one of ours."""
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        fail_file(error, file)
    if len(data) > MAX_BYTES:
        fail(f"{file}: {say('ical.too_big', limit=MAX_BYTES // 1_000_000)}", BAD_INPUT)
    return data


def hours_of(said: str) -> Policy:
    """Lawful hours by the name of a preset, or from a YAML file with a section broadcast."""
    if said in PRESETS:
        return policy_of(LawfulHours.model_validate({"preset": said}))
    file = Path(said)
    data = _document(file, read_bytes(file)).data
    if isinstance(data, Mapping) and "node" in data:
        return policy_of(load_or_fail(file).broadcast.hours)
    broadcast = data.get("broadcast") if isinstance(data, Mapping) else None
    try:
        return policy_of(LawfulHours.model_validate(broadcast["hours"] if isinstance(broadcast, Mapping) else None))
    except (ValidationError, KeyError):
        fail(say("calendar.no_hours", file=file, presets=", ".join(PRESETS)), BAD_INPUT)


def show_untaken(untaken: list[Untaken], file: Path) -> None:
    """One line for each thing that was left out, on standard error."""
    for each in untaken:
        click.echo(f"{file}:{each.line}: {each.uid}: {explain(each.fault)}", err=True)


def load_drafts(file: Path) -> tuple[list[Draft], list[Untaken]]:
    """The bulletins of a list or an .ics file, the wrong ones with what is wrong; or end where it is neither."""
    data = read_bytes(file)
    if _is_ics(file, data):
        source = _ics(file, data)
        return [Draft(each.id, each.title, bulletin=each) for each in source.bulletins], source.untaken
    document = _document(file, data)
    if isinstance(document.data, Mapping) and "node" in document.data:
        fail(say("plan.is_node", file=file), BAD_INPUT)
    return drafts_of(file, document), []


def _is_ics(file: Path, data: bytes) -> bool:
    return data.lstrip(b"\xef\xbb\xbf \r\n\t")[:15].upper() == b"BEGIN:VCALENDAR" or file.suffix.lower() == ".ics"


def _ics(file: Path, data: bytes) -> Source:
    zone = ZoneInfo(DEFAULT_ZONE)
    try:
        imported = from_ical(data, zone)
    except Refusal as refusal:
        fail(f"{file}: {explain(refusal.fault)}", BAD_INPUT)
    return Source(file.stem, zone, imported.bulletins, imported.untaken)


def _node(config: NodeConfig) -> Source:
    """The bulletins that a node has planned; its agent may be running."""
    found: list[Bulletin] = []
    path = config.storage.path / "node.db"
    if path.exists():
        try:
            database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
            try:
                bodies = database.execute("SELECT body FROM bulletin WHERE state = 'planned' ORDER BY id").fetchall()
            finally:
                database.close()
        except sqlite3.Error as error:
            fail(say("calendar.database", path=path, detail=error))
        for (body,) in bodies:
            try:
                found.append(Bulletin.model_validate_json(body))
            except ValidationError:
                click.echo(say("calendar.unreadable", path=path), err=True)
    else:
        click.echo(say("calendar.no_database", path=path), err=True)
    name = f"{config.node.commune}-{config.node.name}"
    return Source(name, ZoneInfo(config.node.timezone), found, policy=policy_of(config.broadcast.hours))


def _document(file: Path, data: bytes) -> Document:
    try:
        return read(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        fail(f"{file}: {say('config.not_utf8', detail=error.reason)}", BAD_INPUT)
    except YamlFault as fault:
        _fail_with([ConfigProblem(str(file), fault.place, "", fault.code, fault.params)])


def _listed(file: Path, document: Document) -> list[Bulletin]:
    """All bulletins of a list, or every mistake of it and the end."""
    drafts = drafts_of(file, document)
    problems = [problem for draft in drafts for problem in draft.problems]
    if problems:
        _fail_with(problems)
    return [draft.bulletin for draft in drafts if draft.bulletin is not None]


def _fail_with(problems: list[ConfigProblem]) -> NoReturn:
    for problem in problems:
        show_problem(problem)
    raise click.exceptions.Exit(BAD_INPUT)
