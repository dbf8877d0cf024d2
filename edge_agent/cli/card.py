"""`edge-agent card`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from edge_agent.card.box import Box
from edge_agent.card.checked import Common, checked
from edge_agent.card.columns import column_of
from edge_agent.card.difference import Change, differences
from edge_agent.card.faults import CardFault, SheetFault, SheetProblem
from edge_agent.card.files import NODE, SECRETS, Card, System, card, sealed, system_of
from edge_agent.card.folder import FolderTarget
from edge_agent.card.image import ImageTarget
from edge_agent.card.node import Unusable, node_yaml
from edge_agent.card.sheet import Sheet, read
from edge_agent.card.target import Target, write
from edge_agent.card.tokens import with_tokens
from edge_agent.cli.output import AS_JSON, BAD_INPUT, fail, show_json
from edge_agent.words import say

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("card")
@click.argument("sheet", type=_FILE)
@click.option("--node", help="Name of the node whose card it is; not needed where the sheet has one only.")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Folder of the mounted FAT partition.")
@click.option("--image", type=click.Path(path_type=Path), help="Image file or device to write into, by mtools.")
@click.option(
    "--system", type=click.Choice(["auto", "trixie", "bookworm"]), default="auto", help="Raspberry Pi OS on the card."
)
@click.option("--dry-run", is_flag=True, help="Show what would change, write nothing.")
@click.option("--diff", "with_lines", is_flag=True, help="Show changes line by line, secrets masked.")
@click.option("--tokens", type=_FILE, help="What `edge-hub enrol token --json` printed.")
@click.option("--set", "common", multiple=True, metavar="COLUMN=VALUE", help="A cell for all rows that leave it empty.")
@click.option("--ssh-key", type=_FILE, help="Public keys for all rows that leave ssh_key empty.")
@click.option("--labels", type=_FILE, help="Write a PDF with a label for each box.")
@AS_JSON
def command(sheet: Path, node: str | None, as_json: bool, **options: Any) -> None:
    """Write a box's settings onto its card, from a SHEET of nodes (CSV, or JSON of the hub's list).

    Without --to, --image and --labels: checks the sheet; every mistake has its row and column (exit 2).
    Passwords stand as hashes on the card, the Wi-Fi's as its key. What was on the card stays if anything fails.
    """
    if options["folder"] and options["image"]:
        fail(say("card.one_target"), BAD_INPUT)
    try:
        _run(sheet, node, as_json, options)
    except SheetFault as fault:
        _show_problems(sheet, fault.problems, as_json)
        raise click.exceptions.Exit(BAD_INPUT) from fault
    except CardFault as fault:
        if as_json:
            show_json({"ok": False, "code": fault.code, "text": fault.text()})
            raise click.exceptions.Exit(1) from fault
        fail(fault.text())


def _run(path: Path, name: str | None, as_json: bool, options: dict[str, Any]) -> None:
    read_sheet = read(path)
    boxes, configurations = _checked(read_sheet, path, options)
    notes = [_strange(head, meant) for head, meant in read_sheet.strange]
    chosen = _chosen(boxes, name) if name else boxes
    if options["labels"]:
        _labels(chosen, options["labels"])
        if as_json and not (options["folder"] or options["image"]):
            show_json({"ok": True, "file": str(options["labels"]), "labels": len(chosen)})
        elif not as_json:
            click.echo(say("card.labels", file=options["labels"], count=len(chosen)))
    if options["folder"] or options["image"]:
        if len(chosen) > 1:
            fail(say("card.which", known=", ".join(box.name for box in chosen)), BAD_INPUT)
        target: Target = FolderTarget(options["folder"]) if options["folder"] else ImageTarget(options["image"])
        _write(chosen[0], configurations[chosen[0].name], target, notes, as_json, options)
    elif not options["labels"]:
        _show_checked(path, chosen, notes, as_json)


def _checked(sheet: Sheet, path: Path, options: dict[str, Any]) -> tuple[list[Box], dict[str, bytes]]:
    """All boxes with their configurations. Raises SheetFault with what is wrong in any row."""
    rows = with_tokens(sheet.rows, options["tokens"]) if options["tokens"] else sheet.rows
    common = _common(options)
    boxes = checked(rows, Common(common, path.absolute().parent), datetime.now(UTC))
    problems: list[SheetProblem] = []
    configurations = {}
    for box in boxes:
        try:
            configurations[box.name] = node_yaml(box, path.absolute().parent)
        except Unusable as unusable:
            problems.append(unusable.problem)
        if options["labels"] and not box.console:
            problems.append(SheetProblem(box.row, "console", "card.console_missing"))
    if problems:
        raise SheetFault(problems)
    return boxes, configurations


def _common(options: dict[str, Any]) -> dict[str, str]:
    common = {}
    for each in options["common"]:
        head, equals, value = each.partition("=")
        column = column_of(head)
        if not equals or column is None:
            raise click.BadParameter(each.partition("=")[0], param_hint="--set")
        common[column] = value
    if options["ssh_key"]:
        try:
            common["ssh_key"] = options["ssh_key"].read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CardFault("card.sheet_unreadable", file=str(options["ssh_key"]), detail=str(error)) from error
    return common


def _chosen(boxes: list[Box], name: str) -> list[Box]:
    chosen = [box for box in boxes if box.name == name]
    if not chosen:
        fail(say("card.no_node", node=name, known=", ".join(box.name for box in boxes)[:500]), BAD_INPUT)
    return chosen


def _write(
    box: Box, configuration: bytes, target: Target, notes: list[str], as_json: bool, options: dict[str, Any]
) -> None:
    system: System = system_of(target) if options["system"] == "auto" else options["system"]
    made = card(sealed(box), configuration, system, target)
    changes = differences(made, target)
    notes = [*notes, *_notes(made, target)]
    if not options["dry_run"]:
        write(target, made.files)
    if as_json:
        show_json(
            {
                "ok": True,
                "node": f"{box.commune}/{box.name}",
                "system": system,
                "written": not options["dry_run"],
                "files": [change.as_json() for change in changes],
                "notes": notes,
            }
        )
        return
    for change in changes:
        _show_change(change, options["with_lines"])
    for note in notes:
        click.echo(note, err=True)
    key = "card.dry" if options["dry_run"] else "card.done"
    written = sum(data is not None for data in made.files.values())
    click.echo(say(key, node=f"{box.commune}/{box.name}", system=system, count=written))


def _notes(made: Card, target: Target) -> list[str]:
    notes = []
    box = made.box
    held = _held(target)
    if held and held != box.name:
        notes.append(say("card.held", other=held, node=box.name))
    if box.enrolment is None:
        notes.append(say("card.no_enrolment", node=box.name))
    if box.wifi is not None and not box.wifi.key:
        notes.append(say("card.wifi_open", ssid=box.wifi.ssid))
    if any(path.startswith(f"{SECRETS}/") for path, data in made.files.items() if data is not None):
        notes.append(say("card.clear_secrets"))
    return notes


def _held(target: Target) -> str | None:
    """Whose card it was until now."""
    from edge_agent.config.yaml import YamlFault
    from edge_agent.config.yaml import read as read_yaml

    try:
        data = read_yaml((target.read(NODE) or b"").decode("utf-8", "replace")).data
        return str(data["node"]["name"])
    except (YamlFault, KeyError, TypeError):
        return None


def _show_change(change: Change, with_lines: bool) -> None:
    word = {
        "new": say("card.file_new"),
        "changed": say("card.file_changed"),
        "same": say("card.file_same"),
        "removed": say("card.file_removed"),
    }[change.change]
    click.echo(say("card.file", change=word, path=change.path))
    for line in change.lines if with_lines else ():
        click.echo(f"      {line}")


def _show_checked(path: Path, boxes: list[Box], notes: list[str], as_json: bool) -> None:
    if as_json:
        nodes = [{"row": box.row, "node": f"{box.commune}/{box.name}", "devices": box.devices} for box in boxes]
        show_json({"ok": True, "file": str(path), "nodes": nodes, "notes": notes})
        return
    for note in notes:
        click.echo(note, err=True)
    click.echo(say("card.checked", file=path, count=len(boxes)))


def _show_problems(path: Path, problems: list[SheetProblem], as_json: bool) -> None:
    if as_json:
        show_json({"ok": False, "file": str(path), "problems": [problem.as_json() for problem in problems]})
        return
    for problem in problems:
        click.echo(say("card.problem", row=problem.row, column=problem.column, text=problem.text()), err=True)
    click.echo(say("card.problems", count=len(problems), file=path), err=True)


def _strange(head: str, meant: str) -> str:
    return say("card.strange_meant", head=head, guess=meant) if meant else say("card.strange", head=head)


def _labels(boxes: list[Box], path: Path) -> None:
    from edge_agent.card.labels import labels

    try:
        beside = path.with_name(f".{path.name}.new")
        beside.write_bytes(labels(boxes))
        beside.replace(path)
    except OSError as error:
        raise CardFault("card.unwritable", path=str(path), detail=error.strerror or str(error)) from error
