"""`edge-agent enrol`."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from pydantic import ValidationError

from edge_agent.cli.common import CONFIG, load_or_fail
from edge_agent.cli.output import AS_JSON, BAD_INPUT, fail, show_json
from edge_agent.clock import SystemClock
from edge_agent.config.model import NodeConfig
from edge_agent.contract.enrolment import CardEnrolment
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.firstboot.text import NotText, decoded
from edge_agent.identity.enrolment import FINAL, enrol
from edge_agent.identity.folder import IdentityFolder
from edge_agent.identity.when import day, written
from edge_agent.words import explain, say

_MOST = 64 * 1024


@click.command("enrol")
@CONFIG
@click.argument("token", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--since", help="ISO 8601: it is later than this for sure, whatever the clock says (1970).")
@AS_JSON
def command(file: Path, token: Path, since: str | None, as_json: bool) -> None:
    """Make the node of FILE trusted by the hub, by the enrol.json TOKEN that the hub made ("-": standard input).

    Makes a key, asks the hub for a certificate and keeps both in the folder that FILE names under identity. An
    identity that was there is replaced. The agent need not be stopped. Run it as the account edge-agent.

    Exit 1 when it did not succeed, 3 when it cannot succeed with this token, 2 for a file with mistakes.
    """
    config = load_or_fail(file)
    if config.identity is None:
        fail(say("enrol.no_section", file=file), BAD_INPUT)
    card = _card(token)
    floor = None if SystemClock(config.clock.trust).trusted else _floor(token, since)
    folder = IdentityFolder(config.identity.folder)
    try:
        identity = enrol(folder, config.node.name, config.node.commune, card, floor)
    except Refusal as refusal:
        _refused(refusal.fault, as_json)
    except OSError as error:
        _refused(Fault.of("identity.broken", path=str(folder.path), detail=error.strerror or str(error)), as_json)
    if as_json:
        show_json({"ok": True, "node": identity.grant.name, "until": identity.grant.not_after.isoformat()})
        return
    click.echo(say("enrol.done", node=_name(config), until=day(identity.grant.not_after)))


def _floor(token: Path, since: str | None) -> datetime:
    """What the time cannot be earlier than."""
    known = written(*([] if str(token) == "-" else [token]))
    try:
        return max(known, datetime.fromisoformat(since).astimezone(UTC)) if since is not None else known
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(str(error), param_hint="--since") from error


def _name(config: NodeConfig) -> str:
    return f"{config.node.commune}/{config.node.name}"


def _card(token: Path) -> CardEnrolment:
    """The file. A token is never shown, not even in what is wrong with it."""
    try:
        if str(token) == "-":
            content = sys.stdin.buffer.read(_MOST)
        else:
            with token.open("rb") as file:
                content = file.read(_MOST)
        return CardEnrolment.model_validate(json.loads(decoded(content)))
    except OSError as error:
        fail(say("enrol.bad_file", file=token, detail=error.strerror or error), BAD_INPUT)
    except ValidationError as error:
        where = ", ".join(sorted({".".join(map(str, each["loc"])) for each in error.errors(include_input=False)}))
        fail(say("enrol.bad_file", file=token, detail=where), BAD_INPUT)
    except (NotText, ValueError, RecursionError):
        fail(say("enrol.bad_file", file=token, detail="JSON"), BAD_INPUT)


def _refused(fault: Fault, as_json: bool) -> None:
    if as_json:
        show_json({"ok": False, "final": fault.code in FINAL, "fault": fault.model_dump(mode="json")})
    else:
        click.echo(f"{explain(fault)} ({fault.code})", err=True)
    raise click.exceptions.Exit(3 if fault.code in FINAL else 1)
