"""Real agents with a file for a loudspeaker, a phone with one for a microphone, ears to find one in the other."""

import asyncio
import contextlib
import sys
import wave
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from hub_rig import Running, until
from playwright.async_api import Browser, Page, async_playwright

from bench.rig import COMMUNE, node_config, process

RATE = 48_000
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]
Floats = np.ndarray[Any, np.dtype[np.float32]]


def agent_config(folder: Path, port: int, signer: Any, name: str, title: str, zone: str, **more: Any) -> Path:
    """A node with one file speaker."""
    folder.mkdir(parents=True, exist_ok=True)
    where = {"latitude": 21.03, "longitude": 105.85}
    node = {"commune": COMMUNE, "name": name, "title": title, "zone": zone, "position": where}
    drivers = [{"id": "horn", "driver": "file-speaker"}]
    return node_config(folder, port, signer, **{"node": node, "drivers": drivers, "lights": [], **more})


@contextlib.contextmanager
def agents(folder: Path, port: int, signer: Any, *places: tuple[str, str, str]) -> Iterator[dict[str, Path]]:
    """Real agents: name, title, area of each; yields where their sounds are."""
    with contextlib.ExitStack() as stack:
        sounds = {}
        for name, title, zone in places:
            home = folder / name
            config = agent_config(home, port, signer, name, title, zone)
            argv = (sys.executable, "-m", "edge_agent", "run", str(config))
            stack.enter_context(process(*argv, log=home / "agent.log"))
            sounds[f"{COMMUNE}/{name}"] = home / "state" / "drivers" / "horn"
        yield sounds


async def there(hub: Running, *addresses: str) -> None:
    """Until these agents are seen."""

    def is_there(address: str) -> bool:
        node = hub.hub.registry.nodes.get(address)
        return bool(node and node.online and node.about and ("speaker", "horn") in node.states)

    await until(lambda: all(map(is_there, addresses)), 60)


def bursts(seconds: float, every: tuple[float, ...] = (0.9, 0.6, 1.1, 0.7)) -> tuple[Floats, list[float]]:
    """Short calls as of a voice, at instants that repeat no pattern soon; and when they begin."""
    sound, times, at, n = np.zeros(int(seconds * RATE), np.float32), [], 0.5, 0
    while at < seconds - 0.5:
        t = np.arange(int(0.25 * RATE)) / RATE
        tone = sum(np.sin(2 * np.pi * f * t * (1 + 0.15 * t)) / k for k, f in enumerate((220, 440, 660, 1320, 1980), 1))
        place = int(at * RATE)
        sound[place : place + len(t)] += (0.25 * tone * np.hanning(len(t)) ** 0.25).astype(np.float32)
        times.append(at)
        at, n = at + every[n % len(every)] + 0.03 * n % 0.2, n + 1
    return sound, times


def write_wave(path: Path, sound: Floats) -> Path:
    """16 bit, mono."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def read_wave(path: Path) -> Floats:
    """What a speaker played, mono, at 48 kHz."""
    with wave.open(str(path)) as file:
        assert file.getframerate() == RATE
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
        return data.reshape(-1, file.getnchannels()).mean(axis=1).astype(np.float32)


def played(folder: Path) -> list[Path]:
    """The sounds of a speaker, first to last."""
    return sorted(folder.glob("*.wav"))


def begun(path: Path) -> float:
    """When the first sample of a played file was heard, seconds since 1970, by its name."""
    stem = path.stem.replace("Z", "").replace("_", ".").replace("-", "")
    for form in ("%Y%m%dT%H%M%S.%f", "%Y%m%dT%H%M%S%f"):
        with contextlib.suppress(ValueError):
            return datetime.strptime(stem, form).replace(tzinfo=UTC).timestamp()
    raise ValueError(path.name)


def envelope(sound: Floats, step: int = 240) -> Floats:
    """Loudness each 5 ms."""
    whole = sound[: len(sound) // step * step].reshape(-1, step)
    return np.sqrt((whole**2).mean(axis=1)).astype(np.float32)


def onsets(sound: Floats) -> list[float]:
    """Where something begins after at least 0.2 s of quiet, seconds."""
    loud = envelope(sound)
    over = loud > 0.15 * np.quantile(loud, 0.99)
    found, quiet = [], 40
    for place, is_loud in enumerate(over):
        if is_loud and quiet >= 40:
            found.append(place * 0.005)
        quiet = 0 if is_loud else quiet + 1
    return found


def likeness(wanted: Floats, heard: Floats) -> tuple[float, float]:
    """How alike two sounds are in loudness at their best place, 0..1, and that place: seconds of `heard`."""
    a, b = envelope(wanted), envelope(heard)
    a, b = a - a.mean(), np.concatenate((np.zeros(len(a)), b - b.mean(), np.zeros(len(a))))
    together = np.correlate(b, a, "valid")
    power = np.sqrt(np.convolve(b**2, np.ones(len(a)), "valid") * (a**2).sum()) + 1e-9
    alike = together / power
    best = int(alike.argmax())
    return float(alike[best]), (best - len(a)) * 0.005


@contextlib.asynccontextmanager
async def phone(hub: Running, microphone: Path | None, *more: str) -> AsyncIterator[Page]:
    """A phone's browser that is signed in; its microphone is a file, or there is none."""
    flags = [*FLAGS, *more]
    if microphone is not None:
        flags += [
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone}%noloop",
        ]
    async with async_playwright() as playwright:
        chromium: Browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        context = await chromium.new_context(
            viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True, locale="vi-VN"
        )
        await context.add_cookies([hub.cookie])
        page = await context.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        yield page
        await chromium.close()
        assert problems == []


SENT = """
  window.sent = [];
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    if (data instanceof Uint8Array) {
      window.sent.push([Date.now(), new DataView(data.buffer).getUint32(0), data[4], data.length]);
    }
    return send.call(this, data);
  };
"""
"""Notes each frame that a page sends: when, its number, minus dB, bytes."""


async def settled(seconds: float) -> None:
    """Let time pass that is spoken."""
    await asyncio.sleep(seconds)
