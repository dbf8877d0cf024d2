"""The microphone's WebSocket: who may speak where, what nodes hear, how it ends, and what is refused."""

import asyncio
import contextlib
import json
import math
from collections.abc import AsyncIterator
from typing import Any

import aiomqtt
import pytest
from hub_rig import FakeNode, Mosquitto, Running, now, signed_in, until
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from edge_agent.contract.reports import SpeakerState
from edge_agent.contract.voice import VoiceReader
from hub.people.rights import Grant, Place, Role
from hub.people.sessions import COOKIE

PLACE = "29401//thon-dong"
START: dict[str, Any] = {"say": "start", "places": [PLACE], "format": "opus", "rate": 48000, "seconds": 60}
OPUS = bytes([13 << 3, 1, 2, 3])


def speaks(hub: Running, secret: str = "", origin: str = "") -> Any:
    """A page of somebody who has signed in; the administrator's, if not said."""
    headers = {"Cookie": f"{COOKIE}={secret or hub.secret}"}
    return connect(
        hub.url.replace("http", "ws") + "/air/mic/live", origin=origin or hub.url, additional_headers=headers
    )  # type: ignore[arg-type]


async def told(socket: ClientConnection, what: str) -> dict[str, Any]:
    """The next message of this kind."""
    async with asyncio.timeout(30):
        while True:
            message = json.loads(await socket.recv())
            if message["say"] == what:
                return message  # type: ignore[no-any-return]


async def closed(socket: ClientConnection) -> int:
    """The code with which the hub ended it."""
    async with asyncio.timeout(30):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.recv()
    return socket.close_code or 0


def frame(number: int, body: bytes = OPUS, level: int = 20) -> bytes:
    return number.to_bytes(4, "big") + bytes([level]) + body


async def talk(socket: ClientConnection, seconds: float, body: bytes = OPUS, first: int = 0) -> int:
    """Send frames as a page does; the next number."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(first, first + round(seconds * 50)):
        await socket.send(frame(number, body))
        await asyncio.sleep(max(0.0, began + (number - first + 1) * 0.02 - loop.time()))
    return first + round(seconds * 50)


@pytest.fixture
async def live(node: FakeNode) -> FakeNode:
    """A node that takes a live session, and has said all of it when it is stopped."""
    begun: list[Any] = []

    async def start(n: FakeNode, asked: Any) -> None:
        begun.append(asked)
        await n.ack(asked, "accepted")
        speaker = SpeakerState(id="loa", at=now(), actual="playing", playing=asked.args.session)
        await n.state(speaker)

    async def stop(n: FakeNode, asked: Any) -> None:
        await n.ack(asked, "done")
        for each in begun:
            await n.state(SpeakerState(id="loa", at=now(), actual="idle"))
            await n.ack(each, "done")
        begun.clear()

    node.replies |= {"live.start": start, "live.stop": stop}
    return node


@pytest.fixture
async def voice_topic(broker: Mosquitto) -> AsyncIterator[list[tuple[str, bytes]]]:
    """All messages of live voices."""
    got: list[tuple[str, bytes]] = []

    async def listen(client: aiomqtt.Client) -> None:
        async for message in client.messages:
            got.append((str(message.topic), bytes(message.payload)))  # type: ignore[arg-type]

    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe("edge/+/voice/+")
        task = asyncio.create_task(listen(client))
        yield got
        task.cancel()


async def test_packets_reach_nodes_signed_by_the_key_of_the_session(
    hub: Running, live: FakeNode, voice_topic: list[tuple[str, bytes]]
) -> None:
    async with speaks(hub) as socket:
        await socket.send(json.dumps(START))
        ready = await told(socket, "ready")
        assert (ready["all"], ready["seconds"], ready["in_ms"]) == (1, 60, 3000)
        await talk(socket, 4.0)
        await socket.send('{"say":"stop"}')
        ended = await told(socket, "ended")
    assert ended["why"] == "stopped"
    assert ended["text"] == "Đã dừng. 1/1 cụm loa báo đã phát xong."
    args: Any = next(c.args for c in live.commands if c.do == "live.start")
    assert (args.title, args.latency_ms, args.seconds, args.class_) == ("quan-tri nói trực tiếp", 600, 60, "priority")
    topic = f"edge/29401/voice/{args.session}"
    assert {name for name, _ in voice_topic} == {topic}
    reader = VoiceReader(topic, args.key)
    numbers = {number for _, body in voice_topic for number, _ in reader.read(body).numbered()}
    assert numbers == set(range(len(numbers)))  # from the first word on, none missing
    assert 30 <= len(numbers) <= 65  # one second was spoken, three were counted down
    assert live.commands[-1].do == "live.stop"
    log = (await hub.http.get("/nodes/29401/tram-bom")).status_code
    assert log == 200


async def test_what_a_cluster_says_is_told_and_nothing_is_assumed(hub: Running, live: FakeNode) -> None:
    async with speaks(hub) as socket:
        await socket.send(json.dumps(START))
        sending = asyncio.create_task(talk(socket, 6.0))
        seen: list[Any] = []
        while not seen or seen[-1][0][1] != "speaking":
            seen.append((await told(socket, "nodes"))["rows"])
        assert seen[0][0][:2] in (["Trạm bơm Đông", "open"], ["Trạm bơm Đông", "ready"], ["Trạm bơm Đông", "speaking"])
        assert seen[-1] == [["Trạm bơm Đông", "speaking", "đang phát"]]
        sending.cancel()


async def test_silent_node_is_named(hub: Running, node: FakeNode) -> None:
    node.silent = True
    async with speaks(hub) as socket:
        await socket.send(json.dumps(START))
        message = await told(socket, "nodes")
        assert (message["ready"], message["all"]) == (0, 1)
        assert message["rows"] == [["Trạm bơm Đông", "open", "chưa trả lời"]]


async def test_samples_of_a_browser_without_opus_are_encoded_here(
    hub: Running, live: FakeNode, voice_topic: list[tuple[str, bytes]]
) -> None:
    tone = b"".join(
        round(9000 * math.sin(2 * math.pi * 440 * n / 24000)).to_bytes(2, "little", signed=True) for n in range(480)
    )
    async with speaks(hub) as socket:
        await socket.send(json.dumps(START | {"format": "pcm16", "rate": 24000}))
        await told(socket, "ready")
        await talk(socket, 4.0, tone)
        await socket.send('{"say":"stop"}')
        assert (await told(socket, "ended"))["why"] == "stopped"
    assert len(voice_topic) >= 15


@pytest.mark.parametrize(
    "body",
    [
        frame(0, bytes([13 << 3 | 4, 1, 2])),  # stereo
        frame(0, b""),
        b"abc",
        frame(0, bytes([3 << 3, 1, 2])),  # 60 ms
        '{"say":"sing"}',
    ],
)
async def test_what_no_page_of_ours_sends_ends_it(hub: Running, live: FakeNode, body: Any) -> None:
    async with speaks(hub) as socket:
        await socket.send(json.dumps(START))
        await told(socket, "ready")
        await socket.send(body)
        assert (await told(socket, "ended"))["why"] == "bad"


async def test_frames_that_are_sent_again_or_far_too_fast_end_it(hub: Running, live: FakeNode) -> None:
    async with speaks(hub) as socket:
        await socket.send(json.dumps(START))
        await socket.send(frame(0))
        await socket.send(frame(0))
        assert (await told(socket, "ended"))["why"] == "bad"
    async with speaks(hub) as socket:
        await socket.send(json.dumps(START))
        for number in range(400):
            await socket.send(frame(number))
        assert (await told(socket, "ended"))["why"] == "bad"


@pytest.mark.parametrize(
    "asked",
    [
        START | {"rate": 44100},
        START | {"seconds": 99999},
        START | {"format": "mp3"},
        START | {"places": []},
        START | {"more": 1},
        {"say": "start"},
        [],
    ],
)
async def test_wrong_beginnings_are_refused_in_words(hub: Running, node: FakeNode, asked: Any) -> None:
    async with speaks(hub) as socket:
        await socket.send(json.dumps(asked))
        message = await told(socket, "refused")
        assert message["code"] == "mic.bad"
        assert await closed(socket) == 4409
    assert not [c for c in node.commands if c.do == "live.start"]


async def test_page_that_falls_silent_is_given_up(hub: Running, live: FakeNode) -> None:
    async with speaks(hub) as socket:
        await socket.send(json.dumps(START))
        await told(socket, "ready")
        await talk(socket, 0.5)
        ended = await told(socket, "ended")
        assert ended["why"] == "lost"
    assert live.commands[-1].do == "live.stop"


async def test_lost_connection_ends_it_on_the_nodes(hub: Running, live: FakeNode) -> None:
    async with speaks(hub) as socket:
        await socket.send(json.dumps(START))
        await told(socket, "ready")
        await talk(socket, 0.3)
        socket.transport.abort()
        await until(lambda: live.commands[-1].do == "live.stop", 20)


async def test_revoked_session_speaks_no_more(hub: Running, live: FakeNode) -> None:
    secret = await signed_in(hub.hub, "can-bo", Grant(Role.STAFF, Place("29401")))
    async with speaks(hub, secret) as socket:
        await socket.send(json.dumps(START))
        await told(socket, "ready")
        sending = asyncio.create_task(talk(socket, 20))
        account = hub.hub.accounts.by_login("can-bo")
        assert account is not None
        await hub.hub.sessions.end(*hub.hub.sessions.of(account.person.id))
        assert (await told(socket, "ended"))["why"] == "revoked"
        assert await closed(socket) == 4401
        sending.cancel()
    assert live.commands[-1].do == "live.stop"


async def test_areas_of_others_cannot_be_spoken_to(hub: Running, live: FakeNode, broker: Mosquitto) -> None:
    head = await signed_in(hub.hub, "truong-thon", Grant(Role.AREA_HEAD, Place("29401", "thon-tay")))
    async with speaks(hub, head) as socket:
        await socket.send(json.dumps(START))
        assert (await told(socket, "refused"))["code"] == "mic.nowhere"
    async with speaks(hub, head) as socket:  # the whole commune is only what is theirs in it
        await socket.send(json.dumps(START | {"places": ["29401"]}))
        assert (await told(socket, "refused"))["code"] == "mic.nowhere"
    viewer = await signed_in(hub.hub, "nguoi-xem", Grant(Role.VIEWER, Place("29401")))
    async with speaks(hub, viewer) as socket:
        assert await closed(socket) == 4403
    async with speaks(hub, "nobody") as socket:
        assert await closed(socket) == 4401
    with pytest.raises(InvalidStatus):
        async with speaks(hub, origin="http://evil.example"):
            pass
    assert not [c for c in live.commands if c.do.startswith("live.")]


async def test_two_people_do_not_speak_over_each_other(hub: Running, live: FakeNode) -> None:
    staff = await signed_in(hub.hub, "can-bo", Grant(Role.STAFF, Place("29401")))
    async with speaks(hub) as first, speaks(hub, staff) as second:
        await first.send(json.dumps(START))
        await told(first, "ready")
        await second.send(json.dumps(START))
        refused = await told(second, "refused")
        assert refused["text"] == ("quan-tri đang nói trực tiếp ở Trạm bơm Đông. Chờ nói xong rồi thử lại.")


async def test_places_where_nobody_answers_are_not_spoken_to(hub: Running, node: FakeNode) -> None:
    await node.lose()
    await until(lambda: not hub.hub.registry.is_online("29401/tram-bom"))
    async with speaks(hub) as socket:
        await socket.send(json.dumps(START))
        assert (await told(socket, "refused"))["text"] == "Cả 1 cụm loa ở đó đang mất kết nối."


async def test_node_that_refuses_says_why(hub: Running, node: FakeNode) -> None:
    from edge_agent.contract.errors import Fault

    async def refuse(n: FakeNode, asked: Any) -> None:
        await n.ack(asked, "rejected", fault=Fault.of("live.no_opus"))

    node.replies["live.start"] = refuse
    async with speaks(hub) as socket:
        await socket.send(json.dumps(START))
        ended = await told(socket, "ended")
        assert ended["why"] == "refused"
        assert ended["text"].startswith("Không cụm loa nào nhận.")


async def test_nodes_whose_clock_is_wrong_are_begun_in_their_own_time(hub: Running, live: FakeNode) -> None:
    from datetime import timedelta

    from edge_agent.contract.commands import Ack

    async def late(n: FakeNode, asked: Any) -> None:
        ack = Ack(id=asked.id, node=n.node, state="accepted", at=now() + timedelta(seconds=30))
        await n.say(n.topics.ack, ack.body(), retain=False)

    live.replies["live.start"] = late
    async with speaks(hub) as socket:
        await socket.send(json.dumps(START))
        await told(socket, "ready")
        sending = asyncio.create_task(talk(socket, 10))
        await until(lambda: [c.do for c in live.commands].count("live.start") == 2, 20)
        sending.cancel()
    first, second = (c.args for c in live.commands if c.do == "live.start")
    assert first.session != second.session  # type: ignore[union-attr]
    ahead = (second.epoch - first.epoch).total_seconds()  # type: ignore[union-attr]
    assert ahead == pytest.approx(30, abs=1)


async def test_page_says_who_may_use_the_microphone(hub: Running, node: FakeNode) -> None:
    page = await hub.http.get("/air/mic")
    assert page.status_code == 200
    assert "microphone=(self)" in page.headers["permissions-policy"]
    assert "microphone=()" in (await hub.http.get("/air")).headers["permissions-policy"]
    assert f'name="at:{PLACE}"' in page.text
