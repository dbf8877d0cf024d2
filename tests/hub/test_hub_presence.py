"""Since when a node is away, seen or not seen, and after a restart of the hub."""

import html
from pathlib import Path
from typing import Any

from hub_rig import FakeNode, Mosquitto, Running, config_for, serving, until

from edge_agent.contract.signature import Verifier

ADDRESS = "29401/tram-bom"
ON_BOTH_DATABASES = True


def fake(hub: Running, broker: Mosquitto) -> FakeNode:
    return FakeNode(broker.port, Verifier({hub.hub.signer.key_id: hub.hub.signer.public}))


def node_of(hub: Running) -> Any:
    return hub.hub.registry.nodes.get(ADDRESS)


async def test_absence_is_remembered_over_a_restart(broker: Mosquitto, tmp_path: Path, database: Any) -> None:
    config = config_for(tmp_path, broker.port, **database)
    async with serving(config) as hub:
        node = fake(hub, broker)
        await node.__aenter__()
        await until(lambda: node_of(hub) and node_of(hub).online)
        await node.lose()
        offline = await until(lambda: node_of(hub).offline)
        assert offline.seen
        assert "Mất kết nối từ " in html.unescape((await hub.http.get("/nodes/29401/tram-bom")).text)
    async with serving(config) as hub:
        again = await until(lambda: node_of(hub) and node_of(hub).offline)
        assert again.seen
        assert abs((again.at - offline.at).total_seconds()) < 0.001


async def test_absence_that_nobody_saw_begins_before(broker: Mosquitto, tmp_path: Path, database: Any) -> None:
    config = config_for(tmp_path, broker.port, **database)
    async with serving(config) as hub:
        node = fake(hub, broker)
        await node.__aenter__()
        await until(lambda: node_of(hub) and node_of(hub).online)
    await node.lose()
    (config.data / "client-id").unlink()  # a fresh session: the broker has only the retained message for it
    async with serving(config) as hub:
        offline = await until(lambda: node_of(hub) and node_of(hub).offline)
        assert not offline.seen
        assert "Mất kết nối từ trước " in html.unescape((await hub.http.get("/nodes/29401/tram-bom")).text)
        async with fake(hub, broker):
            await until(lambda: node_of(hub).online)
            assert node_of(hub).offline is None


async def test_node_that_was_stopped_is_told_so(hub: Running, node: FakeNode) -> None:
    await node.say(node.topics.status, node.status(False, reason="stopped").body())
    await until(lambda: node_of(hub).offline)
    assert "Đã tắt lúc " in html.unescape((await hub.http.get("/nodes/29401/tram-bom")).text)
