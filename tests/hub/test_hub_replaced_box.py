"""A dead box is replaced, or its card copied: the old one is thrown out, the node's history has it, people are told."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from enrolment_rig import BOARD, COMMUNE, NAME, Box, Trust, comes_in, new_key, tls_broker, trusted, trusting
from hub_rig import Mosquitto, free_port, now, until

from edge_agent.contract.reports import About, Status
from edge_agent.contract.topics import NodeTopics

OLD, NEW, COPY = BOARD["mark"], "fedcba9876543210", "00000000deadbeef"
ADDRESS, TOPICS = f"{COMMUNE}/{NAME}", NodeTopics(COMMUNE, NAME)
ABOUT = About(node=NAME, commune=COMMUNE, name="Trạm bơm", timezone="Asia/Ho_Chi_Minh", language="vi", version="1")


def _status(board: str, session: str = "s-1") -> Status:
    return Status(online=True, session=session, since=now(), version="1", board=board)


def _seen(trust: Trust, board: str) -> Any:
    status: Any = getattr(trust.hub.hub.registry.nodes.get(ADDRESS), "status", None)
    return status if status and status.board == board else None


async def _new_box(trust: Trust) -> Box:
    return await trust.enrolled(key=new_key(), board={"machine": "aarch64", "mark": NEW, "model": "Raspberry Pi 5"})


async def _history(trust: Trust) -> list[tuple[str, str, str]]:
    nodes = (await trust.hub.http.get("/api/v1/enrolment/nodes")).json()
    return [(each["kind"], each["board"], each["other"]) for node in nodes for each in node["history"]]


async def test_the_broker_throws_the_old_box_out_and_the_new_one_is_no_clone(tmp_path: Path) -> None:
    config = trusting(tmp_path, free_port())
    with tls_broker(tmp_path, config) as broker:
        following = asyncio.create_task(broker.follow())
        async with trusted(config, connected=True) as trust:
            old = await trust.enrolled()
            assert await _history(trust) == []
            with pytest.raises(aiomqtt.MqttError):
                async with comes_in(broker, old, tmp_path) as dead:
                    await dead.publish(TOPICS.about, ABOUT.body(), qos=1, retain=True)
                    await dead.publish(TOPICS.status, _status(OLD).body(), qos=1, retain=True)
                    await until(lambda: _seen(trust, OLD))
                    new = await _new_box(trust)
                    await until(lambda: trust.part.known.happened(ADDRESS))
                    trust.hub.hub.inbox.take(TOPICS.status, _status(OLD, "s-2").body(), False)  # its last word
                    assert _seen(trust, OLD).fault is None
                    await dead.subscribe(TOPICS.command)
                    async for message in dead.messages:
                        raise AssertionError(message.topic)
            with pytest.raises(aiomqtt.MqttError):
                async with comes_in(broker, old, tmp_path):
                    pass
            async with comes_in(broker, new, tmp_path) as node:
                await node.publish(TOPICS.status, _status(NEW).body(), qos=1, retain=True)
                assert (await until(lambda: _seen(trust, NEW))).fault is None
                page = (await trust.hub.http.get(f"/nodes/{ADDRESS}")).text
                assert f"Thay hộp: máy cũ {OLD}, máy mới {NEW} Raspberry Pi 5" in page and "Hai máy" not in page
            assert await _history(trust) == [("replaced", OLD, NEW)]
        following.cancel()


async def test_a_clone_is_in_the_history_once_also_when_the_hub_was_started_again(
    broker: Mosquitto, tmp_path: Path
) -> None:
    config = trusting(tmp_path, broker.port)

    async def speaks(trust: Trust, board: str) -> str:
        trust.hub.hub.inbox.take(TOPICS.about, ABOUT.body(), False)
        trust.hub.hub.inbox.take(TOPICS.status, _status(board).body(), False)
        fault = _seen(trust, board).fault
        return fault.code if fault else ""

    cloned = [("cloned", OLD, COPY)]
    async with trusted(config, connected=True) as trust:
        await trust.enrolled()
        await until(lambda: trust.part.known.get(ADDRESS))
        assert [await speaks(trust, board) for board in (OLD, COPY, OLD, COPY)] == ["", *["enrol.cloned"] * 3]
        await until(lambda: trust.part.known.happened(ADDRESS))
        assert await _history(trust) == cloned
        page = (await trust.hub.http.get(f"/nodes/{ADDRESS}")).text
        assert f"Thấy hai máy dùng chung tên nút này: {OLD} và {COPY}" in page
    async with trusted(config, connected=True) as trust:
        assert [await speaks(trust, board) for board in (OLD, COPY)] == ["enrol.cloned"] * 2  # it is known still
        assert len(trust.part.known.happened(ADDRESS)) == 1
        new = await _new_box(trust)
        await until(lambda: len(trust.part.known.happened(ADDRESS)) == 2)
        assert await speaks(trust, NEW) == "" and new.grant is not None
        assert await _history(trust) == [*cloned, ("replaced", OLD, NEW)]
        # the old board has a minute to fall silent; who speaks from it later has a copy of the card
        replaced = trust.part.known.happened(ADDRESS)[-1]
        assert await speaks(trust, OLD) == ""
        later = replaced.at + timedelta(minutes=2)
        trust.part.clones._clock = _At(later)
        assert await speaks(trust, OLD) == "enrol.cloned"
        await until(lambda: len(trust.part.known.happened(ADDRESS)) == 3)


class _At:
    """A clock that stands."""

    def __init__(self, at: Any) -> None:
        self._at = at

    def now(self) -> Any:
        return self._at

    def monotonic(self) -> float:
        return float(self._at.timestamp())
