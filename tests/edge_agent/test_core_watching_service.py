"""Leases: begun, renewed, ended; each told; nothing leaves the node without one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from core_rig import START, Store, store
from core_watching import Cameras, Line, asked, piece

from camera.model import CameraFault
from edge_agent.clock import SimulatedClock
from edge_agent.contract.errors import Refusal
from edge_agent.contract.topics import NodeTopics
from edge_agent.contract.watching import Joiner
from edge_agent.watching import WatchService
from edge_agent.watching.service import MOST_LEASES


class Rig:
    def __init__(self, node: Store, clock: SimulatedClock) -> None:
        self.clock, self.node = clock, node
        self.cameras, self.line = Cameras(), Line()
        self.counts: list[int] = []
        topics = NodeTopics("26734", "pole")
        self.service = WatchService(["gate", "field"], topics, clock, node.recorder, self.cameras)
        self.service.on_change = lambda camera: self.counts.append(self.service.watched(camera))
        self.service.connect(self.line)

    async def ask(self, **args: Any) -> Any:
        act = await self.service.watch(*asked(**args))
        assert act.run is not None

        async def begin() -> None:
            pass

        return await act.run(begin)

    async def wait(self, seconds: float) -> None:
        await self.clock.advance(timedelta(seconds=seconds))

    async def events(self) -> list[dict[str, Any]]:
        await self.node.recorder.flush()
        return [{"about": each["about"], **each["data"]} for each in await self.node.events("watched")]

    def numbers(self) -> list[int]:
        joiner = Joiner()
        joined = [joiner.take(body) for _, body in self.line.sent]
        return [each.number for each in joined if each is not None and each.kind != "init"]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    clock = SimulatedClock(START)
    async with store(tmp_path, clock) as node:
        made = Rig(node, clock)
        running = asyncio.create_task(made.service.run())
        yield made
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await made.service.stop()


async def test_pictures_go_out_while_the_lease_lasts_and_not_longer(rig: Rig) -> None:
    rig.service.piece(piece("init", 0))
    rig.service.piece(piece("key", 1))
    assert rig.line.sent == []
    assert await rig.ask() == {"stream": "sub", "seconds": 15}
    for each in (piece("init", 0), piece("key", 1), piece("delta", 2)):
        rig.service.piece(each)
    assert {topic for topic, _ in rig.line.sent} == {"edge/26734/pole/live/gate"}
    assert rig.numbers() == [1, 2]
    await rig.wait(14)
    rig.service.piece(piece("delta", 3))
    assert rig.numbers() == [1, 2, 3]
    await rig.wait(2)
    assert rig.cameras.told == [("watch", "gate", "sub"), ("rest", "gate", "sub")]
    rig.service.piece(piece("delta", 4))
    assert rig.numbers() == [1, 2, 3]
    assert rig.counts == [1, 0]


async def test_each_lease_is_told_with_who_how_long_and_how_much(rig: Rig) -> None:
    await rig.ask(stream="main")
    rig.service.piece(piece("init", 0, 700, stream="main"))
    rig.service.piece(piece("key", 1, 5000, stream="main"))
    await rig.wait(10)
    await rig.ask(stream="main", seconds=0)
    begin, end = await rig.events()
    sent = sum(len(body) for _, body in rig.line.sent)
    same = {"about": "camera/gate", "stream": "main", "viewer": "one", "by": "bà Hoa"}
    assert begin == {**same, "phase": "begin"}
    assert end == {**same, "phase": "end", "seconds": 10.0, "bytes": sent}
    assert sent > 5700


async def test_a_renewed_lease_goes_on_unbroken(rig: Rig) -> None:
    await rig.ask()
    for _ in range(10):
        rig.service.piece(piece("delta", 1))
        await rig.wait(3)
        rig.service.piece(piece("delta", 1))
        await rig.ask()
    assert rig.cameras.told == [("watch", "gate", "sub")]
    assert len(await rig.events()) == 1


async def test_main_and_sub_are_watched_apart(rig: Rig) -> None:
    await rig.ask(stream="main")
    await rig.ask(stream="sub")
    await rig.ask(stream="main", seconds=0)
    for each in ("main", "sub"):
        rig.service.piece(piece("init", 0, stream=each))  # type: ignore[arg-type]
        rig.service.piece(piece("key", 1 if each == "main" else 2, stream=each))  # type: ignore[arg-type]
    assert rig.numbers() == [2]
    assert rig.cameras.told == [("watch", "gate", "main"), ("watch", "gate", "sub"), ("rest", "gate", "main")]


async def test_the_last_viewer_ends_the_stream(rig: Rig) -> None:
    await rig.ask(viewer="one")
    await rig.ask(viewer="two")
    assert rig.service.watched("gate") == 2
    await rig.ask(viewer="one", seconds=0)
    assert ("rest", "gate", "sub") not in rig.cameras.told
    await rig.ask(viewer="two", seconds=0)
    assert rig.cameras.told[-1] == ("rest", "gate", "sub")
    await rig.ask(viewer="two", seconds=0)  # ended twice
    assert rig.service.watched("gate") == 0


async def test_a_second_viewer_gets_a_beginning_unless_the_asker_has_one(rig: Rig) -> None:
    await rig.ask(viewer="one")
    await rig.ask(viewer="two")
    await rig.ask(viewer="three", fresh=False)
    assert rig.cameras.told == [("watch", "gate", "sub")] * 2


async def test_who_asks_for_a_small_stream_that_is_not_there_gets_the_main_one(rig: Rig) -> None:
    assert await rig.ask(camera="field") == {"stream": "main", "seconds": 15}
    rig.service.piece(piece("init", 0, camera="field", stream="main"))
    rig.service.piece(piece("key", 1, camera="field", stream="main"))
    assert rig.numbers() == [1]
    assert await rig.ask(camera="field", seconds=0) == {"stream": "main", "seconds": 0}
    assert rig.cameras.told == [("watch", "field", "main"), ("rest", "field", "main")]


async def test_a_stream_that_sends_nothing_is_asked_for_again(rig: Rig) -> None:
    await rig.ask()
    await rig.wait(5)
    await rig.ask()
    assert rig.cameras.told == [("watch", "gate", "sub")] * 2
    assert len(await rig.events()) == 1


async def test_without_a_broker_all_leases_end(rig: Rig) -> None:
    await rig.ask()
    rig.line.connected = False
    rig.service.piece(piece("init", 0))
    rig.service.piece(piece("key", 1))
    await rig.wait(1)
    assert rig.line.sent == []
    assert rig.cameras.told[-1] == ("rest", "gate", "sub")
    assert rig.service.watched("gate") == 0


async def test_an_unknown_camera_is_refused(rig: Rig) -> None:
    with pytest.raises(Refusal) as refused:
        await rig.ask(camera="barn")
    assert refused.value.fault.code == "command.unknown_thing"
    assert "gate, field" in refused.value.fault.en


async def test_a_camera_that_cannot_is_told_and_no_lease_is_left(rig: Rig) -> None:
    rig.cameras.fault = CameraFault("camera.unreachable", "nobody answers")
    with pytest.raises(Refusal) as refused:
        await rig.ask()
    assert refused.value.fault.code == "camera.unreachable"
    assert (rig.service.watched("gate"), await rig.events()) == (0, [])
    rig.service.piece(piece("init", 0))
    rig.service.piece(piece("key", 1))
    assert rig.line.sent == []


async def test_there_are_no_leases_without_end(rig: Rig) -> None:
    for place in range(MOST_LEASES):
        await rig.ask(viewer=f"v{place}", fresh=False)
    with pytest.raises(Refusal) as refused:
        await rig.ask(viewer="one more")
    assert refused.value.fault.code == "camera.too_many_viewers"
    await rig.ask(viewer="v3")  # renewed all the same


async def test_a_key_frame_travels_in_parts_and_others_come_between_them(rig: Rig) -> None:
    await rig.ask()
    rig.line.left = 3000
    rig.service.piece(piece("init", 0, 700))
    rig.service.piece(piece("key", 1, 20_000))
    assert rig.numbers() == []
    while rig.numbers() != [1]:
        before = len(rig.line.sent)
        rig.line.left = 3000
        await asyncio.sleep(0.02)
        assert all(len(body) <= 4200 for _, body in rig.line.sent[before:])
    assert len(rig.line.sent) >= 6
