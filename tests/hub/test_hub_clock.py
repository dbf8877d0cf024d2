"""A hub whose own clock is wrong learns it from the nodes, and says so on every page."""

import html
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hub_rig import FakeNode, Mosquitto, Running, config_for, now, serving, until
from notify_rig import ToldClock

from edge_agent.contract.reports import ClockReport, Status
from edge_agent.contract.signature import Verifier
from edge_agent.contract.switched import LightState
from hub.clock import SystemClock
from hub.hubclock import MOST, SETTLE_S, WINDOW_S, HubClock
from hub.language import catalogue
from hub.people.sessions import COOKIE

PATH = "/nodes/29401/tram-bom"
DOUBTFUL = ClockReport(trusted=False, source="none")


def told(clock: ToldClock, ours: HubClock, offsets: dict[str, float], seconds: float = SETTLE_S) -> None:
    """Each node speaks now, and again after so many seconds."""
    for again in (False, True):
        for address, offset in offsets.items():
            ours.hear(address, clock.now() + timedelta(seconds=offset))
        if not again:
            clock.forward(seconds=seconds)


@pytest.mark.parametrize(
    ("offsets", "behind"),
    [
        ((0.0, -0.4, 0.1), 0.0),
        ((3600.0, 3599.8, 3600.1), 3600.0),
        ((-7200.0,), -7200.0),
        ((0.0, -0.2, 90_000.0), 0.0),  # one of three is wrong itself
        ((), 0.0),
    ],
)
def test_nodes_together_say_how_wrong_it_is(offsets: tuple[float, ...], behind: float) -> None:
    clock = ToldClock()
    ours = HubClock(clock)
    told(clock, ours, {f"29401/n{n}": offset for n, offset in enumerate(offsets)})
    assert ours.behind_s() == (behind, len(offsets))


def test_of_delays_the_shortest_counts() -> None:
    clock = ToldClock()
    ours = HubClock(clock)
    for delay in (86_400.0, 7000.0, 0.2, 40.0, 12.0):  # a backlog of yesterday, then now and then a slow network
        ours.hear("29401/n", clock.now() - timedelta(seconds=delay))
        clock.forward(seconds=30)
    assert ours.behind_s() == (0.0, 1)


def test_clock_that_was_set_right_is_believed_again_and_a_silent_node_counts_no_more() -> None:
    clock = ToldClock()
    ours = HubClock(clock)
    told(clock, ours, {"29401/n": 600.0})
    assert ours.behind_s() == (600.0, 1)
    for _ in range(3):
        clock.forward(seconds=WINDOW_S + 1)
        ours.hear("29401/n", clock.now())
    assert ours.behind_s() == (0.0, 1)
    clock.forward(seconds=2 * WINDOW_S)
    assert ours.behind_s() == (0.0, 0)


def test_strange_instants_and_many_nodes_do_no_harm() -> None:
    clock = ToldClock()
    ours = HubClock(clock)
    for year in (1, 1970, 9999):
        ours.hear("29401/odd", datetime(year, 6, 1, tzinfo=UTC))
    told(clock, ours, {f"29401/n{n}": 0.0 for n in range(MOST + 200)})
    assert ours.behind_s() == (0.0, MOST)


class Slow(SystemClock):
    """Three hours behind, as that of a board without a battery; a minute passes when the test says so."""

    passed = 0.0

    def now(self) -> datetime:
        return super().now() - timedelta(hours=3)

    def monotonic(self) -> float:
        return super().monotonic() + self.passed


async def node_of(hub: Running, port: int) -> FakeNode:
    signer = hub.hub.signer
    return FakeNode(port, Verifier({signer.key_id: signer.public}), hub_url=hub.url)


async def words(hub: Running) -> str:
    return html.unescape((await hub.http.get(PATH)).text)


async def test_every_page_says_that_the_hubs_clock_is_wrong(broker: Mosquitto, tmp_path: Path) -> None:
    clock = Slow()
    async with serving(config_for(tmp_path, broker.port), clock=clock) as hub, await node_of(hub, broker.port) as node:
        await until(lambda: "29401/tram-bom" in hub.hub.registry.nodes)
        assert "Giờ của máy chủ này" not in await words(hub)  # nobody is believed at once
        clock.passed += SETTLE_S
        await node.state(LightState(id="cong-thon", at=now(), wanted=0, actual=0, why="rule"))
        await until(lambda: hub.hub.hub_clock.behind_s()[0])
        assert "Giờ của máy chủ này chậm 3 giờ so với các cụm (1 cụm)" in await words(hub)
        english = await hub.http.get(PATH, headers={"Cookie": f"lang=en; {COOKIE}={hub.secret}"})
        assert f"{catalogue('en')['camera.hours'].format(count=3)} behind that of the clusters (1)" in html.unescape(
            english.text
        )


async def test_node_that_does_not_trust_its_own_clock_says_nothing_of_ours(broker: Mosquitto, tmp_path: Path) -> None:
    clock = Slow()
    async with serving(config_for(tmp_path, broker.port), clock=clock) as hub, await node_of(hub, broker.port) as node:
        await until(lambda: "29401/tram-bom" in hub.hub.registry.nodes)
        clock.passed += SETTLE_S
        doubt = Status(online=True, session=node.session, since=now(), version="0.1.0", clock=DOUBTFUL)
        await node.say(node.topics.status, doubt.body())
        await node.state(LightState(id="cong-thon", at=now(), wanted=0, actual=0, why="rule"))
        await node.state(LightState(id="cong-thon", at=now(), wanted=100, actual=100, why="rule"))
        known = hub.hub.registry.nodes["29401/tram-bom"]
        await until(lambda: any(isinstance(s, LightState) and s.wanted == 100 for s in known.states.values()))
        assert hub.hub.hub_clock.behind_s() == (0.0, 0)
