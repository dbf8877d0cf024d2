"""One node's player, in a process of its own: `python -m bench.sync_node CARD AT WAV`; prints its report as JSON."""

import asyncio
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from drivers.audio.portaudio import PyAudioSpeaker
from drivers.clock import standalone_context


async def play(card: str, at: float, wav: Path) -> dict[str, Any]:
    """Play in step; return the report, and what the playing process took."""
    speaker = PyAudioSpeaker(PyAudioSpeaker.Config(device=card), standalone_context(card))
    async with speaker:
        started = asyncio.Event()
        task = asyncio.create_task(
            speaker.play(wav, at=datetime.fromtimestamp(at, UTC), on_start=lambda start: started.set())
        )
        await asyncio.wait([task, asyncio.create_task(started.wait())], return_when=asyncio.FIRST_COMPLETED)
        child = psutil.Process(speaker.pid)
        began, used = asyncio.get_running_loop().time(), sum(child.cpu_times()[:2])
        print(json.dumps({"pid": speaker.pid}), flush=True)
        report = await task
        spent = asyncio.get_running_loop().time() - began
        cpu = 100 * (sum(child.cpu_times()[:2]) - used) / spent
        memory = child.memory_info().rss / 1e6
    return {**asdict(report), "started_at": report.started_at.isoformat(), "cpu_percent": cpu, "memory_mb": memory}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(play(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])))))
