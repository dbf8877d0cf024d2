"""What strangers and broken nodes send."""

import json
from pathlib import Path
from typing import Any

import pytest
from hub_rig import FakeNode, Mosquitto, Running, config_for, event, now, serving, signed_in, until

from edge_agent.contract.reports import LightState
from edge_agent.contract.signature import Verifier
from hub.messages import Malformed, decode
from hub.people.rights import EVERYWHERE, Grant, Role
from hub.people.sessions import COOKIE

PATH = "/nodes/29401/tram-bom"


FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "https://127.0.0.1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1"},
]


async def test_foreign_sites_cannot_post(hub: Running, node: FakeNode) -> None:
    for headers in FOREIGN:
        answer = await hub.http.post(f"{PATH}/lights/cong-thon", data={"level": "100"}, headers=headers)
        assert answer.status_code == 403, headers
    looked = await hub.http.get(f"{PATH}/cameras/cong/picture", headers={"Sec-Fetch-Site": "cross-site"})
    assert looked.status_code == 403
    assert not node.commands


async def test_a_program_is_refused_in_the_shape_of_the_api(hub: Running) -> None:
    path, foreign = "/api/v1/nodes/29401/tram-bom/switch", {"Origin": "http://evil.example"}
    refused = await hub.http.post(path, json={}, headers=foreign)
    assert (refused.status_code, refused.json()["code"]) == (403, "form.foreign")
    assert set(refused.json()["message"]) == {"vi", "en"}


async def test_own_site_can_post(hub: Running, node: FakeNode) -> None:
    for headers in ({"Origin": hub.url}, {"Sec-Fetch-Site": "same-origin"}, {}):
        answer = await hub.http.post(f"{PATH}/lights/cong-thon", data={"level": "100"}, headers=headers)
        assert answer.status_code == 303


HOSTS = {
    "evil.example": 421,
    "127.0.0.1.evil.example": 421,
    "localhost:80@evil.example": 421,
    "localhost/": 421,
    "": 421,
    "localhost": 200,
    "LOCALHOST:1": 200,
    "hub.example:8080": 200,
    "192.168.1.20:8080": 200,
    "[::1]:8080": 200,
}


async def test_only_our_own_names_are_answered(hub: Running) -> None:
    for host, status in HOSTS.items():
        answer = await hub.http.get("/", headers={"Host": host})
        assert answer.status_code == status, host


async def test_every_answer_carries_the_policy(hub: Running) -> None:
    for path in ("/", "/nodes", "/static/console.css", "/nowhere", "/static/vendor/htmx.min.js"):
        answer = await hub.http.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await hub.http.get("/static/../config.py")).status_code == 404
    assert (await hub.http.get("/static/%2e%2e/config.py")).status_code == 404


ODD = [
    b"",
    b"garbage",
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b"{}",
    b"[" * 5000,
    b'{"a":' * 5000,
    b"x" * 1_000_000,
    b'{"online":"perhaps","session":[],"since":5}',
    b'{"online":true,"session":"s","since":"0001-01-01T00:00:00+14:00","version":"1"}',
    b'{"online":true,"session":"s","since":"9999-12-31T23:59:59-14:00","version":"1"}',
    b'{"online":true,"session":"s","since":"2026-01-01T00:00:00","version":"1"}',
    json.dumps({"node": "tram-bom", "session": "s", "records": [{"seq": "NaN"}]}).encode(),
    json.dumps({"node": "tram-bom", "session": "s", "records": []}).encode(),
    json.dumps({"id": "x", "kind": "light", "wanted": 1e999, "actual": {}, "why": None}).encode(),
]


async def test_malformed_bodies_do_not_stop_the_hub(hub: Running, node: FakeNode) -> None:
    topics = [f"{node.topics.root}/{t}" for t in ("status", "about", "state/light/x", "event", "telemetry", "ack")]
    strange = ["edge/29401/UPPER/status", "edge/29401/all/status", "edge//x/status", "edge/a b/ü/about"]
    for topic in [*topics, *strange]:
        for body in ODD:
            if body or "state" in topic:
                await node.say(topic, body, retain=False)
    await node.state(LightState(id="cong-thon", at=now(), wanted=100, actual=100, why="program"))
    await until(
        lambda: getattr(hub.hub.registry.nodes["29401/tram-bom"].states.get(("light", "cong-thon")), "actual", 0)
    )
    assert set(hub.hub.registry.nodes) == {"29401/tram-bom"}
    assert (await hub.http.get("/nodes/29401/tram-bom")).status_code == 200
    assert hub.hub.link.connected


async def test_odd_but_valid_reports_are_shown(hub: Running, node: FakeNode) -> None:
    about = node.about().model_copy(update={"timezone": "../../etc/passwd", "name": " "})
    await node.say(node.topics.about, about.body())
    far = (
        b'{"id":"far","kind":"light","at":"9999-12-31T23:59:59+00:00","wanted":0,"actual":0,"why":"rule",'
        b'"until":"9999-12-31T23:59:59Z"}'
    )
    await node.say(node.topics.state("light", "far"), far)
    await until(lambda: ("light", "far") in hub.hub.registry.nodes["29401/tram-bom"].states)
    text = (await hub.http.get("/nodes/29401/tram-bom")).text
    assert "tram-bom" in text
    for zone in ("Asia", "", "/etc/passwd", "Nowhere/At_All", "a" * 5000):
        await node.say(node.topics.about, about.model_copy(update={"timezone": zone}).body())
        await until(lambda z=zone: hub.hub.registry.nodes["29401/tram-bom"].about.timezone == z)  # type: ignore[misc]
        assert (await hub.http.get("/nodes/29401/tram-bom")).status_code == 200


async def test_state_that_is_cleared_goes_and_so_does_the_node(hub: Running, node: FakeNode) -> None:
    await node.say(node.topics.state("light", "cong-thon"), b"")
    await until(lambda: ("light", "cong-thon") not in hub.hub.registry.nodes["29401/tram-bom"].states)
    for kind, thing in list(hub.hub.registry.nodes["29401/tram-bom"].states):
        await node.say(node.topics.state(kind, thing), b"")
    await node.say(node.topics.about, b"")
    await node.say(node.topics.status, b"")
    await until(lambda: not hub.hub.registry.nodes)
    assert "Chưa có nút nào" in (await hub.http.get("/")).text


async def test_event_data_of_any_kind_is_drawn(hub: Running, node: FakeNode) -> None:
    wild: list[Any] = [None, 1e308, "x" * 5000, {"a": 1}, [1], True, "{0.__class__}", -1]
    await node.send(
        *(
            event(
                n, kind, "light/" + "y" * 500, level=value, code=value, state=value, by=value, text=value, reason=value
            )
            for n, (kind, value) in enumerate(
                ((k, v) for k in ("switched", "override", "command", "bulletin", "clock", "gap") for v in wild), 1
            )
        )
    )
    await until(lambda: hub.hub.ledger.accounts.get("29401/tram-bom"))
    assert (await hub.http.get("/nodes/29401/tram-bom")).status_code == 200


@pytest.mark.parametrize(
    "topic", ["edge/a/b", "edge/a/b/status\n", "other/a/b/status", "edge/a/b/cmd", "edge/a/all/ack"]
)
def test_other_topics_are_malformed(topic: str) -> None:
    with pytest.raises(Malformed):
        decode(topic, b"{}", False)


def test_a_node_speaks_of_itself_only() -> None:
    ack = b'{"id":"x","node":"b","state":"done","at":"2026-01-01T00:00:00Z"}'
    assert decode("edge/c/b/ack", ack, False).address == "c/b"
    with pytest.raises(Malformed):
        decode("edge/c/other/ack", ack, False)


async def test_nodes_of_communes_that_are_not_served_are_refused_and_told(broker: Mosquitto, tmp_path: Path) -> None:
    async with serving(config_for(tmp_path, broker.port, communes=["29401"])) as hub:
        signer = hub.hub.signer
        known = Verifier({signer.key_id: signer.public})
        async with FakeNode(broker.port, known, "ma", "99999"), FakeNode(broker.port, known):
            await until(lambda: "29401/tram-bom" in hub.hub.registry.nodes and hub.hub.inbox.strangers.all())
            assert list(hub.hub.registry.nodes) == ["29401/tram-bom"]
            for path in ("/", "/nodes"):
                told = (await hub.http.get(path)).text
                assert "Xã 99999: 1 nút (ma) gửi tin về đây" in told and 'href="/nodes/99999' not in told
            viewer = await signed_in(hub.hub, "dan", Grant(Role.VIEWER, EVERYWHERE))
            asked = await hub.http.get("/nodes", headers={"Cookie": f"{COOKIE}={viewer}"})
            assert asked.status_code == 200 and "99999" not in asked.text
