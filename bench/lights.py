"""Lights, with Home Assistant beside us and the plain limits of the machine in the same run: `make bench-lights`.

Both systems share one mosquitto and are asked in turns, so that whatever else this machine does falls on both alike.
Without Home Assistant (it cannot be installed here) ours is printed alone.

ROUNDS=1000 taps, BURSTS=10 commands to all, IDLE_S=60, HOME_ASSISTANT=where it is installed.
"""

import contextlib
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import lights_commune, lights_ha, nights, tap
from bench.lights_limit import broker_times
from bench.lights_node import LIGHTS, idle
from bench.rig import agent, broker, free_port, node_config, percentile, process, wait_for_port, workshop
from bench.roundtrip import echo_times
from edge_agent.contract.signature import Signer
from hub.config import load
from hub.keys import signer

ROUNDS = int(os.environ.get("ROUNDS", "1000"))
BURSTS = int(os.environ.get("BURSTS", "10"))
IDLE_S = float(os.environ.get("IDLE_S", "60"))
TURNS = 5
MANY = lights_commune.NODES * lights_commune.EACH
STATE_BYTES = 450
"""About as long as the state of a light."""

Rows = dict[str, list[float]]
ECHO, HTTP = "plain paho echo, QoS 1", "plain HTTP answer of the hub"
OURS, ANSWER = "ours: POST -> state seen", "ours: POST -> answer, durable"
SOCKET, REST, SURE = (
    "Home Assistant: WebSocket, QoS 0",
    "Home Assistant: REST, QoS 0",
    "Home Assistant: WebSocket, QoS 1",
)
BROKER = f"mosquitto alone, {MANY:,} messages"
SEEN, DONE = "ours: POST -> last state seen", "ours: POST -> all answers there"
GROUP = "Home Assistant: last state seen"

PROVES = """
Ours is signed by the hub and verified by the node, QoS 1 all the way; what is seen is what the node read back from its
line, and the answer comes once the act is on the node's disk. Home Assistant's device answers at once, checks and
writes nothing; at QoS 0 nobody would know that a command was lost. The nodes of the fleet have a connection each,
verify for real and write nothing to disk; all of them share this machine with hub and broker."""


class Bench:
    """What runs: broker, hub, and Home Assistant where there is one."""

    def __init__(self, folder: Path, mqtt: int, hub: int, key: Signer, home: lights_ha.Home | None) -> None:
        self.folder, self.mqtt, self.hub, self.key, self.home = folder, mqtt, hub, key, home

    def taps(self) -> Rows:
        """One light, switched again and again."""
        rows: Rows = defaultdict(list)
        rows[ECHO] = echo_times(self.mqtt, self.folder, ROUNDS)
        rows[HTTP] = tap.http_times(self.hub, ROUNDS)
        node = node_config(self.folder, self.mqtt, self.key, telemetry={"every_s": 3600})
        with agent(self.folder, node), self._lights("one", 1, 0), self._lights("sure", 1, 1):
            tap.until_known(self.hub, tap.PATH)
            for _ in range(TURNS):
                seen, answered = tap.taps(self.hub, ROUNDS // TURNS)
                rows[OURS] += seen
                rows[ANSWER] += answered
                if self.home is not None:
                    rows[SOCKET] += lights_ha.socket_times(self.home, "light.one_0", ROUNDS // TURNS)
                    rows[REST] += lights_ha.rest_times(self.home, "light.one_0", ROUNDS // TURNS)
                    rows[SURE] += lights_ha.socket_times(self.home, "light.sure_0", ROUNDS // TURNS)
        return rows

    def groups(self) -> Rows:
        """Everybody at once."""
        rows: Rows = defaultdict(list)
        rows[BROKER] = broker_times(self.mqtt, MANY, STATE_BYTES, BURSTS)
        fleet = lights_commune.fleet(self.folder, self.mqtt, self.hub, self.key)
        with fleet, self._lights("many", MANY, 0):
            for _ in range(BURSTS // 2):
                seen, answered = lights_commune.group_times(self.hub, 2)
                rows[SEEN] += seen
                rows[DONE] += answered
                if self.home is not None:
                    rows[GROUP] += lights_ha.group_times(self.home, "many", MANY, 2)
        return rows

    def _lights(self, prefix: str, count: int, qos: int) -> contextlib.AbstractContextManager[None]:
        if self.home is None:
            return contextlib.nullcontext()
        return lights_ha.lights(self.folder, self.home, self.mqtt, prefix, count, qos)


@contextlib.contextmanager
def running() -> Iterator[Bench]:
    """Start all that is measured beside one another."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(workshop())
        mqtt = stack.enter_context(broker(folder))
        port = free_port()
        config = tap.hub_config(folder, mqtt, port)
        key = signer(load(config).signing_key)
        argv = (sys.executable, "-m", "hub", "run", str(config))
        stack.enter_context(process(*argv, log=folder / "hub.log"))
        wait_for_port(port)
        home = None
        try:
            print(f"Home Assistant {lights_ha.install()}")
            home = stack.enter_context(lights_ha.home_assistant(folder, mqtt))
        except lights_ha.NotThere as error:
            print(f"no Home Assistant here, ours alone: {error}")
        yield Bench(folder, mqtt, port, key, home)


def show(
    title: str, rows: Rows, ours: str, target: str, columns: tuple[tuple[str, Callable[[list[float]], float]], ...]
) -> None:
    """One table, and whether ours is below each of Home Assistant's in every column."""
    print(f"\n{title:36}" + "".join(f"{name:>10}" for name, _ in columns) + f"   load {os.getloadavg()[0]:.1f}")
    for name, times in rows.items():
        verdict = target if name == ours else ""
        if name.startswith("Home Assistant"):
            below = [value(rows[ours]) < value(times) for _, value in columns]
            verdict = (
                "ours is below" if all(below) else "ours is NOT below" if not any(below) else "ours is below in part"
            )
        print(f"{name:36}" + "".join(f"{value(times):10.2f}" for _, value in columns) + f"   {verdict}")


def median(times: list[float]) -> float:
    """p50."""
    return percentile(times, 0.5)


def tail(times: list[float]) -> float:
    """p99."""
    return percentile(times, 0.99)


def node_figures() -> None:
    """What two hundred lights cost their node."""
    found = nights.measured("commune")
    with workshop() as folder, broker(folder) as port:
        few = idle(folder, port, Signer("bench", os.urandom(32)), 1, IDLE_S)
    with workshop() as folder, broker(folder) as port:
        many = idle(folder, port, Signer("bench", os.urandom(32)), LIGHTS, IDLE_S)
    print(f"\nA node with {LIGHTS} lights that follow 20 calendars   load {os.getloadavg()[0]:.1f}")
    tick, worst = found["tick_median_ms"], found["tick_p99_ms"]
    print(f"a look at all of them, p50 / p99       {tick:8.3f} /{worst:7.3f} ms   target 1")
    print(f"a year of nights for all of them       {found['year_s']:8.2f} s   target 1")
    print(
        f"idle CPU over {IDLE_S:.0f} s                      {many.cpu:8.2f} % of a core   with one light {few.cpu:.2f}"
    )
    print(f"resident memory                        {many.memory:8.1f} MiB   with one light {few.memory:.1f}")


def main() -> None:
    """Print the tables."""
    with running() as bench:
        taps = bench.taps()
        columns = (("p50 ms", median), ("p99 ms", tail))
        show(f"A tap ({ROUNDS} rounds, {TURNS} turns)", taps, OURS, "target: below Home Assistant", columns)
        groups = bench.groups()
        columns = (("median ms", median), ("worst ms", max))
        show(f"{MANY:,} lights, {lights_commune.NODES} nodes ({BURSTS} rounds)", groups, SEEN, "target 500", columns)
    print(PROVES)
    node_figures()


if __name__ == "__main__":
    main()
