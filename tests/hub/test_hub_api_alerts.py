"""Alerts for programs: brought, looked at, decided by the same rights and rules as on the pages."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cap_rig import SENDER, AlertOf, InfoOf, PlacedNode
from hub_rig import Mosquitto, Running, config_for, serving, until
from test_hub_api_more import program

from edge_agent.contract.signature import Verifier

HEADERS = {"Content-Type": "application/cap+xml"}
MILD = (InfoOf(severity="Moderate", headline="Mưa lớn"),)
EVERY = ["see", "write", "approve", "emergency"]
NODE = "29401/tram-bom"
OTHER = "29401/suoi-dong"


@pytest.fixture
async def hub(broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Running]:
    cap = {"senders": [{"id": SENDER, "name": "Đài khí tượng"}]}
    async with serving(config_for(tmp_path, broker.port, cap=cap)) as running:
        yield running


@pytest.fixture
async def node(hub: Running, broker: Mosquitto) -> AsyncIterator[PlacedNode]:
    signer = hub.hub.signer
    placed = PlacedNode(broker.port, Verifier({signer.key_id: signer.public}), hub_url=hub.url)
    async with placed:
        await until(lambda: hub.hub.alerts.desk.spots() and hub.hub.registry.is_online(NODE), 30)
        yield placed


async def bring(http: httpx.AsyncClient, alert: AlertOf, **headers: str) -> httpx.Response:
    return await http.post("/alerts", content=alert.xml(), headers={**HEADERS, **headers})


async def brought(http: httpx.AsyncClient, alert: AlertOf) -> str:
    answer = await bring(http, alert)
    assert answer.status_code == 201, answer.text
    id_: str = answer.json()["id"]
    return id_


async def told(http: httpx.AsyncClient, id_: str) -> dict[str, Any]:
    answer = await http.get(f"/alerts/{id_}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_what_is_brought_is_listed_with_all_that_is_known(hub: Running, node: PlacedNode) -> None:
    async with await program(hub, EVERY, ["29401"]) as http, await program(hub, ["see", "write"], ["30001"]) as away:
        alert = AlertOf(infos=MILD)
        first = await bring(http, alert, **{"Idempotency-Key": "a-1"})
        again = await bring(http, alert, **{"Idempotency-Key": "a-1"})
        assert (first.status_code, again.json(), again.headers["Idempotency-Replayed"]) == (201, first.json(), "true")
        copy = await bring(http, alert)
        assert (copy.status_code, copy.json()["new"]) == (200, False)
        id_ = first.json()["id"]
        listed = (await http.get("/alerts", params={"state": "waiting"})).json()
        assert [one["id"] for one in listed["items"]] == [id_] and "next" not in listed
        assert (await http.get("/alerts", params={"state": "aired"})).json()["items"] == []
        one = await told(http, id_)
        assert (one["state"], one["level"], one["sender"]) == ("waiting", 2, SENDER)
        assert one["infos"][0]["severity"] == "Moderate" and one["infos"][0]["areas"][0]["polygons"] == 1
        assert one["parts"][0]["nodes"] == [NODE] and "Mưa lớn" in one["parts"][0]["text"]
        assert (one["may"], one["brought_by"]) == (["air", "dismiss"], "Một cửa")
        assert (await http.get(f"/alerts/{id_}/message")).content == alert.xml()
        assert code(await away.get(f"/alerts/{id_}")) == (404, "cap.not_found")
        assert (await away.get("/alerts")).json()["items"] == []
        second = await brought(http, AlertOf("vn.2", infos=MILD))
        page = (await http.get("/alerts", params={"limit": 1})).json()
        rest = (await http.get("/alerts", params={"limit": 1, "after": page["next"]})).json()
        assert {page["items"][0]["id"], rest["items"][0]["id"]} == {id_, second}


async def test_everything_that_is_wrong_is_told_at_once(hub: Running) -> None:
    async with await program(hub, ["write"], ["29401"]) as http:
        xml = AlertOf(status="Wahr", msg_type="Bericht").xml()
        bad = await http.post("/alerts", content=xml, headers=HEADERS)
        assert bad.status_code == 422 and bad.json()["also"], bad.text
        for each in (bad.json(), *bad.json()["also"]):
            assert each["code"].startswith("cap.") and each["message"]["vi"] and each["where"]
        plain = await http.post("/alerts", content=xml, headers={"Content-Type": "text/plain"})
        assert code(plain) == (415, "api.not_file")
        large = await http.post("/alerts", content=b" " * 1_010_000, headers=HEADERS)
        assert code(large) == (413, "api.too_large")
    async with await program(hub, ["see", "approve"], ["29401"]) as http:
        assert (await bring(http, AlertOf())).status_code == 403


async def test_a_mild_alert_is_aired_once_however_often_it_is_asked(hub: Running, node: PlacedNode) -> None:
    async with await program(hub, EVERY, ["29401"]) as http:
        id_ = await brought(http, AlertOf(infos=MILD))
        strange = {"text": "Họp UBMTTQXYZ."}
        unclear = await http.post(f"/alerts/{id_}/air", json=strange)
        assert code(unclear) == (422, "api.unclear_anyway") and "UBMTTQXYZ" in unclear.json()["params"]["words"]
        assert code(await http.post(f"/alerts/{id_}/air", json={"text": "…"}))[0] == 422
        assert code(await http.post(f"/alerts/{id_}/air", json={"part": 1})) == (409, "cap.overtaken")
        answers = await asyncio.gather(*(http.post(f"/alerts/{id_}/air", json={}) for _ in range(2)))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        await until(lambda: node.told("bulletin.plan"), 60)
        bulletin = node.told("bulletin.plan")[0].bulletin
        assert (bulletin.id, bulletin.class_, bulletin.approval.by) == (id_, "priority", "Một cửa")
        one = await told(http, id_)
        assert (one["state"], [each["node"] for each in one["sent_to"]]) == ("aired", [NODE])
        assert [(act["act"], act["by"]) for act in one["history"]][-1] == ("aired", "Một cửa")
    assert "Một cửa cho phát, 1 cụm loa." in (await hub.http.get(f"/alerts/{id_}")).text, "the page tells it too"


async def test_a_siren_takes_its_right_and_a_sure_word_and_ends_with_an_all_clear(
    hub: Running, node: PlacedNode
) -> None:
    async with (
        await program(hub, EVERY, ["29401"]) as http,
        await program(hub, ["see", "write", "approve"], ["29401"]) as quiet,
    ):
        id_ = await brought(http, AlertOf())
        assert code(await quiet.post(f"/alerts/{id_}/air", json={"sure": True})) == (403, "api.no_emergency")
        assert code(await http.post(f"/alerts/{id_}/air", json={})) == (422, "api.sure_emergency")
        assert node.told("bulletin.plan") == []
        aired = await http.post(f"/alerts/{id_}/air", json={"sure": True, "text": "Bà con rời suối ngay."})
        assert aired.status_code == 200, aired.text
        await until(lambda: node.told("bulletin.plan"), 60)
        bulletin = node.told("bulletin.plan")[0].bulletin
        assert (bulletin.class_, bulletin.text) == ("emergency", "Bà con rời suối ngay.")
        assert "end" in (await told(http, id_))["may"]
        early = await http.post(f"/alerts/{id_}/clear", json={})
        assert code(early) == (409, "cap.overtaken"), "while it sounds nobody says that it is over"
        assert (await quiet.post(f"/alerts/{id_}/end", json={})).status_code == 403
        assert (await http.post(f"/alerts/{id_}/end", json={})).status_code == 200
        await until(lambda: node.told("bulletin.cancel"), 60)
        assert code(await http.post(f"/alerts/{id_}/end", json={})) == (409, "cap.silent"), "it was ended before"
        one = await told(http, id_)
        assert one["clears"][0]["nodes"] == 1
        cleared = await http.post(f"/alerts/{id_}/clear", json={})
        assert cleared.status_code == 200, cleared.text
        assert cleared.json()["history"][-1]["act"] == "cleared"
        assert code(await http.post(f"/alerts/{id_}/clear", json={})) == (409, "cap.overtaken")


async def test_a_siren_sounds_in_the_places_that_were_named_and_nowhere_else(
    hub: Running, node: PlacedNode, broker: Mosquitto
) -> None:
    signer = hub.hub.signer
    other = PlacedNode(broker.port, Verifier({signer.key_id: signer.public}), "suoi-dong", hub_url=hub.url)
    async with other, await program(hub, EVERY, ["29401"]) as http:
        await until(lambda: len(hub.hub.alerts.desk.spots()) == 2 and hub.hub.registry.is_online(OTHER), 30)
        id_ = await brought(http, AlertOf())
        assert (await told(http, id_))["parts"][0]["nodes"] == [OTHER, NODE]
        typo = await http.post(f"/alerts/{id_}/air", json={"sure": True, "places": [NODE, "29401//thon-xa"]})
        assert code(typo) == (422, "cap.nobody_there") and typo.json()["where"] == "body.places.1"
        every = await http.post(f"/alerts/{id_}/air", json={"sure": True, "places": [""]})
        assert every.status_code == 422
        assert (await told(http, id_))["sent_to"] == []
        one = await http.post(f"/alerts/{id_}/air", json={"sure": True, "places": [NODE]})
        assert one.status_code == 200, one.text
        await until(lambda: node.told("bulletin.plan"), 60)
        assert ([each["node"] for each in one.json()["sent_to"]], one.json()["state"]) == ([NODE], "waiting")
        assert "air" in one.json()["may"], "the others can still be let"
        rest = await http.post(f"/alerts/{id_}/air", json={"sure": True, "seen": 1, "places": ["29401"]})
        assert [each["node"] for each in rest.json()["sent_to"]] == [OTHER, NODE]
        assert rest.json()["state"] == "aired"
        await until(lambda: other.told("bulletin.plan"), 60)
        never = await brought(http, AlertOf("vn.2", infos=MILD))
        assert code(await http.post(f"/alerts/{never}/end", json={})) == (409, "cap.silent")


async def test_it_is_left_with_a_word_and_a_cancellation_is_taken_for_true(hub: Running, node: PlacedNode) -> None:
    async with await program(hub, EVERY, ["29401"]) as http, await program(hub, EVERY, ["30001"]) as away:
        first = AlertOf(infos=MILD)
        id_ = await brought(http, first)
        assert code(await http.post(f"/alerts/{id_}/dismiss", json={"word": " "}))[0] == 422
        assert code(await away.post(f"/alerts/{id_}/dismiss", json={"word": "Không"})) == (404, "cap.not_found")
        cancel = await brought(http, first.after("vn.huy", "Cancel", infos=MILD))
        assert (await told(http, cancel))["may"] == ["dismiss", "accept"]
        none = await http.post(f"/alerts/{id_}/accept", json={})
        assert code(none) == (409, "cap.overtaken"), "it is no cancellation"
        taken = await http.post(f"/alerts/{cancel}/accept", json={})
        assert (taken.status_code, taken.json()["state"]) == (200, "noted")
        assert (await told(http, id_))["state"] == "cancelled"
        late = await http.post(f"/alerts/{id_}/dismiss", json={"word": "Trời đã tạnh"})
        assert code(late) == (409, "cap.overtaken")
        other = await brought(http, AlertOf("vn.3", infos=MILD))
        left = await http.post(f"/alerts/{other}/dismiss", json={"word": "Trời đã tạnh"})
        assert (left.json()["state"], left.json()["history"][-1]["word"]) == ("dismissed", "Trời đã tạnh")
    acts = (await hub.http.get("/api/v1/audit")).json()["items"]
    assert {"alert.bring", "alert.accept", "alert.dismiss"} <= {one["act"] for one in acts}
