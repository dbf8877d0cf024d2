"""What programs do with what is on air: the same as the pages do, by the same ways, with the same rights."""

from typing import Any

import httpx
import pytest
from hub_rig import FakeNode, Mosquitto, Running, event, now, until

from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import SpeakerState
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
