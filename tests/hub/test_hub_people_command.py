"""`edge-hub people`, `audit`, `first-run` as somebody at the machine uses them; and the demo's one tap."""

import asyncio
import json
import re
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from hub_rig import Mosquitto, Running, config_for, free_port, serving, until
from people_rig import client

from hub.cli import main
from hub.config import ConfigError, load
from hub.people.rights import EVERYWHERE, Grant, Place, Role


def run(*argv: str) -> Result:
    return CliRunner().invoke(main, argv)


def config(folder: Path, **more: Any) -> str:
    """A hub's configuration file."""
    path = folder / "hub.yaml"
    path.write_text(yaml.safe_dump({"listen": {"port": free_port()}, "data": "data", **more}))
    return str(path)


def told(*argv: str) -> Any:
    done = run(*argv, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_people_are_added_listed_and_given_more(tmp_path: Path) -> None:
    file = config(tmp_path)
    told("people", "add", file, "--login", "Lan", "--name", "Nguyễn Thị Lan", "--role", "staff", "--place", "29401")
    told("people", "add", file, "--login", "lan", "--role", "approver", "--place", "29401//thon-dong")
    (lan,) = told("people", "list", file)
    assert (lan["login"], lan["name"], lan["needs_second_factor"]) == ("lan", "Nguyễn Thị Lan", True)
    assert sorted(grant["place"] for grant in lan["grants"]) == ["29401", "29401//thon-dong"]
    assert "lan: Nguyễn Thị Lan" in run("people", "list", file).output
    missing = run("people", "unlock", file, "--login", "ai-do")
    assert missing.exit_code == 2 and "nobody signs in as ai-do" in missing.output


def test_a_first_run_code_is_printed_again_only_while_there_is_no_administrator(tmp_path: Path) -> None:
    file = config(tmp_path, address="https://hub.example")
    first, second = run("first-run", file).output, run("first-run", file).output
    assert first != second and re.match(r"https://hub\.example/first-run  \w{4}-\w{4}-\w{4}", second)
    told("people", "add", file, "--login", "quan", "--role", "administrator")
    assert run("first-run", file).exit_code == 2


def test_what_is_kept_is_for_this_account_only(tmp_path: Path) -> None:
    told("people", "add", config(tmp_path), "--login", "lan", "--name", "Lan", "--role", "staff")
    (file,) = tmp_path.rglob("hub.sqlite3")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file.parent, file)] == [0o700, 0o600]


def test_a_token_for_a_place_by_its_name_is_refused_with_the_places_that_are_known(tmp_path: Path) -> None:
    file = config(tmp_path)
    make = ("token", "make", file, "--name", "Một cửa", "--right", "see", "--place")
    assert run(*make, "29401").exit_code == 0
    (database,) = tmp_path.rglob("hub.sqlite3")
    with sqlite3.connect(database) as kept:
        kept.execute("INSERT INTO node_names VALUES ('29401/tram-bom', 'Trạm bơm', 'Thôn Đông')")
    for mistaken in ("Thôn Đông", "thon-dong", "tram-bom", "29401//Thôn Đông"):
        refused = run(*make, mistaken)
        assert refused.exit_code == 2
        assert "Known places: 29401; 29401//thon-dong; 29401/tram-bom" in refused.stderr
    assert run(*make, "29401//thon-dong").exit_code == 0
    assert len(run("token", "list", file).stdout.splitlines()) == 2


def test_a_database_that_cannot_be_used_is_told_without_a_link(tmp_path: Path) -> None:
    file = config(tmp_path)
    told("people", "add", file, "--login", "lan", "--name", "Lan", "--role", "staff")
    (database,) = tmp_path.rglob("hub.sqlite3")
    with sqlite3.connect(database) as kept:
        kept.execute("DROP TABLE airings")
    failed = run("aired", file, "--month", "2026-11")
    assert (failed.exit_code, "no such table" in failed.stderr, "sqlalche.me" in failed.stderr) == (2, True, False)


async def run_beside(*argv: str) -> Any:
    return await asyncio.to_thread(told, *argv)


def file_of(hub: Running, folder: Path) -> str:
    """The configuration of a hub that runs already."""
    path = folder / "beside.yaml"
    path.write_text(yaml.safe_dump({"data": str(hub.config.data), "address": hub.url}))
    return str(path)


async def test_a_link_lets_in_once_while_the_hub_runs(hub: Running, tmp_path: Path) -> None:
    file = file_of(hub, tmp_path)
    made = await run_beside("people", "add", file, "--login", "lan", "--role", "administrator", "--link")
    path = made["link"].removeprefix(hub.url)
    async with client(hub.url) as http:
        assert (await http.get(path)).status_code == 200, "a look does not use it up"
        assert (await http.post(path)).headers["location"] == "/"
        assert (await http.get("/people")).status_code == 200
        assert (await http.post(path)).status_code == 410


async def test_the_hub_follows_what_the_command_line_changes(hub: Running, tmp_path: Path) -> None:
    file = file_of(hub, tmp_path)
    account = await hub.hub.accounts.add("lan", "Lan", [Grant(Role.ADMINISTRATOR, EVERYWHERE)])
    secret = await hub.hub.sessions.open(account.person.id, "test", strong=True)
    async with client(hub.url, secret) as http:
        assert (await http.get("/people")).status_code == 200
        made = await run_beside("people", "reset", file, "--login", "lan")
        await until(lambda: not hub.hub.sessions.of(account.person.id))
        assert (await http.get("/people")).status_code == 303
        assert made["link"].startswith(f"{hub.url}/sign-in/link/")
    await run_beside("people", "add", file, "--login", "lan", "--role", "viewer", "--place", "29401")
    await until(lambda: len(hub.hub.accounts.get(account.person.id).person.grants) == 2)  # type: ignore[union-attr]


async def test_unlock_ends_the_waiting(hub: Running, tmp_path: Path) -> None:
    await hub.hub.accounts.add("lan", "Lan", [Grant(Role.VIEWER, EVERYWHERE)])
    async with client(hub.url) as http:

        async def enter() -> int:
            return (await http.post("/sign-in", data={"login": "lan", "password": "không đúng đâu"})).status_code

        while await enter() != 429:
            pass
        await run_beside("people", "unlock", file_of(hub, tmp_path), "--login", "lan")
        await until(lambda: not hub.hub.people.waits.locked("lan"))
        assert await enter() == 422


def test_a_row_of_the_log_that_was_changed_is_found(tmp_path: Path) -> None:
    file = config(tmp_path)
    for name in ("mot", "hai", "ba"):
        told("people", "add", file, "--login", name, "--role", "viewer")
    whole = told("audit", "verify", file)
    assert (whole["good"], whole["rows"]) == (True, 3)
    database = sqlite3.connect(tmp_path / "data" / "hub.sqlite3", isolation_level=None)
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        database.execute("UPDATE audit SET name = 'ai khác' WHERE id = 2")
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        database.execute("DELETE FROM audit")
    for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {trigger}")
    database.execute("DELETE FROM audit WHERE id = 3")
    assert json.loads(run("audit", "verify", file, "--json").stdout)["missing"] == 1
    database.execute("UPDATE audit SET name = 'ai khác' WHERE id = 2")
    changed = run("audit", "verify", file, "--json")
    assert changed.exit_code == 1 and json.loads(changed.stdout)["broken"] == 2
    database.close()


def test_a_log_that_was_made_anew_is_found_by_a_hash_kept_elsewhere(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    ours, other = config(tmp_path / "a"), config(tmp_path / "b")
    told("people", "add", ours, "--login", "mot", "--role", "viewer")
    kept = told("audit", "verify", ours)["hash"]
    told("people", "add", ours, "--login", "hai", "--role", "viewer")
    assert told("audit", "verify", ours, "--expect", kept)["good"]
    told("people", "add", other, "--login", "mot", "--role", "viewer")
    assert run("audit", "verify", other, "--expect", kept).exit_code == 1


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
async def test_a_log_on_every_database_refuses_changes_and_stays_one_chain(
    broker: Mosquitto, tmp_path: Path, database: dict[str, Any]
) -> None:
    from sqlalchemy.exc import DBAPIError

    from hub.people.chain import verify

    async with serving(config_for(tmp_path, broker.port, **database)) as hub:
        for number in range(300):
            hub.hub.audit.note("test.act", what=str(number))
        store = hub.hub.people._store
        for statement in ("UPDATE audit SET name = 'x'", "DELETE FROM audit"):
            with pytest.raises(DBAPIError, match="never changed"):
                await store.call(lambda c, s=statement: c.exec_driver_sql(s) and None)  # type: ignore[misc]
        verdict = await store.read(verify)
        assert verdict.is_whole and verdict.rows >= 300


DEMO = {"people": [{"login": "lan", "name": "Lan", "role": "area_head", "place": "29401//thon-dong"}]}


async def test_in_the_demo_one_tap_enters(broker: Mosquitto, tmp_path: Path) -> None:
    async with serving(config_for(tmp_path, broker.port, demo=DEMO)) as hub, client(hub.url) as http:
        assert (await http.get("/sign-in?next=/nodes")).headers["location"] == "/demo?next=/nodes"
        assert (await http.get("/sign-in?by=password")).status_code == 200, "its other doors are drawn too"
        assert (await http.get("/invite/khong-co")).status_code == 410
        page = (await http.get("/demo?next=/nodes")).text
        assert "Vào với vai trò" in page and "Trưởng thôn" in page
        assert (await http.post("/demo", data={"login": "quan-tri"})).status_code == 200, "nobody but the demo's"
        entered = await http.post("/demo", data={"login": "lan", "next": "/nodes"})
        assert entered.headers["location"] == "/nodes"
        assert (await http.get("/nodes")).status_code == 200
        account = hub.hub.accounts.by_login("lan")
        assert account and account.person.grants == (Grant(Role.AREA_HEAD, Place("29401", "thon-dong")),)


async def test_elsewhere_there_is_no_demo(hub: Running) -> None:
    assert (await hub.http.get("/demo")).status_code == 404
    assert (await hub.http.post("/demo", data={"login": "quan-tri"})).status_code == 404


def test_a_demo_that_others_can_reach_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="demo lets everybody in without a password"):
        load(Path(config(tmp_path, listen={"host": "0.0.0.0"}, demo=DEMO)))
