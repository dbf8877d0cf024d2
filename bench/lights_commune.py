"""Two thousand lights on two hundred nodes: one POST at the hub's API, until the last state is seen at its stream."""

import contextlib
import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.rig import process
from bench.tap import Line
from edge_agent.contract.signature import Signer

COMMUNE = "29401"
NODES, EACH = 200, 10
_STATE = re.compile(rb'"node":"([^"]+)","kind":"light","id":"([^"]+)","state":\{[^\n]*?"actual":([0-9.]+)')


@contextlib.contextmanager
def fleet(folder: Path, mqtt: int, port: int, key: Signer) -> Iterator[None]:
    """All nodes in one process, each with a connection of its own; until the hub knows them all."""
    argv = [sys.executable, "-m", "bench.fleet", *map(str, (mqtt, COMMUNE, NODES, EACH, key.key_id, key.public))]
    with process(*argv, log=folder / "fleet.log"):
        _until_there(port)
        yield


def group_times(port: int, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds from the POST until the last state is seen, and until all nodes' answers are there."""
    events, post = Line(port), Line(port)
    events.ask("GET", "/api/v1/events?kind=light")
    events.until(b"retry: ")
    seen, answered = [], []
    for number in range(rounds):
        level = 100 if number % 2 == 0 else 0
        began = time.perf_counter()
        post.ask("POST", f"/api/v1/communes/{COMMUNE}/switch", {"thing": "lights", "level": level})
        _until_all(events, b"%d.0" % level)
        seen.append((time.perf_counter() - began) * 1000)
        status, body = post.answer()
        answered.append((time.perf_counter() - began) * 1000)
        told = json.loads(body)
        if status != 200 or told["done"] != NODES:
            raise RuntimeError(f"{status}: {told['done']} of {told['all']} nodes did it")
        time.sleep(0.5)
    return seen, answered


def _until_all(events: Line, level: bytes) -> None:
    left = {(f"{COMMUNE}/cot-{node}".encode(), b"den-%d" % light) for node in range(NODES) for light in range(EACH)}
    while left:
        for node, light, actual in _STATE.findall(events.until(b"\n\n")):
            if actual == level:
                left.discard((node, light))


def _until_there(port: int, limit_s: float = 60) -> None:
    line, end, missing = Line(port), time.monotonic() + limit_s, NODES
    while time.monotonic() < end:
        line.ask("GET", "/api/v1/nodes?limit=1000")
        known = {node["node"] for node in json.loads(line.answer()[1])["items"] if node["online"]}
        missing = sum(f"{COMMUNE}/cot-{number}" not in known for number in range(NODES))
        if not missing:
            time.sleep(1)
            return
        time.sleep(0.2)
    raise TimeoutError(f"the hub misses {missing} nodes of the fleet")
