"""Administrators add nodes, withdraw tokens, revoke, and see who is trusted and who is two, on pages and by the API."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from enrolment_rig import COMMUNE, NAME, Box, Trust, trusted, trusting
from hub_rig import FakeNode, Mosquitto, signed_in, until

from edge_agent.contract.enrolment import CardEnrolment
from edge_agent.contract.signature import Verifier
from hub.people.rights import Grant, Place, Role
from hub.people.sessions import COOKIE

ADDRESS = f"{COMMUNE}/{NAME}"
OWN, STRANGE = "0123456789abcdef", "fedcba9876543210"


@pytest.fixture
async def trust(broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Trust]:
    config = trusting(tmp_path, broker.port)
    async with trusted(config, connected=True) as running:
        yield running


async def test_a_token_is_made_shown_once_taken_to_the_card_and_withdrawn(trust: Trust) -> None:
    http = trust.hub.http
    form = {"commune": COMMUNE, "name": NAME, "area": "Thôn Đông"}
    wrong = await http.post("/trust/tokens", data={**form, "name": "Trạm bơm"})
    assert wrong.status_code == 422 and "chỉ gồm chữ thường không dấu" in wrong.text and "Trạm bơm" in wrong.text
    made = await http.post("/trust/tokens", data=form)
    page = (await http.get(made.headers["location"])).text
    assert "<svg" in page and "Thôn Đông" in page
    link = re.search(r"/trust/tokens/[0-9a-f-]+/enrol\.json", page)
    assert link
    card = CardEnrolment.model_validate_json((await http.get(link[0])).content)
    assert card.token in page and card.token not in (await http.get("/trust")).text
    # neither another administrator nor a head of an area gets it
    other = await signed_in(trust.hub.hub, "khac", Grant(Role.ADMINISTRATOR, Place()))
    for path in (link[0], made.headers["location"]):
        assert card.token not in (await http.get(path, headers={"Cookie": f"{COOKIE}={other}"})).text
    away = await signed_in(trust.hub.hub, "xa-khac", Grant(Role.ADMINISTRATOR, Place("30001")))
    as_away: Any = {"headers": {"Cookie": f"{COOKIE}={away}"}}
    assert NAME not in (await http.get("/trust", **as_away)).text
    assert "không quản trị xã này" in (await http.post("/trust/tokens", data=form, **as_away)).text
    slip = await http.post(link[0].replace("enrol.json", "withdraw"), **as_away)
    assert "đã rút hoặc đã hết hạn" in (await http.get(slip.headers["location"], **as_away)).text
    await http.post(link[0].replace("enrol.json", "withdraw"))
    assert (await Box(trust.http).ask(card.token)).json()["code"] == "enrol.token_withdrawn"
    assert "Không có mã nào đang chờ" in (await http.get("/trust")).text


async def test_the_api_does_the_same(trust: Trust) -> None:
    http, where = trust.hub.http, "/api/v1/enrolment"
    made = await http.post(f"{where}/tokens", json={"commune": COMMUNE, "name": NAME})
    assert made.status_code == 201, made.text
    refused = await http.post(f"{where}/tokens", json={"commune": COMMUNE, "name": "hub"})
    assert refused.json()["code"] == "trust.reserved"
    assert [one["node"] for one in (await http.get(f"{where}/tokens")).json()] == [ADDRESS]
    assert (await Box(trust.http).ask(made.json()["card"]["token"])).status_code == 200
    assert (await http.get(f"{where}/tokens")).json() == []
    assert (await http.get(f"{where}/nodes")).json()[0]["board"] == OWN
    assert (await http.delete(f"{where}/tokens/{made.json()['id']}")).status_code == 404
    assert (await http.post(f"{where}/nodes/{ADDRESS}/revoke", json={})).status_code == 422
    assert (await http.post(f"{where}/nodes/{ADDRESS}/revoke", json={"sure": True})).status_code == 204
    assert (await http.post(f"{where}/nodes/{ADDRESS}/revoke", json={"sure": True})).status_code == 404
    assert "revoked" in (await http.get(f"{where}/nodes")).json()[0]


async def test_a_node_tells_its_certificate_and_is_revoked_in_two_steps_or_by_being_forgotten(
    trust: Trust, broker: Mosquitto
) -> None:
    http, signer = trust.hub.http, trust.hub.hub.signer
    async with FakeNode(broker.port, Verifier({signer.key_id: signer.public})) as node:
        await until(lambda: len(getattr(trust.hub.hub.registry.nodes.get(ADDRESS), "states", ())) >= 4)
        box = await trust.enrolled()
        await until(lambda: trust.part.known.get(ADDRESS))
        page = (await http.get(f"/nodes/{ADDRESS}")).text
        assert "Chứng thư" in page and "nút tự gia hạn" in page and OWN in page
        slip = await http.post(f"/nodes/{ADDRESS}/revoke")
        assert "hãy đánh dấu" in (await http.get(slip.headers["location"])).text
        assert "Tôi chắc chắn" in (await http.get(f"/nodes/{ADDRESS}/revoke")).text
        await http.post(f"/nodes/{ADDRESS}/revoke", data={"sure": "yes"})
        await until(lambda: trust.part.enforcing.is_revoked(box.certificate().serial_number))
        assert "đã thu hồi" in (await http.get("/trust")).text
        again = await trust.enrolled(key=Box(trust.http).key)
        await node.lose()
        await until(lambda: not trust.hub.hub.registry.nodes[ADDRESS].online)
        await http.post(f"/nodes/{ADDRESS}/forget", data={"sure": "yes"})
        await until(lambda: trust.part.enforcing.is_revoked(again.certificate().serial_number))


async def test_two_boxes_under_one_name_are_told_and_a_replaced_one_is_not(trust: Trust, broker: Mosquitto) -> None:
    http, signer = trust.hub.http, trust.hub.hub.signer

    def said() -> str:
        node = trust.hub.hub.registry.nodes[ADDRESS]
        return node.status.fault.code if node.status and node.status.fault else ""

    async with FakeNode(broker.port, Verifier({signer.key_id: signer.public})) as node:

        async def speaks(board: str) -> None:
            await node.say(node.topics.status, node.status(True, board=board).body())
            await until(lambda: trust.hub.hub.registry.nodes[ADDRESS].status.board == board)  # type: ignore[union-attr]

        await until(lambda: len(getattr(trust.hub.hub.registry.nodes.get(ADDRESS), "states", ())) >= 4)
        # without certificates: another box in its place is none; two that take turns are
        await speaks(OWN)
        await speaks(STRANGE)
        assert said() == ""
        await speaks(OWN)
        assert said() == "enrol.cloned"
        for path in ("/", f"/nodes/{ADDRESS}"):
            text = (await http.get(path)).text
            assert "Hai máy đang dùng chung tên nút này" in text, path
        await trust.hub.hub.store.call(lambda _: None)  # what was written down before is there now
        assert "Thấy hai máy dùng chung" in (await http.get("/audit")).text
        # enrolled anew, it is one again; a copy of its card is noticed at its first word
        await trust.enrolled()
        await until(lambda: trust.part.known.get(ADDRESS))
        await speaks(OWN)
        assert said() == ""
        await speaks(STRANGE)
        assert said() == "enrol.cloned"
        await trust.enrolled(board={"machine": "aarch64", "mark": STRANGE}, key=Box(trust.http).key)
        await until(lambda: trust.part.known.get(ADDRESS).mark == STRANGE)  # type: ignore[union-attr]
        await speaks(STRANGE)
        assert said() == ""
