"""`edge-hub people`, `audit`, `first-run`: what is mended at the machine itself, also while the hub runs."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.engine import Connection

from edge_agent.contract.ids import uuid7
from hub.config import HubConfig
from hub.people import codes, factors
from hub.people.accounts import Account, give, insert, read, renew
from hub.people.audit import write
from hub.people.chain import verify
from hub.people.command_base import address, give_up, loaded, looked, written
from hub.people.rights import EVERYWHERE, Grant, Person, Place, Right, Role, needs_second_factor
from hub.people.sessions import sessions
from hub.people.waits import forget

_FILE = click.argument("file", type=click.Path(path_type=Path))
_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def people() -> None:
    """Who may use the console. Works while the hub runs: it follows within two seconds."""


@people.command("list")
@_FILE
@_JSON
def list_(file: Path, as_json: bool) -> None:
    """Everybody, with their roles."""
    found = sorted(looked(loaded(file), read).values(), key=lambda a: a.login)
    if as_json:
        click.echo(json.dumps([_told(account) for account in found], ensure_ascii=False, indent=2))
        return
    for account in found:
        roles = ", ".join(f"{g.role} {g.place or '(everywhere)'}" for g in account.person.grants) or "no role"
        marks = "".join(f", {word}" for word, is_so in (("DISABLED", account.disabled), ("2FA", account.totp)) if is_so)
        click.echo(f"{account.login}: {account.person.name}, {roles}{marks}")


@people.command()
@_FILE
@click.option("--login", required=True, help="Telephone number or short name.")
@click.option("--name", default="", help="Full name; the login, if not given.")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option("--place", default="", help="'' everywhere, COMMUNE, COMMUNE//AREA or COMMUNE/NODE.")
@click.option("--link", is_flag=True, help="Print a link that signs them in once, within 15 minutes.")
@_JSON
def add(file: Path, login: str, name: str, role: str, place: str, link: bool, as_json: bool) -> None:
    """Add a person, or give one who is there another role."""
    config, now = loaded(file), datetime.now(UTC)
    login, grant = login.strip().casefold()[:60], Grant(Role(role), Place.parse(place))

    def job(connection: Connection) -> Account:
        known = _by_login(connection, login)
        if known is None:
            known = Account(Person(uuid7(), (name or login)[:100], (grant,)), login, now)
            insert(connection, known)
        elif grant not in known.person.grants:
            give(connection, known.person.id, grant)
            known = read(connection, known.person.id)[known.person.id]
        write(connection, now, "person.add", known.person.name, role=role, place=place)
        return known

    account = written(config, job)
    _say(config, account, link, as_json)


@people.command()
@_FILE
@click.option("--login", required=True)
@_JSON
def link(file: Path, login: str, as_json: bool) -> None:
    """Print a link that signs somebody in once, within 15 minutes: the way out when nobody else can help."""
    config = loaded(file)
    _say(config, _known(config, login), True, as_json)


@people.command()
@_FILE
@click.option("--login", required=True)
@_JSON
def unlock(file: Path, login: str, as_json: bool) -> None:
    """Let somebody try again at once who guessed too often."""
    config, now = loaded(file), datetime.now(UTC)
    account = _known(config, login)

    def job(connection: Connection) -> None:
        for name in (account.login, f"2:{account.person.id}"):
            forget(connection, name)
        write(connection, now, "person.unlock", account.person.name)

    written(config, job)
    _say(config, account, False, as_json)


@people.command()
@_FILE
@click.option("--login", required=True)
@_JSON
def reset(file: Path, login: str, as_json: bool) -> None:
    """Take password, second factor and sessions from somebody, enable them, and print a link to come in by."""
    config, now = loaded(file), datetime.now(UTC)
    account = _known(config, login)

    def job(connection: Connection) -> Account:
        renew(connection, account.person.id, password="", totp="", disabled=False)
        factors.clear(connection, account.person.id)
        connection.execute(sessions.delete().where(sessions.c.person == account.person.id))
        for name in (account.login, f"2:{account.person.id}"):
            forget(connection, name)
        write(connection, now, "person.reset", account.person.name)
        return read(connection, account.person.id)[account.person.id]

    _say(config, written(config, job), True, as_json)


@click.command("first-run")
@_FILE
def first_run(file: Path) -> None:
    """Print a new one-time code that makes the first administrator."""
    config, now = loaded(file), datetime.now(UTC)

    def job(connection: Connection) -> str:
        there = read(connection).values()
        if any(not a.disabled and a.person.may(Right.ADMINISTER, EVERYWHERE) for a in there):
            return ""
        code = codes.fresh("first")
        codes.make(connection, "first", code, now)
        return code

    code = written(config, job)
    if not code:
        give_up("there is an administrator already; `edge-hub people link` lets one in who has lost the way")
    click.echo(f"{address(config)}/first-run  {code}")


@click.group()
def audit() -> None:
    """The log of what people did."""


@audit.command("verify")
@_FILE
@click.option("--expect", default="", help="The hash that was printed before: it must stand in the chain.")
@_JSON
def verify_(file: Path, expect: str, as_json: bool) -> None:
    """Walk over the log and say whether a row was changed or is missing; prints the last hash, to be kept elsewhere."""
    verdict = looked(loaded(file), lambda c: verify(c, expect))
    good = verdict.is_whole and not (expect and not verdict.met)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "good": good,
                    "rows": verdict.rows,
                    "hash": verdict.hash,
                    "broken": verdict.broken,
                    "missing": verdict.missing,
                }
            )
        )
    elif verdict.broken is not None:
        click.echo(f"row {verdict.broken} is not as it was written, or one before it is missing", err=True)
    elif verdict.missing:
        click.echo(f"{verdict.missing} rows are missing from the end", err=True)
    elif not good:
        click.echo("the expected hash is not in the chain: the log was made anew, or is another one", err=True)
    else:
        click.echo(f"{verdict.rows} rows are as they were written; the last hash is {verdict.hash}")
    sys.exit(0 if good else 1)


def _say(config: HubConfig, account: Account, with_link: bool, as_json: bool) -> None:
    """What became of it; with a link to sign in, if that is wanted."""
    said = _told(account)
    if with_link:
        code, now = codes.fresh("link"), datetime.now(UTC)

        def job(connection: Connection) -> None:
            codes.make(connection, "link", code, now, person=account.person.id, name=account.person.name)
            write(connection, now, "person.link", account.person.name)

        written(config, job)
        said["link"] = f"{address(config)}/sign-in/link/{code}"
    if as_json:
        click.echo(json.dumps(said, ensure_ascii=False))
    else:
        click.echo(str(said.get("link", f"{account.login}: {account.person.name}")))


def _told(account: Account) -> dict[str, Any]:
    return {
        "id": account.person.id,
        "login": account.login,
        "name": account.person.name,
        "grants": [{"role": g.role, "place": str(g.place)} for g in account.person.grants],
        "disabled": account.disabled,
        "second_factor": bool(account.totp),
        "needs_second_factor": needs_second_factor(account.person.grants),
    }


def _by_login(connection: Connection, login: str) -> Account | None:
    wanted = login.strip().casefold()
    return next((a for a in read(connection).values() if a.login == wanted), None)


def _known(config: HubConfig, login: str) -> Account:
    account = looked(config, lambda c: _by_login(c, login))
    if account is None:
        give_up(f"nobody signs in as {login}; `edge-hub people list` shows who there is")
    return account
