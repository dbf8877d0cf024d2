"""Live pictures through a real hub and broker to WebSockets: leases, who may look, slow viewers, hostile bodies."""

import asyncio
import contextlib
import dataclasses
import json
import logging
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hub_rig import FakeNode, Running, now, until
from watch_rig import LiveNode, film, frames_of
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import CameraState
from hub.people.sessions import COOKIE

PATH = "/nodes/29401/tram-bom/cameras/cong/live"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return frames_of(film(tmp_path_factory.mktemp("film")))


@pytest.fixture
async def live(node: FakeNode, pictures: list[Any]) -> AsyncIterator[LiveNode]:
    sending = LiveNode(node, {"sub": pictures, "main": pictures})
    yield sending
    await sending.stop()


def socket(hub: Running, query: str = "", **more: Any) -> Any:
    headers = {"Cookie": f"{COOKIE}={hub.secret}", "Origin": hub.url, **more.pop("additional_headers", {})}
    url = hub.url.replace("http", "ws") + PATH + query
    return connect(url, max_size=10_000_000, additional_headers=headers, **more)


async def words(viewer: ClientConnection, say: str, limit: float = 10) -> dict[str, Any]:
    """The next message of this kind; pieces before it are confirmed."""
    async with asyncio.timeout(limit):
        while True:
            message = await viewer.recv()
            if isinstance(message, str):
                found: dict[str, Any] = json.loads(message)
                if found["say"] == say:
                    return found
            else:
                await viewer.send(message[4:8])


async def kinds(viewer: ClientConnection, count: int) -> str:
    """`ikddd`: so many pieces, confirmed."""
    found = ""
    async with asyncio.timeout(10):
        while len(found) < count:
            message = await viewer.recv()
            if isinstance(message, bytes):
                found += "ikd"[message[0]]
                await viewer.send(message[4:8])
    return found


async def test_a_viewer_gets_pictures_and_the_lease_ends_with_the_last_viewer(
    hub: Running, live: LiveNode, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hub.cameras.live")
    async with socket(hub) as first:
        assert (await words(first, "hello"))["now"] > 0
        about = await words(first, "stream")
        assert about["codec"].startswith("avc1.")
        assert (about["width"], about["height"], about["stream"]) == (320, 180, "sub")
        assert (await kinds(first, 8)).startswith("ikd")
        async with socket(hub) as second:
            assert (await kinds(second, 3)).startswith("ik")  # at once, from what the hub keeps
        assert live.on == {"sub"}
    await until(lambda: live.asked[-1].seconds == 0)
    await until(lambda: not live.on)
    begins = [asked for asked in live.asked if asked.seconds > 0]
    assert len(begins) == 1  # one lease for both
    assert {asked.viewer for asked in live.asked} == {begins[0].viewer}
    assert "quan-tri has watched camera cong of 29401/tram-bom (sub)" in caplog.text
    await until(lambda: not hub.hub.link._followed)


async def test_main_and_sub_are_streams_of_their_own(hub: Running, live: LiveNode) -> None:
    async with socket(hub) as small, socket(hub, "?stream=main") as sharp:
        assert (await words(small, "stream"))["stream"] == "sub"
        assert (await words(sharp, "stream"))["stream"] == "main"
        assert live.on == {"sub", "main"}
        assert (await kinds(small, 5)).count("d") >= 1


async def test_a_camera_with_one_stream_shows_that(hub: Running, live: LiveNode) -> None:
    del live.films["sub"]
    async with socket(hub) as viewer:
        about = await words(viewer, "stream")
        assert (about["stream"], about["wanted"]) == ("main", "sub")
        assert (await kinds(viewer, 5)).startswith("ik")
    assert len([asked for asked in live.asked if asked.seconds > 0]) == 1  # its beginning was not missed


async def test_the_lease_is_renewed(hub: Running, live: LiveNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.cameras.leases.RENEW_S", 0.3)
    async with socket(hub) as viewer:
        while len(live.asked) < 3:
            await kinds(viewer, 3)


async def test_why_there_is_no_picture_is_said_and_it_comes_once_it_can(hub: Running, live: LiveNode) -> None:
    live.refuse = Fault.of("camera.unreachable", id="cong", detail="no route")
    async with socket(hub) as viewer:
        said = await words(viewer, "state")
        assert said["code"] == "camera.unreachable"
        assert said["text"]
        live.refuse = None
        await words(viewer, "stream")
        await live.node.lose()
        assert (await words(viewer, "state", 15))["code"] == "camera.live_node_away"


async def test_a_camera_without_pictures_says_why_to_each_who_comes(hub: Running, live: LiveNode) -> None:
    live.change = lambda piece: None
    wrong = Fault.of("camera.unauthorised", detail="401")
    await live.node.state(CameraState(id="cong", at=now(), actual="retrying", fault=wrong))
    async with socket(hub) as first:
        said = await words(first, "state")
        assert (said["code"], said["text"][:8]) == ("camera.unauthorised", "Sai tên ")
        async with socket(hub, "?lang=en") as second:
            assert (await words(second, "state", 2))["code"] == "camera.unauthorised"
        await live.node.state(CameraState(id="cong", at=now(), actual="streaming"))
        assert (await words(first, "state"))["code"] == "camera.live_no_picture"
        live.change = lambda piece: piece
        assert "ik" in await kinds(first, 3)
        async with socket(hub) as third:
            assert (await kinds(third, 2)) == "ik"


async def test_a_fault_that_is_not_of_the_picture_is_no_reason(hub: Running, live: LiveNode) -> None:
    live.change = lambda piece: None
    full = Fault.of("camera.disk_full", detail="0 bytes left")
    await live.node.state(CameraState(id="cong", at=now(), actual="streaming", fault=full))
    async with socket(hub) as viewer:
        assert (await words(viewer, "state"))["code"] == "camera.live_no_picture"


async def test_a_camera_that_there_is_not_is_refused(hub: Running, live: LiveNode) -> None:
    url = hub.url.replace("http", "ws") + PATH.replace("cong", "khong")
    async with connect(url, additional_headers={"Cookie": f"{COOKIE}={hub.secret}", "Origin": hub.url}) as viewer:
        assert (await words(viewer, "state"))["code"] == "camera.live_unknown"
        with pytest.raises(ConnectionClosed) as closed:
            await viewer.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4404
    assert live.asked == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
async def test_pages_of_other_sites_see_nothing(hub: Running, live: LiveNode, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with socket(hub, additional_headers=headers):
            pass
    assert refused.value.response.status_code == 403
    assert live.asked == []


async def test_a_foreign_host_name_is_refused(hub: Running, live: LiveNode) -> None:
    port = hub.url.rpartition(":")[2]
    with pytest.raises(InvalidStatus):
        async with connect(f"ws://rebound.example:{port}{PATH}", host="127.0.0.1", port=int(port)):
            pass


async def test_its_own_page_may_look(hub: Running, live: LiveNode) -> None:
    async with socket(hub, additional_headers={"Origin": hub.url, "Sec-Fetch-Site": "same-origin"}) as viewer:
        assert (await kinds(viewer, 2)) == "ik"
        assert viewer.protocol.extensions == []  # nothing is compressed twice


async def test_there_are_only_so_many_viewers(hub: Running, live: LiveNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.cameras.live.MOST_OF_CAMERA", 2)
    async with socket(hub) as one, socket(hub, "?stream=main") as two:
        await kinds(one, 2)
        await kinds(two, 2)
        async with socket(hub) as third:
            assert (await words(third, "state"))["code"] == "camera.full"


async def test_who_does_not_confirm_gets_no_more_and_others_are_not_held_up(hub: Running, live: LiveNode) -> None:
    async with socket(hub) as slow, socket(hub) as fast:
        got = 0
        async with asyncio.timeout(10):
            while got < 30:
                got += len(await kinds(fast, 5))
        taken = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                while True:
                    message = await slow.recv()
                    if isinstance(message, bytes):
                        taken.append(message)
        assert len(taken) < 15
        for message in taken:  # having confirmed, it goes on with a key frame
            await slow.send(message[4:8])
        assert "k" in await kinds(slow, 3)


async def test_a_page_that_talks_nonsense_is_left_and_the_lease_ends(hub: Running, live: LiveNode) -> None:
    async with socket(hub) as viewer:
        await kinds(viewer, 2)
        await viewer.send("let me in")
        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(10):
                while True:
                    await viewer.recv()
    await until(lambda: not live.on)


async def test_bodies_that_are_no_pieces_harm_nobody(hub: Running, live: LiveNode) -> None:
    dice = random.Random(6)
    async with socket(hub) as viewer:
        before = await kinds(viewer, 4)
        topic = live.node.topics.live("cong")
        for _ in range(200):
            await live.node.say(topic, dice.randbytes(dice.randrange(0, 60)), retain=False)
        await live.node.say(topic + "/more", b"x", retain=False)
        assert before + await kinds(viewer, 12)
    assert hub.hub.watching.malformed > 50
    async with socket(hub) as again:
        assert (await kinds(again, 3)).startswith("ik")


async def test_lost_pieces_make_a_hole_up_to_the_next_key_frame(hub: Running, live: LiveNode) -> None:
    live.change = lambda piece: None if piece.number == 3 else piece
    async with socket(hub) as viewer:
        got = await kinds(viewer, 6)
        assert got.startswith("ikdk")


async def test_another_codec_begins_a_new_description(hub: Running, live: LiveNode) -> None:
    begun: list[str] = []

    def change(piece: Any) -> Any:
        begun.extend([piece.kind] if piece.kind == "init" else [])
        return piece if len(begun) < 2 else dataclasses.replace(piece, epoch=piece.epoch + 1)

    live.change = change
    async with socket(hub) as viewer:
        first = await words(viewer, "stream")
        second = await words(viewer, "stream")
        assert second["epoch"] == first["epoch"] + 1
        assert (await kinds(viewer, 2)) == "ik"


async def test_the_hub_ends_though_somebody_looks(broker: Any, tmp_path: Path, pictures: list[Any]) -> None:
    from hub_rig import config_for, serving

    from edge_agent.contract.signature import Verifier

    async with contextlib.AsyncExitStack() as stack:
        hub = await stack.enter_async_context(serving(config_for(tmp_path, broker.port)))
        signer = hub.hub.signer
        node = FakeNode(broker.port, Verifier({signer.key_id: signer.public}))
        async with node:
            sending = LiveNode(node, {"sub": pictures})
            await until(lambda: hub.hub.registry.is_online("29401/tram-bom"))
            await until(lambda: len(hub.hub.registry.nodes["29401/tram-bom"].states) >= 4)
            async with socket(hub) as viewer:
                await kinds(viewer, 4)
                async with asyncio.timeout(8):
                    await stack.aclose()
                    with pytest.raises(ConnectionClosed):
                        while True:
                            await viewer.recv()
            await sending.stop()
