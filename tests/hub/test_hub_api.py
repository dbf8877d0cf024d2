"""The JSON API and its event stream over real HTTP, with nodes on a real broker."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hub_rig import FakeNode, Mosquitto, Running, config_for, serving, until

from edge_agent.contract.errors import Fault
from hub.feed import _Reader
from hub.protocol import MAX_HEAD

NODE = "29401/tram-bom"
PATH = f"/api/v1/nodes/{NODE}"


@asynccontextmanager
async def events(hub: Running, query: str = "") -> AsyncIterator[Any]:
    """Yields a function that awaits the next event: its kind and data."""
    async with hub.http.stream("GET", f"/api/v1/events{query}") as stream:
        lines = stream.aiter_lines()

        async def following() -> tuple[str, Any]:
            kind = ""
            async with asyncio.timeout(5):
                async for line in lines:
                    kind = line.removeprefix("event: ") if line.startswith("event: ") else kind
                    if line.startswith("data: "):
                        return kind, json.loads(line.removeprefix("data: "))
            raise AssertionError("the stream has ended")

        await until(lambda: hub.hub.feed.readers)
        yield following


async def test_switching_is_answered_with_what_the_node_says(hub: Running, node: FakeNode) -> None:
    async with events(hub, f"?node={NODE}&kind=light") as following:
        answer = await hub.http.post(f"{PATH}/switch", json={"thing": "cong-thon", "level": 100, "seconds": 1800})
        assert answer.status_code == 200
        assert {**answer.json(), "undo": "?"} == {"node": NODE, "state": "done", "result": {}, "undo": "?"}
        kind, told = await following()
    assert kind == "state"
    assert (told["node"], told["kind"], told["id"]) == (NODE, "light", "cong-thon")
    assert (told["state"]["actual"], told["state"]["why"]) == (100, "override")
    assert node.commands[-1].args.seconds == 1800  # type: ignore[union-attr]
    states = (await hub.http.get(f"{PATH}/states")).json()
    assert states["online"]
    assert {(s["kind"], s["id"], s["actual"]) for s in states["states"]} >= {("light", "cong-thon", 100)}


async def test_release_reset_and_arm_reach_the_node(hub: Running, node: FakeNode) -> None:
    await node.furnish()
    for name, body in (
        ("release", {"thing": "cong-thon"}),
        ("reset", {"thing": "bom"}),
        ("arm", {"rule": "nong", "armed": False}),
    ):
        answer = await hub.http.post(f"{PATH}/{name}", json=body)
        assert (answer.status_code, answer.json()["state"]) == (200, "done")
    assert [c.do for c in node.commands] == ["switch.release", "switch.reset", "rule.arm"]


async def test_a_sentence_is_spoken_as_it_can_be_read(hub: Running, node: FakeNode) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0).isoformat()
    said = await hub.http.post(f"{PATH}/speak", json={"text": " Xin chào\x00\u202e bà con. ", "at": soon})
    assert said.status_code == 202, said.text
    args = node.commands[-1].args
    assert (args.text, args.at.isoformat()) == ("Xin chào bà con.", soon)


async def test_refusal_carries_its_sentence_in_both_languages(hub: Running, node: FakeNode) -> None:
    async def refuse(n: FakeNode, asked: Any) -> None:
        await n.ack(asked, "rejected", fault=Fault.of("light.not_dimmable", id="cong-thon", level=50))

    node.replies["switch.override"] = refuse
    answer = await hub.http.post(f"{PATH}/switch", json={"thing": "cong-thon", "level": 50})
    assert answer.status_code == 409
    told = answer.json()
    assert (told["code"], told["where"], told["state"]) == ("light.not_dimmable", NODE, "rejected")
    assert told["message"]["vi"] != told["message"]["en"]


async def test_wrong_requests_reach_no_node(hub: Running, node: FakeNode) -> None:
    for body in (
        {},
        {"thing": "x"},
        {"thing": "X", "level": 1},
        {"thing": "a", "level": 101},
        {"thing": "a", "lvl": 1},
    ):
        answer = await hub.http.post(f"{PATH}/switch", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "command.invalid")
    for content, kind, status in (
        (b'{"thing":"cong-thon","level":100}', "text/plain", 415),
        (b"{", "application/json", 422),
        (b" " * 300_000, "application/json", 413),
    ):
        answer = await hub.http.post(f"{PATH}/switch", content=content, headers={"Content-Type": kind})
        assert answer.status_code == status
    late = {"text": "Xin chào.", "at": (datetime.now(UTC) + timedelta(days=2)).isoformat()}
    for spoken, code in (({"text": "\x00\x07"}, "command.invalid"), (late, "api.speak_later")):
        answer = await hub.http.post(f"{PATH}/speak", json=spoken)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    missing = await hub.http.post("/api/v1/nodes/29401/nobody/switch", json={"thing": "a", "level": 1})
    assert (missing.status_code, missing.json()["code"]) == (404, "command.unknown_node")
    assert not node.commands


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_other_sites_may_not_use_it(hub: Running, node: FakeNode, headers: dict[str, str]) -> None:
    body = {"thing": "cong-thon", "level": 100}
    assert (await hub.http.post(f"{PATH}/switch", json=body, headers=headers)).status_code == 403
    commune = await hub.http.post("/api/v1/communes/29401/switch", json={**body, "thing": "lights"}, headers=headers)
    assert commune.status_code == 403
    assert not node.commands


async def test_nothing_is_sent_to_a_node_that_is_away(hub: Running, node: FakeNode) -> None:
    async with events(hub) as following:
        await node.lose()
        kind, told = await following()
        assert (kind, told["node"], told["online"]) == ("node", NODE, False)
    answer = await hub.http.post(f"{PATH}/switch", json={"thing": "cong-thon", "level": 100})
    assert (answer.status_code, answer.json()["state"]) == (503, "unsent")
    assert not node.commands


async def test_one_command_for_all_lights_tells_each_nodes_answer(
    hub: Running, node: FakeNode, broker: Mosquitto
) -> None:
    async def fail(n: FakeNode, asked: Any) -> None:
        fault = Fault.of("switch.partly", done=1, all=2, failed="san-nha")
        await n.ack(asked, "failed", fault=fault, result={"things": {"cong-thon": {}, "san-nha": {"fault": {}}}})

    async with FakeNode(broker.port, node.verifier, node="cong-lang", title="Cổng làng", hub_url=hub.url) as other:
        other.replies["switch.override"] = fail
        away = FakeNode(broker.port, node.verifier, node="xa", title="Xa", hub_url=hub.url)
        async with away:
            await until(lambda: len(hub.hub.registry.nodes) == 3)
            await until(lambda: all(n.about for n in hub.hub.registry.nodes.values()))
        await until(lambda: not hub.hub.registry.nodes["29401/xa"].online)
        answer = await hub.http.post("/api/v1/communes/29401/switch", json={"thing": "lights", "level": 100})
    assert answer.status_code == 207
    told = answer.json()
    assert (told["done"], told["all"]) == (1, 3)
    assert {address: one["state"] for address, one in told["nodes"].items()} == {
        NODE: "done",
        "29401/cong-lang": "failed",
        "29401/xa": "unsent",
    }
    assert "san-nha" in told["nodes"]["29401/cong-lang"]["result"]["things"]
    assert [c.to for c in node.commands] == ["29401/all"]
    nobody = await hub.http.post("/api/v1/communes/29402/switch", json={"thing": "lights", "level": 100})
    assert nobody.status_code == 404


async def test_stream_can_begin_with_all_that_is_known(hub: Running, node: FakeNode) -> None:
    async with events(hub, "?now=true&kind=light") as following:
        assert (await following())[1] == {
            "node": NODE,
            "online": True,
            "since": hub.hub.registry.nodes[NODE].status.since.isoformat(timespec="milliseconds"),  # type: ignore[union-attr]
        }
        assert {(await following())[1]["id"], (await following())[1]["id"]} == {"cong-thon", "san-nha"}
        await node.say(node.topics.state("light", "san-nha"), b"")
        assert (await following())[1]["state"] is None


async def test_slow_reader_gets_the_newest_state_of_each_thing() -> None:
    reader = _Reader(NODE, "light", lambda _: True)
    for number in range(1000):
        for thing in ("a", "b"):
            reader.put((NODE, "light", thing), b"%s%d;" % (thing.encode(), number))
        reader.put((NODE, "sensor", "a"), b"another kind")
        reader.put(("29401/other", "light", "a"), b"another node")
    assert reader.take() == b"a999;b999;"
    assert not await reader.wait(0.01)


async def test_readers_are_bounded_and_end_with_the_hub(broker: Mosquitto, tmp_path: Any) -> None:
    async with serving(config_for(tmp_path, broker.port, limits={"viewers": 1})) as hub:
        async with events(hub):
            assert (await hub.http.get("/api/v1/events")).status_code == 503
            hub.hub.close_pages()
        await until(lambda: hub.hub.feed.readers == 0)


async def test_endless_heads_of_requests_are_refused(hub: Running) -> None:
    port = int(hub.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
    for _ in range(4):
        writer.write(b"x" * (MAX_HEAD // 2))
        await writer.drain()
        await asyncio.sleep(0.05)
    assert (await reader.readline()).startswith(b"HTTP/1.1 400")
    writer.close()
    for _ in range(3):  # what is long over several requests is no long head
        assert (await hub.http.get("/api/v1/nodes", headers={"X": "x" * (MAX_HEAD // 3)})).status_code == 200
