"""Programs come in by tokens: only where, and only to what, these were made for; and not a moment longer."""

import asyncio
import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hub_rig import FakeNode, Mosquitto, Running, config_for, serving, signed_in, until

from hub.api import app as api
from hub.api.coming_in import Bucket
from hub.people.door import Needs
from hub.people.rights import EVERYWHERE, Grant, Place, Right, Role
from hub.people.sessions import COOKIE
from hub.people.tokens import PREFIX

NODE = "29401/tram-bom"
V1 = "/api/v1"
SWITCH = {"thing": "cong-thon", "level": 100}
ON_BOTH_DATABASES = "long"


async def made(hub: Running, rights: list[str], places: list[str], **more: Any) -> dict[str, Any]:
    asked = {"name": "Một cửa", "rights": rights, "places": places, **more}
    answer = await hub.http.post(f"{V1}/tokens", json=asked)
    assert answer.status_code == 201, answer.text
    token: dict[str, Any] = answer.json()
    return token


def program(hub: Running, secret: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=hub.url, timeout=15, headers={"Authorization": f"Bearer {secret}"})


async def test_a_token_does_what_it_was_made_for_and_nothing_else(hub: Running, node: FakeNode) -> None:
    token = await made(hub, ["see"], ["29401"])
    assert token["secret"].startswith(PREFIX)
    async with program(hub, token["secret"]) as http:
        listed = (await http.get(f"{V1}/nodes")).json()
        assert [n["node"] for n in listed["items"]] == [NODE]
        told = (await http.get(f"{V1}/me")).json()
        assert (told["name"], told["kind"], told["rights"]) == ("Một cửa", "token", {"see": ["29401"]})
        refused = await http.post(f"{V1}/nodes/{NODE}/switch", json=SWITCH)
        assert (refused.status_code, refused.json()["code"]) == (403, "people.forbidden")
        for path in ("/people", "/audit", "/"):  # the pages are for people
            assert (await http.get(path)).status_code in (303, 401), path
    assert not node.commands


async def test_a_token_reaches_no_other_place(hub: Running, node: FakeNode, broker: Mosquitto) -> None:
    token = await made(hub, ["see", "switch"], ["29401/cong-lang"])
    async with FakeNode(broker.port, node.verifier, node="cong-lang", title="Cổng làng") as other:
        await until(lambda: "29401/cong-lang" in hub.hub.registry.nodes)
        async with program(hub, token["secret"]) as http:
            assert [n["node"] for n in (await http.get(f"{V1}/nodes")).json()["items"]] == ["29401/cong-lang"]
            assert (await http.get(f"{V1}/nodes/{NODE}")).status_code == 403
            assert (await http.get(f"{V1}/nodes/{NODE}/states")).status_code == 403
            assert (await http.post(f"{V1}/nodes/{NODE}/switch", json=SWITCH)).status_code == 403
            assert (await http.post(f"{V1}/communes/29401/switch", json=SWITCH)).status_code == 403
            assert (await http.post(f"{V1}/nodes/29401/cong-lang/switch", json=SWITCH)).status_code == 200
            async with http.stream("GET", f"{V1}/events?now=true") as stream:
                assert stream.status_code == 200
                await until(lambda: hub.hub.feed.readers)
                await node.say(node.topics.state("light", "cong-thon"), b"")
                await other.say(other.topics.state("light", "cong-thon"), b"")
                come = ""
                async for chunk in stream.aiter_text():
                    come += chunk
                    if '"state":null' in come:
                        break
        assert "29401/cong-lang" in come and NODE not in come
    assert not node.commands
    assert [c.do for c in other.commands] == ["switch.override"]
    assert other.commands[0].by == "Một cửa"


async def test_revoked_at_once_also_what_is_open(hub: Running, node: FakeNode) -> None:
    token = await made(hub, ["see"], [""])
    async with program(hub, token["secret"]) as http, http.stream("GET", f"{V1}/events") as stream:
        await until(lambda: hub.hub.feed.readers)
        assert (await hub.http.delete(f"{V1}/tokens/{token['id']}", headers=OURS)).status_code == 204
        assert (await http.get(f"{V1}/nodes")).status_code == 401
        await until(lambda: not hub.hub.feed.readers, limit=15)
        del stream
    assert (await hub.http.get(f"{V1}/tokens")).json() == []
    gone = await hub.http.delete(f"{V1}/tokens/{token['id']}", headers=OURS)
    assert (gone.status_code, gone.json()["code"]) == (404, "api.no_token")


OURS = {"Sec-Fetch-Site": "same-origin"}


async def test_the_secret_is_shown_once_and_kept_nowhere(hub: Running) -> None:
    token = await made(hub, ["see"], ["29401"], days=1)
    (listed,) = (await hub.http.get(f"{V1}/tokens")).json()
    assert "secret" not in listed
    assert listed["made_by"] == "quan-tri"
    async with program(hub, token["secret"]) as http:
        assert (await http.get(f"{V1}/nodes")).status_code == 200
    (listed,) = (await hub.http.get(f"{V1}/tokens")).json()
    assert listed["seen"]

    def everything(connection: Any) -> str:
        return str(connection.exec_driver_sql("SELECT * FROM tokens").fetchall())

    kept = await hub.hub.store.read(everything)
    assert token["id"] in kept and token["secret"].removeprefix(PREFIX) not in kept


async def test_tokens_live_over_a_restart_and_end_with_their_time(
    broker: Mosquitto, tmp_path: Path, database: Any
) -> None:
    config = config_for(tmp_path, broker.port, **database)
    async with serving(config) as hub:
        token = await made(hub, ["see"], ["29401"], days=1)
    async with serving(config) as hub, program(hub, token["secret"]) as http:
        assert (await http.get(f"{V1}/nodes")).status_code == 200
        tokens = hub.hub.people.tokens
        real = tokens._clock

        class Later:
            def now(self) -> Any:
                return real.now() + timedelta(days=1, seconds=5)

        tokens._clock = Later()  # type: ignore[assignment]
        assert (await http.get(f"{V1}/nodes")).status_code == 401


async def test_nobody_gives_more_than_they_have(hub: Running, node: FakeNode) -> None:
    secret = await signed_in(hub.hub, "truong-xa", Grant(Role.ADMINISTRATOR, Place("29401")))
    async with httpx.AsyncClient(timeout=30, base_url=hub.url, cookies={COOKIE: secret}, headers=OURS) as http:
        for rights, places in (
            (["see"], [""]),
            (["see"], ["29402"]),
            (["administer"], ["29401"]),
            (["see"], ["29401", ""]),
        ):
            asked = {"name": "x", "rights": rights, "places": places}
            answer = await http.post(f"{V1}/tokens", json=asked)
            assert answer.status_code == 403, answer.text
            assert "api.cannot_give" in answer.text
        assert (
            await http.post(f"{V1}/tokens", json={"name": "x", "rights": ["see"], "places": ["29401"]})
        ).status_code == 201
    wide = await made(hub, ["see"], [""])
    async with httpx.AsyncClient(timeout=30, base_url=hub.url, cookies={COOKIE: secret}, headers=OURS) as http:
        assert len((await http.get(f"{V1}/tokens")).json()) == 1
        assert (await http.delete(f"{V1}/tokens/{wide['id']}", headers=OURS)).status_code == 404
    staff = await signed_in(hub.hub, "can-bo", Grant(Role.STAFF, EVERYWHERE))
    async with httpx.AsyncClient(timeout=30, base_url=hub.url, cookies={COOKIE: staff}, headers=OURS) as http:
        assert (await http.get(f"{V1}/tokens")).status_code == 403
        assert (await http.get(f"{V1}/audit")).status_code == 403
    async with program(hub, (await made(hub, ["see", "write", "approve"], [""]))["secret"]) as http:
        assert (await http.get(f"{V1}/tokens")).status_code == 403


async def test_without_a_token_nothing_is_told(hub: Running) -> None:
    async with httpx.AsyncClient(timeout=30, base_url=hub.url) as http:
        for route in api.ROUTES:
            if route.needs.public:  # type: ignore[attr-defined]
                continue
            path = re.sub(r"\{[^}]+\}", "x", route.path)  # type: ignore[attr-defined]
            for method in route.methods:  # type: ignore[attr-defined]
                answer = await http.request(
                    method, f"{V1}{path}", json={} if method in ("POST", "PUT", "PATCH") else None, headers=OURS
                )
                assert answer.status_code == 401, (method, path, answer.text)
                assert answer.json()["code"] == "people.not_signed_in"
                assert set(answer.json()["message"]) == {"vi", "en"}


async def test_every_address_is_closed_to_a_token_without_its_right(hub: Running, node: FakeNode) -> None:
    for route in api.ROUTES:
        needed: Needs = route.needs  # type: ignore[attr-defined]
        if needed.right is None:
            continue
        others = [str(r) for r in Right if r not in (needed.right, Right.ADMINISTER)]
        secret = (await made(hub, others, [""]))["secret"]
        path = re.sub(r"\{[^}]+\}", "x", route.path)  # type: ignore[attr-defined]
        async with program(hub, secret) as http:
            for method in route.methods:  # type: ignore[attr-defined]
                answer = await http.request(
                    method, f"{V1}{path}", json={} if method in ("POST", "PUT", "PATCH") else None
                )
                assert (answer.status_code, answer.json()["code"]) == (403, "people.forbidden"), path
    assert not node.commands


async def test_a_form_of_another_page_cannot_use_a_persons_cookie(hub: Running, node: FakeNode) -> None:
    path = f"{V1}/nodes/{NODE}/switch"
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
        assert (await hub.http.post(path, json=SWITCH, headers=headers)).status_code == 403
    plain = await hub.http.post(path, content=b'{"thing":"a","level":1}', headers={"Content-Type": "text/plain"})
    assert (plain.status_code, plain.json()["code"]) == (415, "api.not_json")
    assert not node.commands


async def test_guessing_is_slowed_and_floods_are_refused(hub: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async with program(hub, f"{PREFIX}wrong") as http:
        answers = [(await http.get(f"{V1}/nodes")).status_code for _ in range(25)]
        assert answers[:20] == [401] * 20 and answers[-1] == 429
        assert int((await http.get(f"{V1}/nodes")).headers["Retry-After"]) >= 1


def test_a_bucket_fills_again() -> None:
    now = [0.0]
    bucket = Bucket(3, 2, lambda: now[0])
    assert [bucket.wait("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert bucket.wait("b") == 0
    now[0] = 0.5
    assert (bucket.wait("a"), bucket.wait("a")) == (0, 0.5)
    for number in range(10_000):
        bucket.wait(str(number))
    assert len(bucket._left) <= 5000


async def test_what_did_not_change_is_not_sent_again(hub: Running, node: FakeNode) -> None:
    for path in ("nodes", f"nodes/{NODE}", f"nodes/{NODE}/states", "areas"):
        first = await hub.http.get(f"{V1}/{path}")
        again = await hub.http.get(f"{V1}/{path}", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
    await node.say(node.topics.state("light", "cong-thon"), b"")
    tag = first.headers["ETag"]
    await asyncio.sleep(0)
    assert (await hub.http.get(f"{V1}/nodes", headers={"If-None-Match": tag})).status_code == 200


async def test_long_lists_come_in_pages(hub: Running, node: FakeNode, broker: Mosquitto) -> None:
    async with (
        FakeNode(broker.port, node.verifier, node="a-mot") as _,
        FakeNode(broker.port, node.verifier, node="b-hai") as _,
    ):
        await until(lambda: len(hub.hub.registry.nodes) == 3)
        first = (await hub.http.get(f"{V1}/nodes?limit=2")).json()
        assert [n["node"] for n in first["items"]] == ["29401/a-mot", "29401/b-hai"]
        rest = (await hub.http.get(f"{V1}/nodes", params={"after": first["next"]})).json()
        assert ([n["node"] for n in rest["items"]], rest.get("next")) == ([NODE], None)
    acts = (await hub.http.get(f"{V1}/audit?limit=1")).json()
    assert len(acts["items"]) <= 1


async def test_what_programs_do_stands_in_the_audit_log(hub: Running, node: FakeNode) -> None:
    token = await made(hub, ["see", "switch"], ["29401"])
    async with program(hub, token["secret"]) as http:
        assert (await http.post(f"{V1}/nodes/{NODE}/switch", json=SWITCH)).status_code == 200
        assert (await http.post(f"{V1}/nodes/{NODE}/speak", json={"text": "Xin chào"})).status_code == 403

    async def noted() -> list[tuple[str, str, str]]:
        items = (await hub.http.get(f"{V1}/audit")).json()["items"]
        return [(row["name"], row["act"], row["place"]) for row in items]

    async with asyncio.timeout(8):
        while ("Một cửa", "web.refused", NODE) not in (found := await noted()):
            await asyncio.sleep(0.05)
    assert ("Một cửa", "light.switch", NODE) in found
    assert ("quan-tri", "token.make", "29401") in found
    assert token["secret"] not in (await hub.http.get(f"{V1}/audit")).text


ANYWHERE = ("make", "--json", "--name", "IOC", "--right", "see")


def command(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "hub", "token", arguments[0], str(folder / "hub.yaml"), *arguments[1:]],
        capture_output=True,
        check=False,
        text=True,
    )


async def test_tokens_are_made_and_revoked_at_the_machine_while_the_hub_runs(
    broker: Mosquitto, tmp_path: Path, database: Any
) -> None:
    (tmp_path / "hub.yaml").write_text(json.dumps({"name": "Xã Tân Hội", **database}))
    async with serving(config_for(tmp_path, broker.port, **database)) as hub:
        asked = ("make", "--name", "IOC", "--right", "see", "--right", "reports", "--place", "29401")
        made = await asyncio.to_thread(command, tmp_path, *asked)
        assert (made.returncode, made.stderr) == (0, "")
        async with program(hub, made.stdout.strip()) as http:

            async def answers(status: int) -> None:
                async with asyncio.timeout(15):
                    while (await http.get(f"{V1}/nodes")).status_code != status:
                        await asyncio.sleep(1)

            await answers(200)
            listed = (await asyncio.to_thread(command, tmp_path, "list")).stdout
            assert "IOC: reports,see at 29401" in listed
            id_ = listed.split()[0]
            [told] = json.loads((await asyncio.to_thread(command, tmp_path, "list", "--json")).stdout)
            assert (told["id"], told["rights"], told["places"]) == (id_, ["reports", "see"], ["29401"])
            assert (await asyncio.to_thread(command, tmp_path, "revoke", id_)).stdout == "revoked\n"
            await answers(401)
        gone = await asyncio.to_thread(command, tmp_path, "revoke", id_)
        assert (gone.returncode, "there is no token" in gone.stderr) == (2, True)


async def test_a_place_from_which_nobody_reports_is_told(
    hub: Running, node: FakeNode, tmp_path: Path, database: Any
) -> None:
    (tmp_path / "hub.yaml").write_text(json.dumps({"name": "Xã Tân Hội", **database}))
    places = ("--place", "29401//thon-dong", "--place", "29401//nham")
    async with asyncio.timeout(60):  # the hub writes down what nodes are called a moment after they say it
        while not (made := await asyncio.to_thread(command, tmp_path, *ANYWHERE, *places)).stderr:
            await asyncio.sleep(0.5)
    assert "29401//nham" in made.stderr and "29401//thon-dong" not in made.stderr
    told = json.loads(made.stdout)
    assert told["secret"].startswith("ehub_") and told["places"] == ["29401//thon-dong", "29401//nham"]
