"""What following the nodes costs the hub: `python -m bench.hub_store [--database URL] [--seconds 20]`.

First the store alone: batches of one record each, as fast as it takes them. Then a hub as a program, behind a real
broker, to which many nodes send so many messages a second, each of one record: the share of a core that it takes.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import psutil
import yaml
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench import rig
from edge_agent.contract.records import EventBatch, Sample, TelemetryBatch
from edge_agent.contract.reports import Status
from edge_agent.version import VERSION
from hub.ledger import Ledger
from hub.notice import Notice
from hub.store import Store, StoreFull, address_of

COMMUNE, NODES = "29401", 200
MEASURED = {"cpu_percent": 12.5, "memory_percent": 41.2, "temperature_c": 52.1, "disk_free_mb": 20100.0}


def batch(node: str, seq: int) -> TelemetryBatch:
    """One sample."""
    sample = Sample(seq=seq, at=datetime.now(UTC), values=MEASURED)
    return TelemetryBatch(node=node, session="s-1", records=(sample,))


async def _alone(url: str | None, folder: Path, seconds: float) -> tuple[float, float]:
    store = Store(address_of(folder, url))
    ledger = Ledger(store, Notice(), 1_000_000)
    await store.start()
    names, seq = [f"node-{number}" for number in range(NODES)], 0
    began, used, taken = time.monotonic(), time.process_time(), 0
    while time.monotonic() - began < seconds:
        seq += 1
        for name in names:
            one = batch(name, seq)
            while True:
                try:
                    store.offer(lambda c, name=name, one=one: ledger._records.write(c, f"{COMMUNE}/{name}", one))  # type: ignore[misc]
                    break
                except StoreFull:
                    await asyncio.sleep(0.005)
            taken += 1
    await store.call(lambda _: None)
    whole, cost = time.monotonic() - began, time.process_time() - used
    await store.stop()
    return taken / whole, cost / taken


def _messages(names: list[str]) -> Iterator[tuple[str, bytes]]:
    seq = 0
    while True:
        seq += 1
        for name in names:
            one: EventBatch | TelemetryBatch = batch(name, seq)
            yield f"edge/{COMMUNE}/{name}/telemetry", one.body()


def following(url: str | None, rate: int, seconds: float) -> tuple[float, float, float]:
    """Share of a core, MB, and how many of the messages are in the database at the end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port, http = stack.enter_context(rig.broker(folder)), rig.free_port()
        config = {"listen": {"port": http}, "broker": {"url": f"mqtt://127.0.0.1:{port}"}, "data": str(folder / "hub")}
        (folder / "hub.yaml").write_text(yaml.safe_dump({**config, **({"database": {"url": url}} if url else {})}))
        program = [sys.executable, "-m", "hub", "run", str(folder / "hub.yaml")]
        child = stack.enter_context(rig.process(*program, log=folder / "hub.log"))
        rig.wait_for_port(http, 60)
        client = mqtt.Client(CallbackAPIVersion.VERSION2, "bench")
        client.max_inflight_messages_set(1000)
        client.connect("127.0.0.1", port)
        client.loop_start()
        names = [f"node-{number}" for number in range(NODES)]
        for name in names:
            status = Status(online=True, at=datetime.now(UTC), session="s-1", since=datetime.now(UTC), version=VERSION)
            client.publish(f"edge/{COMMUNE}/{name}/status", status.body(), 1, retain=True)
        time.sleep(3)
        messages, hub = _messages(names), psutil.Process(child.pid)
        _send(client, messages, rate, 3)
        before = hub.cpu_times()
        sent = _send(client, messages, rate, seconds)
        after, memory = hub.cpu_times(), hub.memory_info().rss / 1e6
        client.loop_stop()
        return (after.user + after.system - before.user - before.system) / sent * rate, memory, sent


def _send(client: mqtt.Client, messages: Iterator[tuple[str, bytes]], rate: int, seconds: float) -> int:
    began, sent = time.monotonic(), 0
    while (now := time.monotonic() - began) < seconds:
        for _ in range(int(now * rate) - sent):
            client.publish(*next(messages), 1)
            sent += 1
        time.sleep(0.004)
    return sent


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", help="postgresql+psycopg://...; SQLite, if not given")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=int, default=500)
    given = parser.parse_args()
    print(f"The hub's store ({'PostgreSQL' if given.database else 'SQLite'})")
    with tempfile.TemporaryDirectory() as folder:
        speed, cost = asyncio.run(_alone(given.database, Path(folder), given.seconds / 2))
    print(f"  alone: {speed:.0f} batches of one record/s, {cost * 1e6:.0f} us of processor each")
    share, memory, sent = following(given.database, given.rate, given.seconds)
    print(
        f"  a hub at {given.rate} messages/s, {NODES} nodes: {share:.2f} of a core, {memory:.0f} MB ({sent:.0f} sent)"
    )


if __name__ == "__main__":
    main()
