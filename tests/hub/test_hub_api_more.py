"""What programs may do besides following: each address with and without its right, in and out of scope."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hub_rig import FakeNode, Mosquitto, Running, config_for, now, serving, until
from people_rig import AreaNode
from starlette.routing import Route

from edge_agent.contract.capabilities import SpokenVoice
from edge_agent.contract.signature import Verifier
from hub.api import (
    alerts,
    clips,
    devices,
    emergencies,
    exports,
    health,
    horns,
    inviting,
    lights,
    looking,
    maps,
    notices,
    notify,
    people,
    prepared,
    residents,
    rewriting,
    rounds,
    sounding,
    sounds,
)
from hub.api import app as api
from hub.people.rights import Right

V1 = "/api/v1"
NODE = "29401/tram-bom"
GROUPS = (
    alerts,
    emergencies,
    prepared,
    rounds,
    horns,
    sounding,
    health,
    maps,
    rewriting,
    sounds,
    lights,
    notices,
    residents,
    looking,
    clips,
    exports,
    notify,
    people,
    inviting,
    devices,
)
PATHS = {
    "commune": "29401",
    "node": "tram-bom",
    "camera": "cong",
    "area": "-",
    "number": "0412-8875",
    "clip": "0" * 24,
    "table": "energy",
    "act": "disable",
}
BODIES: dict[str, Any] = {
    "/communes/{commune}/areas/{area}/switch": {"thing": "khong-co", "level": 0},
    "/communes/{commune}/areas/{area}/release": {"thing": "khong-co"},
    "/nodes/{commune}/{node}/cameras/{camera}/public": {"reason": "Để bà con xem mực nước"},
}
TABLE = Path(__file__).parents[2] / "docs" / "hub-api-pages.md"
AREAS = ("29401//thon-dong", "30001//thon-dong")
EMERGENCY = {"text": "Xả lũ, bà con rời bãi sông.", "class": "emergency"}


async def program(hub: Running, rights: list[str], places: list[str]) -> httpx.AsyncClient:
    asked = {"name": "Một cửa", "rights": rights, "places": places}
    made = await hub.http.post(f"{V1}/tokens", json=asked)
    assert made.status_code == 201, made.text
    headers = {"Authorization": f"Bearer {made.json()['secret']}"}
    return httpx.AsyncClient(base_url=f"{hub.url}{V1}", timeout=30, headers=headers)


def operations() -> list[tuple[str, str, Any]]:
    """Method, path, route of all that these groups have for who shows a token."""
    routes = [route for group in GROUPS for route in group.routes.routes]
    return [(method, r.path, r) for r in routes for method in r.methods if not r.needs.public]  # type: ignore[attr-defined]


async def ask(http: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    body = {} if method in ("GET", "DELETE") else {"json": BODIES.get(path, {})}
    filled = path.replace(":path", "")
    for name, value in PATHS.items():
        filled = filled.replace(f"{{{name}}}", value)
    filled = "/".join("khong-co" if part.startswith("{") else part for part in filled.split("/"))
    return await http.request(method, filled, **body)


def is_no(answer: httpx.Response) -> bool:
    return answer.status_code in (401, 403)


async def test_each_address_opens_to_its_right_only_and_at_its_place_only(hub: Running, node: FakeNode) -> None:
    await node.furnish()
    known = [right.value for right in Right if right is not Right.ADMINISTER]
    wrong = []
    for method, path, route in operations():
        right: Right | None = route.needs.right
        others = [each for each in known if right is None or each != right.value]
        all_, without, away = (
            await program(hub, known, ["29401"]),
            await program(hub, others, ["29401"]),
            await program(hub, known, ["30001"]),
        )
        async with all_, without, away:
            here, none, there = [await ask(http, method, path) for http in (all_, without, away)]
        is_for_people = right is Right.ADMINISTER
        lets_in = not is_for_people
        if is_no(here) == lets_in or is_no(none) != (right is not None):
            wrong.append(f"{method} {path}: with {here.status_code}, without {none.status_code}")
        if right and "{commune}" in path and not is_no(there):
            wrong.append(f"{method} {path}: elsewhere {there.status_code}")
        for answer in (here, none, there):
            if answer.status_code >= 500 and answer.status_code not in (503, 504):
                wrong.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)


def test_all_groups_are_mounted() -> None:
    mounted = {(method, r.path) for r in api.ROUTES for method in r.methods}  # type: ignore[attr-defined]
    assert {(method, path) for method, path, _ in operations()} <= mounted


async def test_an_emergency_takes_two_steps(hub: Running, node: FakeNode) -> None:
    speak = f"/nodes/{NODE}/speak"
    async with (
        await program(hub, ["see", "speak"], ["29401"]) as without,
        await program(hub, ["see", "speak", "emergency"], ["29401"]) as http,
        await program(hub, ["see", "speak", "emergency"], ["29401"]) as other,
    ):
        assert (await without.post(speak, json=EMERGENCY)).status_code == 403
        one = await http.post(speak, json=EMERGENCY)
        assert (one.status_code, one.json()["code"]) == (422, "api.emergency_steps")
        steps = one.json()["params"]["path"].removeprefix(V1)
        assert (await without.post(steps, json=EMERGENCY)).status_code == 403
        prepared = await http.post(steps, json=EMERGENCY)
        assert (prepared.status_code, prepared.json()["text"]) == (201, EMERGENCY["text"])
        assert not node.commands
        confirm = f"{steps}/{prepared.json()['code']}"
        taken = await other.post(confirm, json={})
        assert (taken.status_code, taken.json()["code"]) == (404, "api.no_prepared")
        assert (await http.post(confirm, json={})).status_code in (200, 202)
        assert (await http.post(confirm, json={})).status_code == 404
    assert [c.do for c in node.commands] == ["bulletin.plan"]
    assert node.commands[0].args.bulletin.class_ == "emergency"  # type: ignore[union-attr]


async def test_a_node_is_examined_by_who_may_install(hub: Running, node: FakeNode) -> None:
    async def take(n: FakeNode, asked: Any) -> None:
        await n.ack(asked, "accepted")

    node.replies["node.examine"] = take
    async with (
        await program(hub, ["see", "switch"], ["29401"]) as without,
        await program(hub, ["install"], ["30001"]) as elsewhere,
        await program(hub, ["install"], ["29401"]) as http,
    ):
        for other in (without, elsewhere):
            assert (await other.post(f"/nodes/{NODE}/examine", json={})).status_code == 403
        older = await http.post(f"/nodes/{NODE}/examine", json={})
        assert (older.status_code, older.json()["code"]) == (409, "doctor.too_old")
        assert not node.commands
        about = node.about().model_copy(update={"speaks": (SpokenVoice(id="nu", name="Giọng nữ", engine="espeak-ng"),)})
        await node.say(node.topics.about, about.body())
        await until(lambda: not hub.hub.registry.nodes[NODE].is_older)
        assert (await http.post(f"/nodes/{NODE}/examine", json={})).status_code == 202
    assert [c.do for c in node.commands] == ["node.examine"]


async def test_an_emergency_is_handed_in_only_by_who_says_sure(hub: Running, node: FakeNode) -> None:
    asked = {"title": "Xả lũ", "text": EMERGENCY["text"], "class": "emergency", "places": [NODE]}
    asked["at"] = (now() + timedelta(days=1)).isoformat()
    async with await program(hub, ["see", "write", "emergency"], ["29401"]) as http:
        refused = await http.post("/bulletins", json={**asked, "submit": True})
        assert (refused.status_code, refused.json()["code"]) == (422, "api.sure_emergency")
        draft = (await http.post("/bulletins", json=asked)).json()
        path, seen = f"/bulletins/{draft['id']}/submit", {"number": draft["number"]}
        assert (await http.post(path, json=seen)).json()["code"] == "api.sure_emergency"
        assert (await http.post(path, json={**seen, "sure": True})).json()["state"] == "submitted"
        direct = await http.post("/bulletins", json={**asked, "submit": True, "sure": True})
        assert direct.json()["state"] == "submitted"


@pytest.fixture
async def open_hub(broker: Mosquitto, tmp_path: Any) -> Any:
    async with serving(config_for(tmp_path, broker.port, residents={"public": True})) as running:
        signer = running.hub.signer
        common: Any = {"port": broker.port, "verifier": Verifier({signer.key_id: signer.public})}
        async with AreaNode(**common), AreaNode(**common, commune="30001", node="xa-ben"):
            await until(lambda: {str(area.place) for area in running.hub.areas.all()} == {*AREAS})
            yield running


async def test_residents_of_one_commune_see_and_report_of_it(open_hub: Running) -> None:
    cut = {"begins": (now() + timedelta(days=1)).isoformat(), "ends": (now() + timedelta(days=2)).isoformat()}
    for place in AREAS:
        made = await open_hub.http.post(f"{V1}/residents/cuts", json={**cut, "place": place, "where": place})
        assert made.status_code == 201, made.text
    async with httpx.AsyncClient(base_url=f"{open_hub.url}{V1}", timeout=30) as anybody:
        assert {c["place"] for c in (await anybody.get("/residents")).json()["cuts"]} == {*AREAS}
        mine = (await anybody.get("/residents", params={"commune": "30001"})).json()
        assert [c["place"] for c in mine["cuts"]] == [AREAS[1]]
        nowhere = await anybody.get("/residents", params={"commune": "99999"})
        assert (nowhere.status_code, nowhere.json()["code"]) == (422, "residents.no_place")
        told = {"kind": "lamp", "words": "Đèn đầu ngõ không sáng.", "commune": "30001"}
        made = await anybody.post("/residents/reports", json=told)
        assert made.status_code == 201, made.text
        number = made.json()["number"]
        assert (await anybody.get(f"/residents/reports/{number}/state")).json()["state"] == "new"
    known = await open_hub.http.get(f"{V1}/residents/reports/{number}")
    assert known.json()["place"] == "30001"


async def test_of_one_address_one_report_at_a_time(open_hub: Running) -> None:
    told = {"kind": "lamp", "words": "Đèn đầu ngõ không sáng."}
    receiver = open_hub.hub.residents.receiver
    async with httpx.AsyncClient(base_url=f"{open_hub.url}{V1}", timeout=30) as anybody:
        with receiver.turn("127.0.0.1"):
            busy = await anybody.post("/residents/reports", json=told)
        assert (busy.status_code, busy.json()["code"]) == (429, "residents.busy")
        assert (await anybody.post("/residents/reports", json=told)).status_code == 201


async def test_a_draft_is_handed_in_only_when_its_hour_is_lawful(broker: Mosquitto, tmp_path: Any) -> None:
    config = config_for(tmp_path, broker.port, hours={"preset": "two-sessions"})
    night = (now() + timedelta(days=2)).replace(hour=20, minute=0, second=0, microsecond=0)  # 03:00 in the commune
    async with serving(config) as hub:
        signer = hub.hub.signer
        async with FakeNode(broker.port, Verifier({signer.key_id: signer.public})):
            await until(lambda: NODE in hub.hub.registry.nodes)
            asked = {"title": "Họp thôn", "text": "Tối nay họp thôn.", "places": [NODE], "at": night.isoformat()}
            draft = (await hub.http.post(f"{V1}/bulletins", json=asked)).json()
            seen = {"number": draft["number"]}
            refused = await hub.http.post(f"{V1}/bulletins/{draft['id']}/submit", json=seen)
            assert (refused.status_code, refused.json()["code"]) == (422, "plan.unlawful")
            page = await hub.http.post(f"/bulletins/{draft['id']}/submit", data=seen, follow_redirects=True)
            assert "Giờ này không được phát theo quy định" in page.text
            assert (await hub.http.get(f"{V1}/bulletins/{draft['id']}")).json()["state"] == "draft"


def test_the_table_of_forms_names_each_form_and_only_operations_that_there_are(hub: Running) -> None:
    rows = [line.strip("| ").split(" | ", 1) for line in TABLE.read_text().splitlines() if line.startswith("| `")]
    named = dict(rows)
    forms = {
        f"`{method} {route.path}`"
        for route in hub.hub.app.routes
        if isinstance(route, Route)
        for method in {*(route.methods or ())} - {"GET", "HEAD"}
    }
    assert set(named) == forms
    there = {f"{method} {r.path}" for r in api.ROUTES for method in r.methods}  # type: ignore[attr-defined]
    for form, said in named.items():
        if not said.startswith(("browser: ", "itself: ", "not yet")):
            operations = re.findall(r"`([A-Z]+ [^`]+)`", said)
            assert operations and {*operations} <= there, form
