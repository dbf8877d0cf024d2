"""Many nodes in one process: `python -m bench.fleet PORT COMMUNE NODES LIGHTS KEY_ID PUBLIC`.

Each node has a connection of its own and speaks by the agent's own code: it verifies the signature, parses and admits
the command as an agent's desk does, posts the retained state of each light at QoS 1, and answers accepted and done.
What an agent does beside that is missing: it writes nothing to disk, and its lights have no line.
"""

import argparse
import asyncio
from datetime import UTC, datetime, timedelta

from edge_agent.contract.base import JsonObject, iso
from edge_agent.contract.capabilities import Capability
from edge_agent.contract.commands import Ack, Command, SwitchOverride
from edge_agent.contract.errors import Refusal
from edge_agent.contract.ids import uuid7
from edge_agent.contract.reports import About, Status
from edge_agent.contract.signature import Verifier
from edge_agent.contract.switched import LightState, Usage
from edge_agent.contract.topics import NodeTopics
from edge_agent.desk.reading import admit, parse
from edge_agent.link.board import Board
from edge_agent.link.wire import BrokerAddress, Incoming, Will, Wire
from edge_agent.version import VERSION

AT_ONCE = 20
"""Connections that are opened at the same time."""


class FleetNode:
    """One node and its lights."""

    def __init__(self, commune: str, name: str, lights: int, verifier: Verifier, port: int) -> None:
        self._topics = NodeTopics(commune, name)
        self._verifier = verifier
        self._board = Board()
        self._session, self._since = uuid7(), datetime.now(UTC)
        things = tuple(f"den-{number}" for number in range(lights))
        self._about = _about(commune, name, things)
        will = Will(self._topics.status, self._status(online=False).body())
        self._wire = Wire(BrokerAddress("127.0.0.1", port, f"fleet-{name}"), will, self._hear)
        self._states = {id_: _state(id_, self._since) for id_ in things}

    async def open(self) -> None:
        """Connect, and say what there is. Raises Refusal."""
        await self._wire.open()
        self._wire.subscribe([(self._topics.command, 1), (self._topics.command_all, 1)])
        self._board.attach(lambda topic, body: _sent(self._wire, topic, body))
        self._board.post(self._topics.about, self._about)
        for state in self._states.values():
            self._board.post(self._topics.state("light", state.id), state)
        self._board.post(self._topics.status, self._status(online=True))

    async def run(self) -> None:
        """Until the connection ends."""
        await self._wire.run()

    def _hear(self, message: Incoming) -> None:
        try:
            asked = parse(self._verifier.verify(message.body))
            if admit(asked, self._about, datetime.now(UTC), trusted=True):
                self._carry_out(asked)
        except Refusal as refusal:
            raise RuntimeError(refusal.fault.en) from refusal  # the wire logs it; the bench then misses answers
        finally:
            self._wire.acknowledge(message)

    def _carry_out(self, asked: Command) -> None:
        args = asked.args
        if not isinstance(args, SwitchOverride):
            raise Refusal("command.unknown", do=asked.do, guess="switch.override")
        if args.thing != "lights" and args.thing not in self._states:
            raise Refusal("command.unknown_thing", kind="light", id=args.thing, known="lights")
        self._answer(asked, "accepted")
        things = self._states if args.thing == "lights" else (args.thing,)
        results = {id_: self._switch(id_, args.level, asked.by) for id_ in things}
        self._answer(asked, "done", {"things": results})

    def _switch(self, id_: str, level: float, by: str) -> JsonObject:
        now = datetime.now(UTC)
        until = now + timedelta(hours=1)
        news = {"at": now, "wanted": level, "actual": level, "why": "override", "until": until, "by": by}
        state = self._states[id_] = self._states[id_].model_copy(update=news)
        self._board.post(self._topics.state("light", id_), state)
        return {"wanted": level, "actual": level, "why": state.why, "until": iso(until)}

    def _answer(self, asked: Command, state: str, result: JsonObject | None = None) -> None:
        ack = Ack(id=asked.id, node=self._about.node, state=state, at=datetime.now(UTC), result=result)
        _sent(self._wire, self._topics.ack, ack.body(), retain=False)

    def _status(self, *, online: bool) -> Status:
        reason = None if online else "lost"
        return Status(online=online, session=self._session, since=self._since, version=VERSION, reason=reason)


def _sent(wire: Wire, topic: str, body: bytes, *, retain: bool = True) -> None:
    wire.publish(topic, body, retain=retain)


def _about(commune: str, name: str, things: tuple[str, ...]) -> About:
    capabilities = tuple(
        Capability(id=id_, kind="light", name=id_, unit="%", minimum=0, maximum=100, step=100, writable=True)
        for id_ in things
    )
    return About(
        node=name,
        commune=commune,
        name=name,
        timezone="Asia/Ho_Chi_Minh",
        language="vi",
        version=VERSION,
        capabilities=capabilities,
    )


def _state(id_: str, now: datetime) -> LightState:
    usage = Usage(energy_kwh=12.5, energy_by="estimated", hours_on=250.5, switch_ons=40)
    return LightState(id=id_, at=now, wanted=0, actual=0, why="program", until=now + timedelta(hours=3), usage=usage)


async def fleet(port: int, commune: str, nodes: int, lights: int, verifier: Verifier) -> None:
    """Run all nodes until one of them loses its connection."""
    everybody = [FleetNode(commune, f"cot-{number}", lights, verifier, port) for number in range(nodes)]
    gate = asyncio.Semaphore(AT_ONCE)

    async def opened(node: FleetNode) -> None:
        async with gate:
            await node.open()

    await asyncio.gather(*(opened(node) for node in everybody))
    running = [asyncio.create_task(node.run()) for node in everybody]
    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, kind in (("port", int), ("commune", str), ("nodes", int), ("lights", int), ("key_id", str)):
        parser.add_argument(name, type=kind)
    parser.add_argument("public")
    asked = parser.parse_args()
    verifier = Verifier({asked.key_id: asked.public})
    asyncio.run(fleet(asked.port, asked.commune, asked.nodes, asked.lights, verifier))


if __name__ == "__main__":
    main()
