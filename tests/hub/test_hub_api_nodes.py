"""How nodes do and where they stand, for programs; the picture of a commune, for administrators."""

import io
from typing import Any

import pytest
from hub_rig import FakeNode, Mosquitto, Running, event, now, sample, until
from PIL import Image
from test_hub_api_more import program

from edge_agent.contract.health import DoctorState, Finding
from edge_agent.contract.reports import About, Position

V1 = "/api/v1"
NODE = "29401/tram-bom"


class Placed(FakeNode):
    """A node that says where it stands."""

    def about(self) -> About:
        return super().about().model_copy(update={"position": Position(latitude=20.9, longitude=105.8)})


@pytest.fixture
async def placed(hub: Running, broker: Mosquitto, node: FakeNode) -> Any:
    other = Placed(broker.port, node.verifier, node="cong-lang", title="Cổng làng", hub_url=hub.url)
    async with other:
        await until(lambda: getattr(hub.hub.registry.nodes.get("29401/cong-lang"), "about", None))
        yield other


async def test_health_and_last_words_of_a_node_that_went_silent(hub: Running, node: FakeNode) -> None:
    path = f"/nodes/{NODE}/health"
    async with (
        await program(hub, ["see"], ["29401"]) as http,
        await program(hub, ["see"], ["30001"]) as elsewhere,
    ):
        assert (await elsewhere.get(path)).status_code == 403
        await node.send(sample(1, temperature=51.5, disk=93.0), event(2, "started"))
        await until(lambda: getattr(hub.hub.ledger.accounts.get(NODE), "version", 0) >= 2)

        async def told() -> dict[str, Any]:
            answer = await http.get(path)
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found

        there = await told()
        assert there["online"] and "last" not in there
        assert [one["values"] for one in there["samples"]] == [{"temperature": 51.5, "disk": 93.0}]
        worst = there["checks"][0]
        assert not worst["good"] and "93" in worst["message"]["vi"] and worst["message"]["en"] != worst["message"]["vi"]
        await node.lose()
        await until(lambda: not hub.hub.registry.is_online(NODE))
        away = await told()
    assert not away["online"] and away["last"]["seen"]
    assert away["last"]["measured"]["values"]["disk"] == 93.0
    assert [(one["type"], bool(one["message"]["vi"])) for one in away["last"]["events"]] == [("started", True)]


async def test_what_an_examination_found(hub: Running, node: FakeNode) -> None:
    path = f"/nodes/{NODE}/doctor"
    async with await program(hub, ["see"], [NODE]) as http:
        assert (await http.get(path)).json() == {"node": NODE, "state": "never", "done": 0, "parts": 0, "findings": []}
        assert (await http.get("/nodes/29401/khong-co/doctor")).status_code in (403, 404)
        begun = DoctorState(id="node", at=now(), actual="examining", session=node.session, began=now(), by="Lan")
        await node.state(begun.model_copy(update={"part": "disk", "parts": 4, "done": 1}))
        await until(lambda: ("doctor", "node") in hub.hub.registry.nodes[NODE].states)
        going = (await http.get(path)).json()
        assert (going["state"], going["part"], going["done"], going["by"]) == ("examining", "disk", 1, "Lan")
        bad = Finding(part="disk", state="faulty", code="disk.full", vi="Thẻ nhớ đầy.", en="The card is full.")
        await node.state(begun.model_copy(update={"actual": "done", "ended": now(), "findings": (bad,)}))
        await until(lambda: getattr(hub.hub.registry.nodes[NODE].states[("doctor", "node")], "findings", ()))
        done = (await http.get(path)).json()
    assert (done["state"], done["findings"][0]["code"]) == ("done", "disk.full")
    assert done["findings"][0]["message"] == {"vi": "Thẻ nhớ đầy.", "en": "The card is full."}


def picture() -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (800, 400), "white").save(made, "PNG")
    return made.getvalue()


async def test_a_picture_is_laid_on_the_ground_as_on_the_page(hub: Running, placed: FakeNode) -> None:
    send = hub.http
    png = {"Content-Type": "image/png"}
    base = f"{V1}/map/29401"
    flat = (await send.get(f"{V1}/map", params={"commune": "29401"})).json()
    assert "picture" not in flat
    assert {one["node"]: one.get("latitude") for one in flat["nodes"]} == {NODE: None, "29401/cong-lang": 20.9}
    bad = await send.put(f"{base}/picture", content=b"<svg onload=x>", headers=png)
    assert (bad.status_code, bad.json()["code"]) == (422, "node.map_no_picture")
    form = await send.put(f"{base}/picture", content=picture(), headers={"Content-Type": "text/plain"})
    assert (form.status_code, form.json()["code"]) == (415, "api.not_file")
    early = await send.put(f"{base}/pins", json={"pins": [{"x": 0, "y": 0, "latitude": 21, "longitude": 105}]})
    assert (early.status_code, early.json()["code"]) == (422, "node.map_no_picture")
    laid = await send.put(f"{base}/picture", content=picture(), headers=png)
    assert (laid.status_code, laid.json()["picture"]["width"], laid.json()["picture"]["fitted"]) == (200, 800, False)
    corners = [(0, 0, 21, 105), (800, 0, 21, 106.6)]
    pins = [{"x": x, "y": y, "latitude": lat, "longitude": lon} for x, y, lat, lon in corners]
    line = await send.put(f"{base}/pins", json={"pins": [*pins, {**pins[0], "x": 400, "longitude": 105.8}]})
    assert (line.status_code, line.json()["code"]) == (422, "node.map_line")
    outside = await send.put(f"{base}/pins", json={"pins": [{**pins[0], "x": 801}]})
    assert outside.json()["code"] == "node.map_no_place"
    nobody = await send.put(f"{base}/pins", json={"pins": [{"x": 0, "y": 0, "node": NODE}]})
    assert nobody.json()["code"] == "node.map_no_place", "that node says no position"
    fitted = await send.put(f"{base}/pins", json={"pins": [*pins, {"x": 400, "y": 50, "node": "29401/cong-lang"}]})
    assert fitted.status_code == 200, fitted.text
    spot = next(one for one in fitted.json()["nodes"] if one["node"] == "29401/cong-lang")
    assert (round(spot["x"]), round(spot["y"])) == (400, 50)
    assert '<image href="/map/29401/picture?' in (await send.get("/map?commune=29401")).text, "the page has it too"
    async with await program(hub, ["see"], ["29401"]) as http, await program(hub, ["see"], ["30001"]) as other:
        shown = await http.get("/map/picture", params={"commune": "29401"})
        assert shown.content.startswith(b"\xff\xd8\xff")
        assert (await other.get("/map/picture", params={"commune": "29401"})).status_code == 404
        assert (await other.get("/map", params={"commune": "29401"})).status_code == 404
        assert (await http.delete("/map/29401/picture")).status_code == 403, "for administrators only"
    assert (await send.put(f"{base}/pins", json={"pins": []})).json()["picture"]["pins"] == []
    assert (await send.delete(f"{base}/picture")).status_code == 204
    assert "picture" not in (await send.get(f"{V1}/map", params={"commune": "29401"})).json()
    acts = (await send.get(f"{V1}/audit")).json()["items"]
    assert {"map.picture", "map.pin", "map.unpin", "map.remove"} <= {one["act"] for one in acts}
