"""The connection to the broker writes at once, from wherever it is asked to."""

import asyncio
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.rig import broker
from edge_agent.link.wire import BrokerAddress, Incoming, LinkDown, Wire


async def visitor(port: int, hear: Callable[[Incoming], None]) -> tuple[Wire, "asyncio.Task[None]"]:
    wire = Wire(BrokerAddress("127.0.0.1", port, f"visitor-{secrets.token_hex(4)}"), None, hear)
    await wire.open()
    return wire, asyncio.create_task(wire.run())


@pytest.mark.parametrize("qos", [0, 1])
async def test_an_answer_from_within_a_message_arrives(tmp_path: Path, qos: int) -> None:
    answers: asyncio.Queue[bytes] = asyncio.Queue()
    with broker(tmp_path) as port:
        one, running = await visitor(port, lambda m: one.publish("back", m.body, qos=qos) and None)
        other, listening = await visitor(port, lambda m: answers.put_nowait(m.body))
        one.subscribe([("there", 1)])
        other.subscribe([("back", 1)])
        async with asyncio.timeout(20):
            await asyncio.sleep(0.3)  # until both are subscribed
            bodies = [b"%d" % number for number in range(300)]
            for body in bodies:
                other.publish("there", body, qos=1)
            assert [await answers.get() for _ in bodies] == bodies
            one.close()
            other.close()
            await asyncio.gather(running, listening)


async def test_what_is_published_into_a_dead_connection_is_told(tmp_path: Path) -> None:
    with broker(tmp_path) as port:
        wire, running = await visitor(port, lambda m: None)
        await asyncio.wait_for(wire.publish("there", b"1"), 10)
    with pytest.raises(LinkDown):
        async with asyncio.timeout(20):
            while True:
                await wire.publish("there", b"2")
    await asyncio.wait_for(running, 10)


async def test_writing_that_finds_the_connection_gone_is_no_other_error(tmp_path: Path) -> None:
    with broker(tmp_path) as port:
        wire, running = await visitor(port, lambda m: None)
        await asyncio.wait_for(wire.publish("there", b"1"), 10)
        sock = wire._client.socket()
        assert sock is not None
        sock.shutdown(socket.SHUT_WR)  # type: ignore[union-attr]
        with pytest.raises(LinkDown):  # in the same turn: nobody has read the end yet
            for _ in range(3):
                wire.publish("there", b"2")
        await asyncio.wait_for(running, 10)
