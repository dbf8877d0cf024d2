"""What programs do with what is on air: the same as the pages do, by the same ways, with the same rights."""

import asyncio
from typing import Any

import httpx
import pytest
from hub_rig import FakeNode, Mosquitto, Running, event, now, until

from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import SpeakerState
from hub.marks import Mark
from hub.people.audit import acts

V1 = "/api/v1"
NODE = "29401/tram-bom"
OTHER = "29401/cong-lang"


async def program(hub: Running, rights: list[str], places: list[str]) -> httpx.AsyncClient:
    asked = {"name": "Trung tâm", "rights": rights, "places": places}
    made = await hub.http.post(f"{V1}/tokens", json=asked)
    assert made.status_code == 201, made.text
    headers = {"Authorization": f"Bearer {made.json()['secret']}"}
    return httpx.AsyncClient(base_url=f"{hub.url}{V1}", timeout=30, headers=headers)


async def noted(hub: Running) -> list[str]:
    """Acts in the audit log, without what was refused, and those of the tests themselves."""
    rows = await hub.hub.store.read(lambda c: c.execute(acts.select().order_by(acts.c.at)).fetchall())
    return [row.act for row in rows if not row.act.startswith(("token.", "person.", "web."))]


def repeating(*ids: str) -> SpeakerState:
    return SpeakerState(id="loa", at=now(), actual="playing", playing=ids[0], emergencies=ids)


async def refuse(node: FakeNode, asked: Any) -> None:
    await node.ack(asked, "rejected", fault=Fault.of("command.busy"))


@pytest.fixture
async def other(hub: Running, node: FakeNode, broker: Mosquitto) -> Any:
    """A second node of the same commune and area."""
    async with FakeNode(broker.port, node.verifier, node="cong-lang", title="Cổng làng") as fake:
        await until(lambda: len(getattr(hub.hub.registry.nodes.get(OTHER), "states", ())) >= 4)
        yield fake


async def test_volume_order_and_a_bulletin_of_one_node(hub: Running, node: FakeNode) -> None:
    clash = event(1, "clash", "speaker/loa", speaker="loa", items=["b-1", "b-2"], titles=["Một", "Hai"])
    await node.send(clash)
    await until(lambda: NODE in hub.hub.ledger.accounts)
    async with await program(hub, ["speak", "approve"], ["29401"]) as http:
        key = {"Idempotency-Key": "volume-1"}
        for again in (None, "true"):
            set_ = await http.post(f"/nodes/{NODE}/speakers/loa/volume", json={"volume": 70}, headers=key)
            assert (set_.status_code, set_.json()["state"]) == (200, "done")
            assert set_.headers.get("Idempotency-Replayed") == again
        wrong = await http.post(f"/nodes/{NODE}/speakers/loa/volume", json={"volume": 101})
        assert (wrong.status_code, wrong.json()["where"]) == (422, "body.volume")
        ordered = await http.post(f"/nodes/{NODE}/order", json={"bulletins": ["b-2", "b-1"], "clash": 1})
        assert ordered.status_code == 200, ordered.text
        assert hub.hub.ledger.accounts[NODE].decided == {1}
        off = await http.post(f"/nodes/{NODE}/bulletins/b-1/cancel", json={})
        assert off.status_code == 200, off.text
        node.replies["bulletin.order"] = refuse
        no = await http.post(f"/nodes/{NODE}/order", json={"bulletins": ["b-2", "b-1"], "clash": 2})
        assert (no.status_code, no.json()["code"], no.json()["state"]) == (409, "command.busy", "rejected")
        assert hub.hub.ledger.accounts[NODE].decided == {1}
        assert (await http.post("/nodes/29401/khong-co/speakers/loa/volume", json={"volume": 1})).status_code == 404
        await node.lose()
        await until(lambda: not hub.hub.registry.is_online(NODE))
        away = await http.post(f"/nodes/{NODE}/speakers/loa/volume", json={"volume": 10})
        assert (away.status_code, away.json()["code"]) == (503, "outcome.away")
    sent: list[Any] = [c.args for c in node.commands if not c.do.startswith("outbox.")]
    assert [args.do for args in sent] == ["speaker.volume", "bulletin.order", "bulletin.cancel", "bulletin.order"]
    assert (sent[0].speaker, sent[0].volume, sent[1].bulletins) == ("loa", 70, ("b-2", "b-1"))
    assert await noted(hub) == [f"node.{args.do}" for args in sent]


async def test_an_emergency_is_said_to_be_heard_at_one_node_and_at_all_of_ones_own(
    hub: Running, node: FakeNode, other: FakeNode, broker: Mosquitto
) -> None:
    foreign = FakeNode(broker.port, node.verifier, node="xa-ben", commune="30001", title="Xã bên")
    async with foreign, await program(hub, ["emergency"], ["29401"]) as http:
        one = await http.post(f"/nodes/{NODE}/emergencies/b-lu/acknowledge", json={})
        assert one.status_code == 200, one.text
        nowhere = await http.post("/emergencies/b-lu/acknowledge", json={})
        assert (nowhere.status_code, nowhere.json()["code"]) == (404, "form.no_emergency")
        for each in (node, other, foreign):
            await each.state(repeating("b-lu"))

        def sounds(address: str) -> bool:
            state: Any = hub.hub.registry.nodes[address].states.get(("speaker", "loa"))
            return state is not None and state.emergencies == ("b-lu",)

        await until(lambda: all(map(sounds, (NODE, OTHER, "30001/xa-ben"))))
        all_ = await http.post("/emergencies/b-lu/acknowledge", json={})
        assert (all_.status_code, all_.json()["done"], {*all_.json()["nodes"]}) == (200, 2, {NODE, OTHER})
        other.replies["emergency.acknowledge"] = refuse
        some = (await http.post("/emergencies/b-lu/acknowledge", json={})).json()
        assert (some["done"], some["all"], some["nodes"][OTHER]["error"]["code"]) == (1, 2, "command.busy")
    assert [len(n.commands) for n in (node, other, foreign)] == [3, 2, 0]


def plans(node: FakeNode) -> list[Any]:
    return [c.args.bulletin for c in node.commands if c.do == "bulletin.plan"]  # type: ignore[union-attr]


async def planned(node: FakeNode, asked: Any) -> None:
    """As an agent does: it has it on its calendar, and sounds it."""
    await node.ack(asked, "done", result={"next": asked.args.bulletin.at.isoformat()})
    if asked.args.bulletin.class_ == "emergency":
        await node.state(repeating(asked.args.bulletin.id))


async def cancelled(node: FakeNode, asked: Any) -> None:
    await node.state(SpeakerState(id="loa", at=now(), actual="idle"))
    await node.ack(asked, "done")


@pytest.fixture
async def siren(node: FakeNode) -> FakeNode:
    node.replies |= {"bulletin.plan": planned, "bulletin.cancel": cancelled}
    return node


async def stands(http: httpx.AsyncClient, id_: str, address: str, state: str) -> dict[str, Any]:
    """The emergency, once it stands so at this node."""
    told: dict[str, Any] = {}
    async with asyncio.timeout(20):
        while told.get("nodes", {}).get(address, {}).get("state") != state:
            await asyncio.sleep(0.05)
            told = (await http.get(f"/air/emergency/{id_}")).json()
    return told


async def test_an_emergency_in_several_places_is_sounded_called_again_and_ended(
    hub: Running, siren: FakeNode, other: FakeNode
) -> None:
    other.replies |= {"bulletin.plan": refuse, "bulletin.cancel": cancelled}
    words = {"title": "Xả lũ", "text": "Hồ chứa đang xả lũ.", "clear": "Đã hết xả lũ.", "minutes": 5}
    async with (
        await program(hub, ["see", "emergency"], ["29401"]) as http,
        await program(hub, ["see", "emergency"], [NODE]) as narrow,
        await program(hub, ["see", "emergency"], ["30001"]) as foreign,
    ):
        nowhere = await foreign.post("/air/emergency/check", json={**words, "places": ["29401"]})
        assert (nowhere.status_code, nowhere.json()["code"]) == (422, "emergency.nowhere")
        ahead = (await http.post("/air/emergency/check", json={**words, "places": ["29401//thon-dong"]})).json()
        assert (ahead["nodes"], ahead["away"], ahead["unclear"]) == ([OTHER, NODE], [], [])
        code = {"code": ahead["code"]}
        assert (await narrow.post("/air/emergency", json=code)).json()["code"] == "api.no_prepared"
        assert plans(siren) == plans(other) == []
        key = {"Idempotency-Key": "flood-1"}
        first, twice = [await http.post("/air/emergency", json=code, headers=key) for _ in range(2)]
        assert (first.status_code, twice.json()) == (201, first.json())
        assert (await http.post("/air/emergency", json=code)).status_code == 404
        id_ = first.json()["id"]
        bad = await stands(http, id_, OTHER, "bad")
        assert bad["nodes"][OTHER]["error"]["code"] == "command.busy"
        assert (await stands(http, id_, NODE, "sounding"))["state"] == "on"
        other.replies["bulletin.plan"] = planned
        assert (await narrow.post(f"/air/emergency/{id_}/again", json={})).json() == {"asked": 0}
        assert (await http.post(f"/air/emergency/{id_}/again", json={})).json() == {"asked": 1}
        await stands(http, id_, OTHER, "sounding")
        page = await hub.http.get("/air")
        assert f'href="/air/emergency/{id_}"' in page.text and "Tin khẩn cấp gần đây" in page.text
        assert (await narrow.get(f"/air/emergency/{id_}")).json()["nodes"].keys() == {NODE}
        assert (await foreign.get(f"/air/emergency/{id_}")).status_code == 404
        not_all = await narrow.post(f"/air/emergency/{id_}/clear", json={})
        assert (not_all.status_code, not_all.json()["code"]) == (403, "emergency.not_yours")
        ended = await http.post(f"/air/emergency/{id_}/clear", json={})
        assert (ended.status_code, ended.json()["state"], ended.json()["cleared_by"]) == (200, "cleared", "Trung tâm")
        await stands(http, id_, NODE, "ended")
        await until(lambda: len(plans(siren)) == 2)
        assert [(b.class_, b.text) for b in plans(siren)] == [
            ("emergency", "Hồ chứa đang xả lũ."),
            ("priority", "Đã hết xả lũ."),
        ]
        assert [each["state"] for each in (await http.get("/air/emergency")).json()] == ["cleared"]
    assert {"emergency.sound", "emergency.again", "emergency.clear"} <= {*await noted(hub)}


async def test_an_emergency_at_one_node_is_among_those_of_the_console(hub: Running, siren: FakeNode) -> None:
    async with await program(hub, ["see", "emergency"], [NODE]) as http:
        steps = f"/nodes/{NODE}/emergency"
        odd = await http.post(steps, json={"text": "Xả lũ.", "speaker": "loa"})
        assert (odd.status_code, odd.json()["where"]) == (422, "body.speaker")
        ahead = (await http.post(steps, json={"text": "Xả lũ, bà con rời bãi sông.", "class": "emergency"})).json()
        assert (ahead["node"], ahead["name"], ahead["online"]) == (NODE, "Trạm bơm Đông", True)
        assert (await http.post("/air/emergency", json={"code": ahead["code"]})).status_code == 404
        sounded = await http.post(f"{steps}/{ahead['code']}", json={})
        assert (sounded.status_code, sounded.json()["state"]) == (200, "done")
        id_ = sounded.json()["emergency"]
        assert f'href="/air/emergency/{id_}"' in (await hub.http.get("/air")).text
        assert (await hub.http.post(f"/air/emergency/{id_}/clear")).status_code == 303  # by the page's own button
        assert (await stands(http, id_, NODE, "ended"))["cleared_by"] == "quan-tri"
        ahead = (await http.post(steps, json={"text": "Xả lũ."})).json()
        siren.replies["bulletin.plan"] = refuse
        no = await http.post(f"{steps}/{ahead['code']}", json={})
        assert (no.status_code, no.json()["code"]) == (409, "command.busy")
        ahead = (await http.post(steps, json={"text": "Xả lũ."})).json()
        await siren.lose()
        await until(lambda: not hub.hub.registry.is_online(NODE))
        away = await http.post(f"{steps}/{ahead['code']}", json={})
        assert (away.status_code, away.json()["code"]) == (503, "outcome.away")
        assert len((await http.get("/air/emergency")).json()) == 2


async def test_prepared_messages_are_looked_after_by_administrators_and_used_by_programs(
    hub: Running, siren: FakeNode
) -> None:
    path, drill = f"{V1}/air/prepared", {"title": "Thử loa", "text": "Đây là thử loa.", "drill": True}
    refused = await hub.http.post(path, json=drill)
    assert (refused.status_code, refused.json()["code"]) == (422, "emergency.drill_words")
    asks = await hub.http.post(path, json={"title": "Họp", "text": "Họp ở UBND XQZT."})
    assert (asks.status_code, asks.json()["code"], asks.json()["params"]["words"]) == (422, "api.unclear_now", "XQZT")
    made = await hub.http.post(path, json={**drill, "text": "Diễn tập thử loa."})
    assert (made.status_code, made.json()["sound"]) == (201, False)
    own = f"{path}/{made.json()['id']}"
    changed = await hub.http.put(own, json={"title": "Vỡ đê", "text": "Đê vỡ.", "clear": "Đê đã hàn."})
    assert (changed.status_code, changed.json()["drill"]) == (200, False)
    assert "Vỡ đê" in (await hub.http.get("/air/emergency")).text
    async with await program(hub, ["emergency"], ["29401"]) as http:
        assert made.json()["id"] in [each["id"] for each in (await http.get("/air/prepared")).json()]
        assert (await http.post("/air/prepared", json=drill)).status_code == 403
        asked = {"use": made.json()["id"], "places": [NODE]}
        ahead = (await http.post("/air/emergency/check", json=asked)).json()
        assert (ahead["title"], ahead["text"], ahead["clear"]) == ("Vỡ đê", "Đê vỡ.", "Đê đã hàn.")
        for field, other in (("text", "Hồ xả lũ."), ("clear", "Yên."), ("drill", True)):
            two = await http.post("/air/emergency/check", json={**asked, field: other})
            assert (two.json()["code"], two.json()["where"]) == ("emergency.two_messages", f"body.{field}")
        same = await http.post("/air/emergency/check", json={**asked, "text": "Đê vỡ.", "drill": False})
        assert (same.status_code, same.json()["clear"]) == (201, "Đê đã hàn.")
        assert (await hub.http.delete(own)).status_code == 204
        gone = await http.post("/air/emergency/check", json=asked)
        assert (gone.status_code, gone.json()["code"]) == (422, "emergency.gone_prepared")
        nothing = await http.post("/air/emergency/check", json={"places": [NODE]})
        assert (nothing.status_code, nothing.json()["code"]) == (422, "form.empty")
    assert (await hub.http.put(own, json={**drill, "drill": False})).status_code == 404
    assert plans(siren) == []


async def over(http: httpx.AsyncClient, begun: httpx.Response) -> dict[str, Any]:
    """A round, once nobody is asked any more."""
    assert begun.status_code == 202, begun.text
    told: dict[str, Any] = begun.json()
    async with asyncio.timeout(20):
        while not told["over"]:
            await asyncio.sleep(0.05)
            told = (await http.get(f"/air/rounds/{told['id']}")).json()
    return told


async def test_many_are_asked_at_once_and_once_more(hub: Running, node: FakeNode, other: FakeNode) -> None:
    async def said(n: FakeNode, asked: Any) -> None:
        await n.ack(asked, "done")

    node.replies["speak"], other.replies["speak"] = said, refuse
    async with (
        await program(hub, ["speak"], ["29401"]) as http,
        await program(hub, ["speak"], [NODE]) as narrow,
    ):
        notice = {"text": "Mời bà con ra nhà văn hoá họp.", "places": ["29401//thon-dong"]}
        spoken = await over(http, await http.post("/air/speak", json=notice))
        assert (spoken["all"], spoken["done"], spoken["nodes"][OTHER]["state"]) == (2, 1, "rejected")
        assert spoken["nodes"][OTHER]["said"]["vi"] != spoken["nodes"][OTHER]["said"]["en"]
        args: Any = [n.commands[-1].args for n in (node, other)]
        assert args[0] == args[1] and args[0].at > node.commands[-1].at
        assert (await narrow.get(f"/air/rounds/{spoken['id']}")).status_code == 404
        other.replies["speak"] = said
        again = await over(http, await http.post(f"/air/rounds/{spoken['id']}/again", json={}))
        assert (again["all"], again["done"]) == (1, 1)
        nobody = await http.post(f"/air/rounds/{again['id']}/again", json={})
        assert (nobody.status_code, nobody.json()["code"]) == (409, "air.nobody_left")
        asks = {"text": "Họp ở UBND XQZT.", "places": [NODE]}
        assert (await http.post("/air/speak", json=asks)).json()["code"] == "api.unclear_now"
        answered = await over(http, await http.post("/air/speak", json={**asks, "readings": {"XQZT": "xã"}}))
        anyway = await over(http, await http.post("/air/speak", json={**asks, "anyway": True}))
        assert answered["done"] == anyway["done"] == 1
        volume = await over(narrow, await narrow.post("/air/volume", json={"volume": 40}))
        assert (volume["what"], {*volume["nodes"]}) == ("40 %", {NODE})
        quiet = await http.post("/air/stop", json={"place": "29401"})
        assert (quiet.status_code, quiet.json()["code"]) == (422, "air.nothing_plays")
        for each in (node, other):
            await each.state(SpeakerState(id="loa", at=now(), actual="playing", playing="b", title="Dài"))
        await until(lambda: len(hub.hub.registry.standings.marked[Mark.ON_AIR]) == 2)
        assert (await over(http, await http.post("/air/stop", json={})))["done"] == 2
    wanted = ["air.speak", "air.speak", "air.speak", "air.volume", "air.stop"]
    assert [act for act in await noted(hub) if act.startswith("air.")] == wanted


async def test_while_the_broker_is_away_programs_are_told_so_and_no_siren_sounds_late(
    hub: Running, siren: FakeNode, broker: Mosquitto
) -> None:
    async with await program(hub, ["see", "speak", "emergency"], ["29401"]) as http:
        steps = f"/nodes/{NODE}/emergency"
        before = (await http.post(steps, json={"text": "Xả lũ."})).json()
        assert before["online"] and (await http.get(f"/nodes/{NODE}")).json()["online"]
        broker.stop()
        await until(lambda: not hub.hub.link.connected)
        for path in ("/nodes", f"/nodes/{NODE}", f"/nodes/{NODE}/health", "/map?commune=29401"):
            told = (await http.get(path)).json()
            nodes = told.get("items", told.get("nodes", [told]))
            assert [each["online"] for each in nodes] == [False], path
        spoken = await http.post("/air/speak", json={"text": "Mời bà con đi họp.", "places": ["29401"]})
        assert (spoken.status_code, spoken.json()["code"]) == (503, "outcome.unsent")
        sounded = await http.post(f"{steps}/{before['code']}", json={})
        assert (sounded.status_code, sounded.json()["code"], sounded.json()["state"]) == (
            503,
            "outcome.unsent",
            "unsent",
        )
        assert (await http.get("/air/emergency")).json() == [], "nothing is kept to sound later"
        assert not (await http.post(steps, json={"text": "Xả lũ."})).json()["online"]
        ahead = await http.post("/air/emergency/check", json={"text": "Xả lũ.", "places": ["29401"]})
        assert (ahead.json()["nodes"], ahead.json()["away"]) == ([NODE], [NODE])
