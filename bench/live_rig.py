"""Live voices and relays, heard: an ear at the FIFO as strict as a sound card, clicks to find, a small node."""

import asyncio
import contextlib
import os
import random
import select
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from drivers.contract import PlayStart
from edge_agent.broadcast.item import Item
from edge_agent.contract.airings import Airing
from edge_agent.contract.commands import Ack, Command, command
from edge_agent.contract.errors import Refusal
from edge_agent.contract.signature import Signer, Verifier
from edge_agent.contract.topics import NodeTopics, is_voice
from edge_agent.desk.act import Begin
from edge_agent.link.wire import BrokerAddress, Incoming, Wire
from edge_agent.live.sessions import LiveSessions
from edge_agent.live.stream import LiveStream
from tts.enhance.settings import EnhancementSettings

RATE = 48_000
PLAIN = EnhancementSettings(enabled=False)


class RealClock:
    """The machine's, wrong by `ahead_s`."""

    trusted = True

    def __init__(self, ahead_s: float = 0.0) -> None:
        self._ahead = timedelta(seconds=ahead_s)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Ear(threading.Thread):
    """Hears sample n of a FIFO n/48000 s after `at` (CLOCK_MONOTONIC); what is not there `ahead_s` before: silence.

    Over after `seconds`; without them when the writer that came closes.
    """

    def __init__(self, fifo: Path, at: float, ahead_s: float = 0.1, seconds: float | None = None) -> None:
        super().__init__(daemon=True)
        self._fd = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self._at, self._ahead_s, self._seconds = at, ahead_s, seconds
        self._came = bytearray()
        self._heard = bytearray()
        self._next: Ear | None = None
        self.over = threading.Event()
        self._paused = threading.Event()
        self._followed = threading.Event()
        self.quit = threading.Event()
        self.missed = 0
        """Samples that were not there in time."""
        self.start()

    @property
    def heard(self) -> np.ndarray:
        return np.frombuffer(bytes(self._heard), "<i2").astype(np.float32) / 32768

    def run(self) -> None:
        came = False
        while not self.quit.is_set():
            select.select([self._fd], [], [], 0.005)
            data = self._read()
            came = came or bool(data)
            self._came += data or b""
            due = int((time.monotonic() + self._ahead_s - self._at) * RATE)
            self._hear(max(0, due if self._seconds is None else min(due, int(self._seconds * RATE))))
            if self._seconds is None and came and data == b"":
                self._hear(len(self._came) // 2)
                break
            if self._seconds is not None and due >= self._seconds * RATE:
                self._hear(int(self._seconds * RATE))
                break
            if data == b"":
                time.sleep(0.01)
        os.close(self._fd)
        if self._paused.is_set():  # what plays us goes on waiting: another one follows
            self._followed.wait()
            assert self._next is not None
            self._next.over.wait()
        self.over.set()

    def pause(self) -> None:
        """Close the FIFO as a loudspeaker does that something more urgent needs."""
        self._paused.set()
        self.quit.set()

    def follow(self, fifo: Path) -> "Ear":
        """Another ear at the same piece; this one is over when that one is."""
        self._next = Ear(fifo, self._at, self._ahead_s, self._seconds)
        self._followed.set()
        return self._next

    def _read(self) -> bytes | None:
        if len(self._came) // 2 > len(self._heard) // 2 + 4 * RATE:
            time.sleep(0.005)
            return None
        try:
            return os.read(self._fd, 65_536)
        except BlockingIOError:
            return None

    def _hear(self, until: int) -> None:
        begin = len(self._heard)
        if 2 * until <= begin:
            return
        part = self._came[begin : 2 * until]
        short = 2 * until - begin - len(part)
        self.missed += short // 2
        self._heard += part + bytes(short)

    async def ended(self, limit_s: float = 60) -> np.ndarray:
        await asyncio.to_thread(self.over.wait, limit_s)
        assert self.over.is_set(), "the piece did not end"
        return self.heard


def clicks(
    seconds: float, every_s: float = 0.5, level: float = 0.5, first_s: float = 0.3
) -> tuple[np.ndarray, list[float]]:
    """Bursts of a swept tone, 30 ms each, over a faint hum; and when they begin."""
    sound = 0.0005 * np.sin(2 * np.pi * 220 * np.arange(int(seconds * RATE)) / RATE)
    times = np.arange(first_s, seconds - 0.2, every_s)
    for at in times:
        place = int(at * RATE)
        sound[place : place + len(burst())] += level * burst()
    return sound.astype(np.float32), [float(at) for at in times]


def burst() -> np.ndarray:
    t = np.arange(int(0.03 * RATE)) / RATE
    return np.sin(2 * np.pi * (800 * t + 20_000 * t * t)) * np.hanning(len(t))


def find(heard: np.ndarray, near_s: float, within_s: float = 0.2) -> tuple[float, float]:
    """When the burst near an instant is heard, to the sample, and how alike it is (0..1)."""
    template = burst()
    begin = max(0, int((near_s - within_s) * RATE))
    part = heard[begin : int((near_s + within_s) * RATE) + len(template)]
    if len(part) <= len(template):
        return float("nan"), 0.0
    match = np.correlate(part, template, "valid")
    power = np.convolve(part**2, np.ones(len(template)), "valid")
    alike = np.abs(match) / np.sqrt(np.maximum(power, 1e-6) * (template**2).sum())
    place = int(np.argmax(np.abs(match)))
    return (begin + place) / RATE, float(alike[place])


def write_wav(path: Path, sound: np.ndarray, rate: int = RATE) -> Path:
    import wave

    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return path


class Air:
    """Plays one item after the other with an ear; keeps what was heard, and from when on."""

    def __init__(self, clock: RealClock) -> None:
        self.clock = clock
        self.items: list[Item] = []
        self._ears: dict[str, tuple[float, Ear]] = {}

    @property
    def heard(self) -> list[tuple[float, Ear]]:
        """In the order of the items: a worker that starts slowly is heard after one that was asked for later."""
        return [self._ears[item.id] for item in self.items if item.id in self._ears]

    async def __call__(
        self, _speaker: str | None, item: Item, begin: Begin, on_start: Callable[[PlayStart], None]
    ) -> Airing:
        self.items.append(item)
        await begin()
        stream = item.sources[0]
        assert isinstance(stream, LiveStream)
        assert item.at is not None
        piece = await stream.open()
        try:
            assert piece.path is not None
            at = time.monotonic() + (item.at - self.clock.now()).total_seconds()
            ear = Ear(piece.path, at)
            self._ears[item.id] = (at, ear)
            on_start(PlayStart(item.at, 0.0, "ear"))
            try:
                await asyncio.to_thread(ear.over.wait)
            finally:
                ear.quit.set()
        finally:
            await stream.close()
        return Airing(
            id=item.id,
            speaker="ear",
            title=item.title,
            class_=item.class_,
            authority=item.authority,
            state="aired",
            seconds=len(ear.heard) / RATE,
        )


class LiveNode:
    """A node that can nothing but be spoken to. `loss` and `jitter_s`: of the messages on their way to it."""

    def __init__(
        self,
        port: int,
        topics: NodeTopics,
        signer: Signer,
        folder: Path,
        *,
        loss: float = 0.0,
        jitter_s: float = 0.0,
        clock_s: float = 0.0,
        enhancement: EnhancementSettings = PLAIN,
    ) -> None:
        self._address = BrokerAddress("127.0.0.1", port, f"{topics.node}-rig")
        self._topics = topics
        self._verifier = Verifier({signer.key_id: signer.public})
        self._loss, self._jitter_s = loss, jitter_s
        self._chance = random.Random(topics.node)
        self._hear: dict[str, Callable[[bytes], None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.clock = RealClock(clock_s)
        self.air = Air(self.clock)
        self.lost = 0
        self.acks: list[Ack] = []
        self.sessions = LiveSessions(
            topics.commune, folder, self.clock, enhancement, listen=self._listen, on_air=self.air
        )

    async def __aenter__(self) -> Self:
        self._wire = Wire(self._address, None, self._receive)
        await self._wire.open()
        self._tasks.add(asyncio.create_task(self._wire.run()))
        self._wire.subscribe([(self._topics.command, 1), (self._topics.command_all, 1)])
        status = b'{"online":true,"session":"rig","since":"2026-11-22T00:00:00Z","version":"rig"}'
        await self._wire.publish(self._topics.status, status, retain=True)
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._wire.close()

    def _listen(self, topic: str, hear: Callable[[bytes], None] | None) -> None:
        if hear is None:
            self._hear.pop(topic, None)
            self._wire.unsubscribe(topic)
        else:
            self._hear[topic] = hear
            self._wire.subscribe([(topic, 0)])

    def _receive(self, message: Incoming) -> None:
        if is_voice(message.topic):
            self._deliver(message)
            return
        asked = command.validate_json(self._verifier.verify(message.body))
        task = asyncio.create_task(self._obey(asked))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _deliver(self, message: Incoming) -> None:
        hear = self._hear.get(message.topic)
        if hear is None:
            return
        if self._chance.random() < self._loss:
            self.lost += 1
        elif self._jitter_s:
            asyncio.get_running_loop().call_later(self._chance.uniform(0, self._jitter_s), hear, message.body)
        else:
            hear(message.body)

    async def _obey(self, asked: Command) -> None:
        handlers: dict[str, Any] = {"live.start": self.sessions.start, "live.stop": self.sessions.stop}
        try:
            act = await handlers[asked.do](asked, asked.args)
            if act.run is None:
                self._answer(asked, "done", result=act.result)
                return
            self._answer(asked, "accepted")
            self._answer(asked, "done", result=await act.run(_nothing))
        except Refusal as refusal:
            self._answer(asked, "failed", fault=refusal.fault)

    def _answer(self, asked: Command, state: Any, **more: Any) -> None:
        ack = Ack(id=asked.id, node=self._topics.node, state=state, at=self.clock.now(), **more)
        self.acks.append(ack)
        with contextlib.suppress(Exception):
            self._wire.publish(self._topics.ack, ack.body())


async def _nothing() -> None:
    return None
