"""A real agent with two hundred lights that follow calendars: its memory and its idle CPU."""

import time
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.nights import LIGHTS, RULES
from bench.rig import COMMUNE, NODE, Sender, agent, node_config
from edge_agent.contract.signature import Signer

SETTLE_S = 10.0


class Idle(NamedTuple):
    """Of the agent's process: MiB resident, per cent of a core."""

    memory: float
    cpu: float


def idle(folder: Path, port: int, key: Signer, lights: int, seconds: float) -> Idle:
    """Start an agent, let it settle, and look at it for a while; telemetry runs as it does by default."""
    config = node_config(folder, port, key, **_parts(lights))
    sender = Sender(port, [f"edge/{COMMUNE}/{NODE}/state/light/den-{lights - 1}"])
    with agent(folder, config) as child:
        sender.wait(f"edge/{COMMUNE}/{NODE}/state/light/den-{lights - 1}", b'"actual"', 30)
        sender.close()
        time.sleep(SETTLE_S)
        process = psutil.Process(child.pid)
        before, began = process.cpu_times(), time.monotonic()
        time.sleep(seconds)
        after, took = process.cpu_times(), time.monotonic() - began
        used = after.user + after.system - before.user - before.system
        return Idle(process.memory_info().rss / 2**20, 100 * used / took)


def _parts(lights: int) -> dict[str, object]:
    """Calendars and programmes as in bench.nights, without dimming: plain relays cost nothing of their own."""
    programmes = [{"id": f"p{number}", "on": f"sunset-{number}m"} for number in range(10)]
    programmes += [{"id": "ca-dem"}, {"id": "hoc", "on": "dusk", "off": "21:30"}]
    calendars = [{"id": f"c{n}", "rules": RULES[n % 3 :], "otherwise": f"p{n % 10}"} for n in range(20)]
    lines: dict[str, object] = {str(number): {} for number in range(lights)}
    return {
        "programmes": programmes,
        "calendars": calendars,
        "drivers": [
            {"id": "relays", "driver": "simulated-relay", "lines": lines},
            {"id": "horn", "driver": "file-speaker"},
        ],
        "lights": [
            {
                "id": f"den-{number}",
                "name": f"Den {number}",
                "line": f"relays/{number}",
                "calendar": f"c{number % 20}",
                "rated_w": 80,
            }
            for number in range(lights)
        ],
    }


__all__ = ["LIGHTS", "Idle", "idle"]
