"""What people chose for a node is sent again when it comes with an empty store, and only then."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hub_rig import FakeNode, Mosquitto, Running, now, until

from edge_agent.contract.commands import ArmRule, SetVolume, SwitchOverride
from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import LightState, SwitchState
from edge_agent.contract.signature import Verifier
from hub.people.acting import acting
from hub.people.rights import Person

TONIGHT = datetime(2099, 1, 1, 22, 15, tzinfo=UTC)


async def _refuses(node: FakeNode, asked: Any) -> None:
    await node.ack(asked, "rejected", fault=Fault.of("command.busy"))


async def test_volumes_rules_and_lights_by_hand_come_back_once(hub: Running, broker: Mosquitto) -> None:
    signer, desk = hub.hub.signer, hub.hub.commands
    nodes: Any = hub.hub.registry.nodes
    async with FakeNode(broker.port, Verifier({signer.key_id: signer.public})) as node:

        async def comes(store: str, **more: Any) -> None:
            await node.say(node.topics.status, node.status(True, store=store, **more).body())
            said = (store, more.get("fault"))
            await until(lambda: (nodes[address].status.store, nodes[address].status.fault) == said)

        def told() -> list[dict[str, Any]]:
            return [asked.args.model_dump(exclude_none=True) for asked in node.commands]

        address = f"{node.commune}/{node.node}"
        restoring = hub.hub._site._restoring
        await until(lambda: address in nodes and nodes[address].about)
        await comes("first")
        with acting(Person("1", "lan")):
            for args in (
                SetVolume(volume=40),
                SetVolume(speaker="loa", volume=60),
                ArmRule(rule="bom-nuoc", armed=True),
                ArmRule(rule="quat", armed=False),
            ):
                assert (await desk.send(address, args, limit=5, life=5)).state == "done"
            node.replies["speaker.volume"] = _refuses
            assert (await desk.send(address, SetVolume(volume=5), limit=5, life=5)).state == "rejected"
            del node.replies["speaker.volume"]
            await desk.send(address, SwitchOverride(thing="san-nha", level=100), limit=5, life=5)
        over: Any = {"why": "override", "by": "lan", "actual": 100, "wanted": 100}
        await node.state(LightState(id="cong-thon", at=now(), until=now() - timedelta(minutes=1), **over))
        await node.state(SwitchState(id="bom", at=now(), until=TONIGHT, use="pump", **over))
        await until(lambda: ("switch", "bom") in nodes[address].states)
        await restoring.look()  # as it does each second
        node.commands.clear()
        await comes("first")  # an ordinary restart
        await restoring.look()
        await restoring.send()
        assert told() == []
        # an empty box: in safe mode it is left alone; then it is given everything, and nothing twice
        await comes("second", fault=Fault.of("node.safe_mode", detail="x"))
        for id_ in ("cong-thon", "san-nha"):
            await node.state(LightState(id=id_, at=now(), wanted=0, actual=0, why="default"))
        await until(lambda: nodes[address].states["light", "san-nha"].why == "default")
        await restoring.look()
        await restoring.send()
        assert told() == []
        await comes("second")
        await until(lambda: restoring._known[address] == "second")
        assert sorted(told(), key=lambda each: (each["do"], each.get("rule", ""))) == [
            {"do": "rule.arm", "rule": "bom-nuoc", "armed": True},
            {"do": "rule.arm", "rule": "quat", "armed": False},
            {"do": "speaker.volume", "speaker": "loa", "volume": 60},
            {"do": "switch.override", "thing": "san-nha", "level": 100, "until": TONIGHT},
        ]
        assert {asked.by for asked in node.commands} == {"console"}
        node.commands.clear()
        await restoring.look()
        await restoring.send()
        assert told() == []
        # taken out of the lists, it is a stranger: nothing of it is kept
        await restoring.forgotten(address)
        await comes("third")
        await until(lambda: restoring._known.get(address) == "third")
        await comes("fourth")
        await until(lambda: restoring._known.get(address) == "fourth")
        assert [each["do"] for each in told()] == ["switch.override"]  # what it says now; nothing of before
