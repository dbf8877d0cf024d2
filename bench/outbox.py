"""The outbox: durable records per second beside plain sqlite3, and draining a backlog through mosquitto."""

import asyncio
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench.rig import COMMUNE, NODE, agent, broker, node_config, percentile, workshop
from edge_agent.contract.signature import Signer
from edge_agent.store.database import Database
from edge_agent.store.outbox import TELEMETRY, Entry, Outbox

SECONDS = float(os.environ.get("SECONDS_EACH", "3"))
BACKLOG = int(os.environ.get("BACKLOG", "100000"))
ENTRY = Entry.sample(
    datetime.now(UTC),
    {"cpu": 12.3, "memory": 33.2, "disk": 41.0, "temperature": 55.1, "link_rtt": 1.7, "uptime": 86400},
)


def plain(folder: Path, batch: int) -> float:
    """Records per second of plain sqlite3: the limit of this disk."""
    db = sqlite3.connect(folder / f"plain-{secrets.token_hex(4)}.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, body TEXT NOT NULL)")
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        db.execute("BEGIN")
        db.executemany("INSERT INTO outbox (kind, body) VALUES (?, ?)", [ENTRY] * batch)
        db.execute("COMMIT")
        count += batch
    rate = count / (time.perf_counter() - began)
    db.close()
    return rate


def ours(folder: Path, batch: int, producers: int) -> float:
    """Records per second of the outbox when so many producers each wait until their batch is on disk."""

    async def work() -> float:
        name = secrets.token_hex(4)
        database = Database(folder / f"ours-{name}.db")
        outbox = Outbox(database, folder / f"reserve-{name}", limit=10**9)
        await outbox.load()
        end = time.perf_counter() + SECONDS
        counts = [0] * producers
        entries = [ENTRY] * batch

        async def produce(number: int) -> None:
            while time.perf_counter() < end:
                await outbox.append(*entries)
                counts[number] += batch

        began = time.perf_counter()
        await asyncio.gather(*(produce(number) for number in range(producers)))
        rate = sum(counts) / (time.perf_counter() - began)
        database.close()
        return rate

    return asyncio.run(work())


def in_turn(*measures: Callable[[], float], rounds: int = 3) -> list[float]:
    """Medians of several measures taken in turn, so that a machine whose speed drifts treats them alike."""
    results: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for place, measure in enumerate(measures):
            results[place].append(measure())
    return [percentile(values, 0.5) for values in results]


def fill(folder: Path, records: int) -> None:
    """A backlog as a week without network leaves it."""
    database = Database(folder / "state" / "node.db")

    async def work() -> None:
        outbox = Outbox(database, folder / "state" / "seq.reserved", limit=10**9)
        await outbox.load()
        for _ in range(records // 1000):
            await outbox.append(*[ENTRY] * 1000)

    asyncio.run(work())
    database.close()


def drain(records: int) -> tuple[float, float]:
    """Records per second from the first to the last that a subscriber gets; and the seconds it took."""
    with workshop() as folder, broker(folder) as port:
        signer = Signer("bench", secrets.token_bytes(32))
        config = node_config(
            folder,
            port,
            signer,
            telemetry={"every_s": 3600},
            storage={"path": str(folder / "state"), "records": 500_000},
        )
        (folder / "state").mkdir()
        fill(folder, records)
        seen: set[int] = set()
        times: list[float] = []

        def hear(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
            seen.update(record["seq"] for record in json.loads(message.payload)["records"])
            times.append(time.perf_counter())

        subscriber = mqtt.Client(CallbackAPIVersion.VERSION2)
        subscriber.on_message = hear
        subscriber.on_connect = lambda client, *_: client.subscribe(f"edge/{COMMUNE}/{NODE}/telemetry", 1)
        subscriber.connect("127.0.0.1", port)
        subscriber.loop_start()
        with agent(folder, config):
            end = time.monotonic() + 60
            while len(seen) < records and time.monotonic() < end:
                time.sleep(0.05)
        subscriber.loop_stop()
        assert len(seen) >= records, f"only {len(seen)} of {records} arrived"
        took = times[-1] - times[0]
        return records / took, took


def main() -> None:
    """Print the tables."""
    print(f"records/s on disk (synchronous=FULL, median of 3 x {SECONDS:g} s)")
    head = ("batch", "plain sqlite3", "one producer", "ratio", "8 producers", "ratio")
    print("{:>6} {:>14} {:>14} {:>6} {:>14} {:>6}   target 0.8".format(*head))
    with workshop() as folder:
        for batch in (1, 10, 100):
            limit, one, many = in_turn(
                lambda batch=batch: plain(folder, batch),
                lambda batch=batch: ours(folder, batch, 1),
                lambda batch=batch: ours(folder, batch, 8),
            )
            print(f"{batch:6} {limit:14,.0f} {one:14,.0f} {one / limit:6.2f} {many:14,.0f} {many / limit:6.2f}")
    rate, took = drain(BACKLOG)
    print(f"draining {BACKLOG:,} records through mosquitto: {rate:,.0f} records/s ({took:.1f} s)   target 10,000")


if __name__ == "__main__":
    assert ENTRY.kind == TELEMETRY
    main()
