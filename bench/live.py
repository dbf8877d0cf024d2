"""A live voice from the mouth to the ears: `python -m bench.live`. A real broker, the real workers, two nodes.

The mouth is a file of clicks that is "spoken" in real time; each node's ear takes what lies in its FIFO 100 ms before
it is due, as a sound card does, and what is not there is silence. When a click is heard less when it was spoken, by one
clock, is the way. With the network as it is, and with 5 % of the messages lost and the others up to 40 ms late.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from bench.live_rig import RATE, Ear, LiveNode, clicks, find, write_wav
from bench.rig import broker, percentile
from edge_agent.client import Access, Client
from edge_agent.config.model import Broker
from edge_agent.contract.signature import Signer
from edge_agent.contract.topics import NodeTopics
from edge_agent.live.broadcaster import Broadcaster, Progress, Source, Told, Wishes
from tts.enhance.settings import EnhancementSettings

SIGNER = Signer("bench", bytes(range(32)))
COMMUNE = "26734"
TARGET_MS = 600
_HEARD = 0.7


async def measure(
    port: int, folder: Path, seconds: float, *, loss: float, jitter_s: float, latency_ms: int, enhanced: bool
) -> dict[str, Any]:
    """One session on two nodes."""
    sound, times = clicks(seconds)
    file = write_wav(folder / "mouth.wav", sound)
    more = {"loss": loss, "jitter_s": jitter_s, "enhancement": EnhancementSettings(enabled=enhanced)}
    nodes = [LiveNode(port, NodeTopics(COMMUNE, name), SIGNER, folder / name, **more) for name in ("a", "b")]  # type: ignore[arg-type]
    costs = Costs()
    async with nodes[0], nodes[1], Client(Access(broker=Broker(url=f"mqtt://127.0.0.1:{port}")), SIGNER) as client:
        speaker = Broadcaster(client, NodeTopics(COMMUNE, "all"), "bench", costs.look)
        wishes = Wishes(latency_ms=latency_ms, seconds=seconds + 60)
        told = await speaker.speak(Source(file=file, level=False), wishes, asyncio.Event(), 2)
    return {
        "loss": loss,
        "jitter_ms": jitter_s * 1000,
        "latency_ms": latency_ms,
        "enhanced": enhanced,
        "kbit_s": round(told.bytes * 8 / told.seconds / 1000, 1),
        "bytes_a_message": round(told.bytes / told.messages),
        **way(nodes, told, times),
        "workers": costs.told(),
    }


def way(nodes: list[LiveNode], told: Told, times: list[float]) -> dict[str, Any]:
    """From mouth to ears, and from ear to ear, of each click."""
    spoken = time.monotonic() + (told.epoch - datetime.now(UTC)).total_seconds()
    ways: list[float] = []
    places: list[list[float | None]] = []
    for node in nodes:
        at, ear = node.air.heard[-1]
        found = [find(ear.heard, time_) for time_ in times]
        places.append([at + place if alike > _HEARD else None for place, alike in found])
        ways += [
            (place - spoken - time_) * 1000 for place, time_ in zip(places[-1], times, strict=True) if place is not None
        ]
    pairs = [
        abs(one - other) * 1000 for one, other in zip(*places, strict=True) if one is not None and other is not None
    ]
    results = [ack.result["counts"] for ack in told.acks.values() if ack.result]
    ears: list[Ear] = [node.air.heard[-1][1] for node in nodes]
    return {
        "clicks": len(times) * len(nodes),
        "heard": len(ways),
        "median_ms": round(statistics.median(ways), 1),
        "most_ms": round(max(ways), 1),
        "between_nodes_ms": round(percentile(pairs, 0.99), 3),
        "missed_ms": [round(ear.missed / RATE * 1000, 1) for ear in ears],
        "messages_lost": [node.lost for node in nodes],
        "repaired": [each["repaired"] for each in results],
        "fec": [each["fec"] for each in results],
        "concealed": [each["concealed"] for each in results],
        "late": [each["late"] for each in results],
        "delay_ms": [each["delay_ms"] for each in results],
    }


class Costs:
    """Processor time and memory of the children while somebody speaks."""

    def __init__(self) -> None:
        self._first: dict[int, tuple[float, float, str]] = {}
        self._last: dict[int, tuple[float, float]] = {}
        self._peak: dict[int, float] = {}
        self._looked = 0.0

    def look(self, progress: Progress) -> None:
        """Once a second."""
        now = time.monotonic()
        if progress.state != "speaking" or now - self._looked < 1.0:
            return
        self._looked = now
        for child in psutil.Process().children(recursive=True):
            try:
                line = " ".join(child.cmdline())
                name = next((part for part in ("live.worker", "live.mouth") if part in line), None)
                if name is None:
                    continue
                used = child.cpu_times()
                memory = child.memory_full_info()
            except psutil.Error:
                continue
            self._first.setdefault(child.pid, (now, used.user + used.system, name))
            self._last[child.pid] = (now, used.user + used.system)
            self._peak[child.pid] = max(self._peak.get(child.pid, 0.0), memory.uss / 1e6)

    def told(self) -> dict[str, Any]:
        """Per kind of child: per cent of one core, and MB that are its own."""
        kinds: dict[str, list[tuple[float, float]]] = {}
        for pid, (began, used, name) in self._first.items():
            end, later = self._last[pid]
            if end > began:
                kinds.setdefault(name, []).append(((later - used) / (end - began) * 100, self._peak[pid]))
        return {
            name: {"cpu_percent": round(max(cpu for cpu, _ in all_), 1), "mb": round(max(mb for _, mb in all_))}
            for name, all_ in kinds.items()
        }


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=30.0)
    asked = parser.parse_args()
    runs = [
        {"loss": 0.0, "jitter_s": 0.0, "latency_ms": 450, "enhanced": True},
        {"loss": 0.05, "jitter_s": 0.04, "latency_ms": 450, "enhanced": True},
        {"loss": 0.05, "jitter_s": 0.04, "latency_ms": 350, "enhanced": True},
        {"loss": 0.2, "jitter_s": 0.04, "latency_ms": 450, "enhanced": True},
    ]
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with broker(folder) as port:
            for number, run in enumerate(runs):
                place = folder / str(number)
                place.mkdir()
                rows.append(asyncio.run(measure(port, place, asked.seconds, **run)))  # type: ignore[arg-type]
                if not asked.json:
                    show(rows[-1])
    if asked.json:
        print(json.dumps(rows, indent=2))


def show(row: dict[str, Any]) -> None:
    """Two lines."""
    print(
        f"loss {row['loss']:.0%}, jitter {row['jitter_ms']:.0f} ms, latency {row['latency_ms']} ms: "
        f"{row['heard']} of {row['clicks']} clicks heard, mouth to ear {row['median_ms']} ms, "
        f"at most {row['most_ms']} ms (to reach {TARGET_MS}), between nodes {row['between_nodes_ms']} ms"
    )
    print(
        f"    {row['kbit_s']} kbit/s, {row['bytes_a_message']} bytes a message; lost {row['messages_lost']}, packets "
        f"repaired {row['repaired']}, from FEC {row['fec']}, made up {row['concealed']}, late {row['late']}, "
        f"missed {row['missed_ms']} ms; {row['workers']}",
        flush=True,
    )


if __name__ == "__main__":
    main()
