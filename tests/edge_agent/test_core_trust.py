"""The identity of a running agent over months: a simulated clock, a real hub, and a broker that says yes or no."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from identity_rig import Authority, SmallHub, small_hub

from edge_agent.backoff import Backoff
from edge_agent.clock import SimulatedClock
from edge_agent.config.load import load
from edge_agent.config.model import NodeConfig
from edge_agent.contract.errors import Fault
from edge_agent.identity.enrolment import enrol
from edge_agent.identity.folder import IdentityFolder
from edge_agent.identity.trust import Pace, Trust

NODE = """
node: {commune: "26734", name: thon-dong-1, title: Cụm loa thôn Đông, position: {latitude: 20.95, longitude: 106.08}}
identity: {folder: identity}
"""
QUICK = Pace(look_s=0.01, rest_s=36_000, again_s=30, backoff=lambda: Backoff(30, 3600, stable=float("inf"), draw=max))


class Node:
    """`broker` says what becomes of each address that the node uses: None while it is away."""

    def __init__(self, folder: Path) -> None:
        (folder / "node.yaml").write_text(NODE)
        config = load(folder / "node.yaml").config
        assert config is not None
        self.folder = IdentityFolder(folder / "identity")
        self.clock = SimulatedClock(datetime.now(UTC))
        self.faults: dict[str, Fault | None] = {}
        self.used: list[NodeConfig | None] = []
        self.trust = Trust(config, self.folder.path, self.clock, on_fault=self.faults.__setitem__, pace=QUICK)
        self.trust.apply = self._apply

    def _apply(self, config: NodeConfig | None, drop: bool) -> None:
        self.used.append(config)
        if drop and config is not None and config.broker is not None:
            accepts = "next" not in str(config.broker.key) or self.accepts_new
            asyncio.get_running_loop().call_soon(self._answer, accepts)

    accepts_new = True

    def _answer(self, accepts: bool) -> None:
        self.trust.heard(accepts)
        if not accepts:  # it comes back with the old one
            self.trust.heard(True)

    @property
    def fault(self) -> str | None:
        told = self.faults.get("identity")
        return told.code if told is not None else None

    async def until(self, check) -> None:
        async with asyncio.timeout(20):
            while not check():
                await asyncio.sleep(0.01)

    async def passes(self, **span: float) -> None:
        await self.clock.advance(timedelta(**span))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[SmallHub]:
    with small_hub(tmp_path) as running:
        yield running


@pytest.fixture
async def node(tmp_path: Path, hub: SmallHub) -> AsyncIterator[Node]:
    made = Node(tmp_path)
    await made.trust.load()
    assert made.fault == "identity.none"
    task = asyncio.create_task(made.trust.run())
    try:
        await asyncio.to_thread(enrol, made.folder, "thon-dong-1", "26734", hub.card(), None)
        await made.until(lambda: made.used)
        yield made
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def renewals(hub: SmallHub) -> int:
    return sum(path == "/identity/renew" for path, _ in hub.asked)


async def test_it_is_renewed_when_its_time_has_come_and_not_before(node: Node, hub: SmallHub) -> None:
    first = node.folder.read().grant
    await asyncio.sleep(0.1)
    assert renewals(hub) == 0 and node.fault is None
    await node.passes(days=60, minutes=1)
    await node.until(lambda: node.folder.read().grant != first)
    await node.until(lambda: node.used[-1].broker.key.name == "node.key")
    assert renewals(hub) == 1 and node.fault is None


async def test_a_hub_that_is_away_costs_nothing_until_the_end_is_near(node: Node, hub: SmallHub) -> None:
    hub.answer = lambda path, status, body: (503, b"") if "renew" in path else (status, body)
    await node.passes(days=60, minutes=1)
    await node.until(lambda: renewals(hub) == 1)
    await asyncio.sleep(0.1)
    assert renewals(hub) == 1, "it waits before it asks again"
    await node.passes(days=24)
    await node.until(lambda: renewals(hub) >= 2)
    hub.answer = lambda path, status, body: (status, body)
    hub.life, hub.renew_after = timedelta(days=365), timedelta(days=300)
    first = node.folder.read().grant
    for _ in range(100):
        if node.folder.read().grant != first and node.fault is None:
            break
        await node.passes(minutes=5)
        await asyncio.sleep(0.05)
    assert node.fault is None and node.folder.on_trial() is None


async def test_what_ends_soon_and_what_has_ended_is_told(node: Node, hub: SmallHub) -> None:
    hub.close()
    await node.passes(days=84)
    await node.until(lambda: node.fault == "identity.expires")
    await node.passes(days=7)
    await node.until(lambda: node.fault == "identity.expired")


async def test_what_the_hub_refuses_is_told_at_once(node: Node, hub: SmallHub) -> None:
    refusal = Fault.of("enrol.revoked", name="thon-dong-1").body()
    hub.answer = lambda path, status, body: (403, refusal) if "renew" in path else (status, body)
    await node.passes(days=61)
    await node.until(lambda: node.fault == "identity.unrenewed")
    assert "thu hồi" in node.faults["identity"].vi or "thon-dong-1" in node.faults["identity"].vi


async def test_a_certificate_that_the_broker_never_takes_is_let_go(node: Node, hub: SmallHub) -> None:
    first, node.accepts_new = node.folder.read().grant, False
    await node.passes(days=61)
    for _ in range(200):
        if node.fault == "identity.not_accepted":
            break
        await node.passes(seconds=10)
        await asyncio.sleep(0.03)
    assert node.fault == "identity.not_accepted"
    assert node.folder.on_trial() is None and node.folder.read().grant == first
    tried = [config.broker.key.name for config in node.used]
    assert tried.count("next.key") == 3 and tried[-1] == "node.key"


async def test_a_folder_that_is_damaged_is_told_and_mended_by_enrolling_again(node: Node, hub: SmallHub) -> None:
    (node.folder.path / "grant.json").write_text("{")
    await node.until(lambda: node.fault == "identity.broken")
    hub.used.clear()
    (node.folder.path / "enrolled.json").unlink()
    await asyncio.to_thread(enrol, node.folder, "thon-dong-1", "26734", hub.card(), None)
    await node.until(lambda: node.fault is None)


async def test_an_identity_of_another_hub_is_taken_over_while_it_runs(
    node: Node, hub: SmallHub, tmp_path: Path
) -> None:
    with small_hub(tmp_path, authority=Authority("the next hub")) as other:
        other.broker = "mqtts://10.0.0.9:8883"
        (node.folder.path / "enrolled.json").unlink()  # the same token again is only so in this test
        await asyncio.to_thread(enrol, node.folder, "thon-dong-1", "26734", other.card(), None)
        await node.until(lambda: node.used[-1].broker.url == other.broker)
