"""Live sessions: a person speaks over a real broker, and ears at two nodes hear it at the same instant."""

import asyncio
import json
import os
import signal
import struct
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bench.live_rig import PLAIN, RATE, Air, Ear, LiveNode, clicks, find, write_wav
from bench.rig import broker
from drivers.contract import Piece
from edge_agent.client import Access, Client
from edge_agent.config.model import Broker
from edge_agent.contract.airings import Airing
from edge_agent.contract.errors import Refusal
from edge_agent.contract.segments import Live
from edge_agent.contract.signature import Signer
from edge_agent.contract.topics import NodeTopics, voice
from edge_agent.contract.voice import VoiceFrame, VoiceSigner
from edge_agent.link.wire import Incoming
from edge_agent.live import stream as live_stream
from edge_agent.live.broadcaster import Broadcaster, Source, Told, Wishes
from tts.enhance.settings import EnhancementSettings

SIGNER = Signer("k1", bytes(range(32)))
COMMUNE = "26734"
EVERYBODY = NodeTopics(COMMUNE, "all")
LAG_S = 0.0005
"""What the codec shifts, and the rounding of the epoch to milliseconds."""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with broker(tmp_path_factory.mktemp("broker")) as port:
        yield port


@asynccontextmanager
async def client(port: int) -> AsyncIterator[Client]:
    async with Client(Access(broker=Broker(url=f"mqtt://127.0.0.1:{port}")), SIGNER) as connected:
        yield connected


def node(port: int, folder: Path, name: str = "a", **more: object) -> LiveNode:
    return LiveNode(port, NodeTopics(COMMUNE, name), SIGNER, folder / name, **more)  # type: ignore[arg-type]


async def speak(
    port: int, folder: Path, spoken_s: float = 3.0, expected: int = 1, **wishes: object
) -> tuple[Told, list[float]]:
    sound, times = clicks(spoken_s + 0.7, first_s=1.0)
    file = write_wav(folder / "mouth.wav", sound)
    async with client(port) as connected:
        speaker = Broadcaster(connected, EVERYBODY, "thu")
        told = await speaker.speak(
            Source(file=file, level=False),
            Wishes(**{"latency_ms": 1000, **wishes}),  # type: ignore[arg-type]
            asyncio.Event(),
            expected,
        )
    return told, times


def lags(at: LiveNode, times: list[float]) -> list[float]:
    """By how many seconds each click is heard after it should have been."""
    found = [find(at.air.heard[-1][1].heard, time_) for time_ in times]
    heard = [(place, time_) for (place, alike), time_ in zip(found, times, strict=True) if alike > 0.8]
    assert len(heard) >= 0.6 * len(times), found  # a machine that is swamped misses some, and moves none
    return [place - time_ for place, time_ in heard]


async def test_two_nodes_hear_every_click_at_its_instant(port: int, tmp_path: Path) -> None:
    async with node(port, tmp_path, "a") as first, node(port, tmp_path, "b") as second:
        told, times = await speak(port, tmp_path, expected=2, title="Họp thôn")
        assert {ack.state for ack in told.acks.values()} == {"done"}
        for at in (first, second):
            assert max(map(abs, lags(at, times))) < LAG_S
            (item,) = at.air.items
            assert (item.id, item.title, item.class_, item.by) == (told.session, "Họp thôn", "priority", "thu")
        heard_from = [at.air.heard[-1][0] for at in (first, second)]
        assert abs(heard_from[0] - heard_from[1]) < 0.005  # this test's own reading of two clocks
    result = told.acks["a"].result
    assert result is not None
    assert result["ended"] == "stopped"
    assert result["counts"]["frames"] == told.messages


@pytest.mark.long
async def test_loss_and_jitter_are_not_heard(port: int, tmp_path: Path) -> None:
    """5 % of the messages lost, the others up to 40 ms late and out of order."""
    async with node(port, tmp_path, loss=0.05, jitter_s=0.04) as listener:
        told, times = await speak(port, tmp_path, 6.0)
        assert listener.lost > 0
        assert max(map(abs, lags(listener, times))) < LAG_S
        result = told.acks["a"].result
        assert result is not None
        assert result["counts"]["repaired"] > 0
        assert result["counts"]["late"] == 0


@pytest.mark.long
async def test_a_longer_hole_is_made_up_for_and_then_silent(port: int, tmp_path: Path) -> None:
    async with node(port, tmp_path, loss=0.6) as listener:
        told, _ = await speak(port, tmp_path, 4.0)
        result = told.acks["a"].result
        assert result is not None
        assert result["counts"]["concealed"] > 0
        assert result["counts"]["fec"] > 0
        # the sound goes on whatever comes: were it cut with each lost frame, 2.4 s would be missing
        assert listener.air.heard[-1][1].missed < RATE // 2


async def test_a_node_whose_clock_is_wrong_is_spoken_to_in_its_own_time(port: int, tmp_path: Path) -> None:
    async with node(port, tmp_path, clock_s=3.0) as listener:
        told, times = await speak(port, tmp_path)
        assert told.clock_s == pytest.approx(3.0, abs=0.5)  # half of how long an answer may take
        assert max(map(abs, lags(listener, times))) < LAG_S
        assert told.acks["a"].state == "done"


async def test_a_session_given_up_for_another_clock_may_start_after_the_one_instead_of_it(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy machine: the first worker is there only after the second one."""
    open_ = live_stream.LiveStream.open
    opened = 0

    async def slow(self: live_stream.LiveStream, due: datetime | None = None) -> Piece:
        nonlocal opened
        opened += 1
        mine = opened
        piece = await open_(self, due)
        if mine == 1:
            await asyncio.sleep(1.0)
        return piece

    monkeypatch.setattr(live_stream.LiveStream, "open", slow)
    async with node(port, tmp_path, clock_s=3.0) as listener:
        told, times = await speak(port, tmp_path)
        assert [item.id for item in listener.air.items][1:] == [told.session]
        assert max(map(abs, lags(listener, times))) < LAG_S
        assert told.acks["a"].state == "done"


async def test_a_slow_answer_is_not_taken_for_a_wrong_clock(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node writes its answer at once; it comes late. Only what the time of the way cannot explain is the clock."""
    hear = Client._hear

    def late(self: Client, message: Incoming) -> None:
        asyncio.get_running_loop().call_later(0.6, hear, self, message)

    monkeypatch.setattr(Client, "_hear", late)
    async with node(port, tmp_path) as listener:
        told, times = await speak(port, tmp_path)
        assert told.clock_s == 0
        assert [item.id for item in listener.air.items] == [told.session]
        assert max(map(abs, lags(listener, times))) < LAG_S


async def test_made_clear_for_a_horn_and_still_in_step(port: int, tmp_path: Path) -> None:
    async with node(port, tmp_path, enhancement=EnhancementSettings()) as listener:
        _, times = await speak(port, tmp_path)
        assert max(map(abs, lags(listener, times))) < 2 * LAG_S


@pytest.mark.long
async def test_a_quiet_voice_is_raised(port: int, tmp_path: Path) -> None:
    tone = 0.01 * np.sin(2 * np.pi * 500 * np.arange(6 * RATE) / RATE)
    file = write_wav(tmp_path / "quiet.wav", tone)
    async with node(port, tmp_path) as listener, client(port) as connected:
        await Broadcaster(connected, EVERYBODY, "thu").speak(
            Source(file=file), Wishes(latency_ms=1000), asyncio.Event()
        )
        heard = listener.air.heard[-1][1].heard
        levels = [np.sqrt(np.mean(heard[int(at * RATE) : int((at + 0.5) * RATE)] ** 2)) for at in (0.2, 5.2)]
        assert levels[1] > 2 * levels[0]


async def test_stop_ends_it_on_the_nodes(port: int, tmp_path: Path) -> None:
    sound, _ = clicks(60.0)
    file = write_wav(tmp_path / "long.wav", sound)
    stop = asyncio.Event()
    async with node(port, tmp_path) as listener, client(port) as connected:
        task = asyncio.create_task(Broadcaster(connected, EVERYBODY, "thu").speak(Source(file=file), Wishes(), stop))
        while not listener.air.heard or len(listener.air.heard[-1][1].heard) < RATE:
            await asyncio.sleep(0.05)
        stop.set()
        told = await task
        assert told.acks["a"].state == "done"
        assert len(listener.air.heard[-1][1].heard) / RATE == pytest.approx(told.seconds, abs=0.5)
    assert not list((tmp_path / "a").iterdir())


async def test_what_was_interrupted_is_joined_in_step(port: int, tmp_path: Path) -> None:
    """Something more urgent takes the loudspeaker for a second: the voice is joined where it is by then."""
    sound, times = clicks(8.0)
    file = write_wav(tmp_path / "long.wav", sound)
    async with node(port, tmp_path) as listener, client(port) as connected:
        speaker = Broadcaster(connected, EVERYBODY, "thu")
        task = asyncio.create_task(
            speaker.speak(Source(file=file, level=False), Wishes(latency_ms=1000), asyncio.Event())
        )
        while not listener.air.heard or len(listener.air.heard[-1][1].heard) < 2 * RATE:
            await asyncio.sleep(0.05)
        _, first = listener.air.heard[-1]
        fifo = next((tmp_path / "a").iterdir())
        first.pause()
        await asyncio.sleep(1.0)
        second = first.follow(fifo)
        await task
        heard = (await second.ended()).copy()
        later = [time_ for time_ in times if time_ > 4.5]
        found = [(find(heard, time_), time_) for time_ in later]
        lag = [place - time_ for (place, alike), time_ in found if alike > 0.8]
        assert len(lag) >= 0.6 * len(later), found
        assert max(map(abs, lag)) < LAG_S
        assert find(heard, times[0])[1] < 0.5


async def test_a_bulletins_segment_waits_for_its_session(port: int, tmp_path: Path) -> None:
    async with node(port, tmp_path) as listener:
        stream = listener.sessions.stream(Live(session="chao-co", seconds=60))
        piece = await stream.open()
        assert piece.path is not None
        ear = Ear(piece.path, time.monotonic())
        told, _ = await speak(port, tmp_path, session="chao-co")
        assert told.acks["a"].state == "done"
        assert not listener.air.items  # it is the bulletin's, no item of its own
        heard = await ear.ended()
        assert sum(find(heard, at, 0.25)[1] > 0.8 for at in np.arange(1, len(heard) / RATE, 0.5)) >= 3
        await stream.close()


async def test_its_time_is_over(port: int, tmp_path: Path) -> None:
    async with node(port, tmp_path) as listener:
        told, _ = await speak(port, tmp_path, 6.0, seconds=2.0)
        assert told.acks["a"].state == "done"
        assert len(listener.air.heard[-1][1].heard) / RATE == pytest.approx(2.0, abs=0.1)


async def test_a_stop_that_comes_when_its_time_was_just_over_takes_nothing_back(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker has written all and ended, the loudspeaker still plays the last of it."""
    async with node(port, tmp_path) as listener, client(port) as connected:
        played = asyncio.Event()

        async def slowly(*args: object) -> Airing:
            airing = await Air.__call__(listener.air, *args)  # type: ignore[arg-type]
            await played.wait()
            return airing

        monkeypatch.setattr(listener.sessions, "_on_air", slowly)
        fake = Fake(connected)
        await fake.start(seconds=1.0)
        async with asyncio.timeout(20):
            while not listener.air.items or listener.air.items[-1].sources[0].over is None:  # type: ignore[union-attr]
                await asyncio.sleep(0.02)
        await fake.stop()
        await last(listener, 1)  # the answer to the stop
        played.set()
        await last(listener, 2)
        assert [(ack.state, ack.fault) for ack in listener.acks if ack.state != "accepted"] == [("done", None)] * 2
        result = listener.acks[-1].result
        assert result is not None
        assert result["ended"] == "time"


async def test_a_speaker_that_is_cut_off_ends_with_its_reason(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_stream, "SILENCE_S", 1.5)
    sound, _ = clicks(60.0)
    file = write_wav(tmp_path / "long.wav", sound)
    async with node(port, tmp_path) as listener:
        async with client(port) as connected:
            speaker = Broadcaster(connected, EVERYBODY, "thu")
            task = asyncio.create_task(speaker.speak(Source(file=file), Wishes(latency_ms=1000), asyncio.Event()))
            while not listener.air.heard or len(listener.air.heard[-1][1].heard) < RATE:
                await asyncio.sleep(0.05)
            connected._wire.close(politely=False)
            with pytest.raises(Refusal) as refused:
                await task
            assert refused.value.fault.code == "broker.unreachable"
        async with asyncio.timeout(20):
            while listener.acks[-1].state == "accepted":
                await asyncio.sleep(0.05)
        fault = listener.acks[-1].fault
        assert fault is not None
        assert fault.code == "live.lost"


class Fake:
    """A session that a test speaks by hand."""

    def __init__(self, connected: Client, to: str = "a", session: str = "by-hand", lead_s: float = 1.0) -> None:
        self.client = connected
        self.node = NodeTopics(COMMUNE, to)
        self.session = session
        self.topic = voice(COMMUNE, session)
        self.signer = VoiceSigner(self.topic)
        self.epoch = datetime.now(UTC) + timedelta(seconds=lead_s)

    async def start(self, **more: object) -> None:
        args = {"do": "live.start", "session": self.session, "epoch": self.epoch, "key": self.signer.public, **more}
        await self.client.ask(self.node, args, "thu")

    async def stop(self) -> None:
        await self.client.ask(self.node, {"do": "live.stop", "session": self.session}, "thu")

    def frame(self, number: int, first: int, packet: bytes = b"\x08\x01", signer: VoiceSigner | None = None) -> None:
        self.client.publish(self.topic, (signer or self.signer).sign(VoiceFrame(number, first, 0, (packet,))))


async def last(listener: LiveNode, count: int, limit_s: float = 20) -> None:
    async with asyncio.timeout(limit_s):
        while len([ack for ack in listener.acks if ack.state != "accepted"]) < count:
            await asyncio.sleep(0.02)


async def test_forged_replayed_old_and_huge_frames_are_dropped_and_counted(port: int, tmp_path: Path) -> None:
    async with node(port, tmp_path) as listener, client(port) as connected:
        fake = Fake(connected)
        await fake.start()
        while not listener.air.heard:
            await asyncio.sleep(0.02)
        stranger = VoiceSigner(fake.topic)
        fake.frame(5000, 10)
        fake.frame(5000, 11)
        fake.frame(1, 12)
        fake.frame(5001, 500_000)
        fake.frame(5002, 13, signer=stranger)
        fake.frame(5003, 14, packet=bytes(range(200)))
        for noise in (b"", b"EV", bytes(300), os.urandom(1000), bytes(5000), bytes(60_000)):
            connected.publish(fake.topic, noise)
        await asyncio.sleep(2.0)
        await fake.stop()
        await last(listener, 2)
        counts = next(ack.result["counts"] for ack in listener.acks if ack.result and "counts" in ack.result)
        assert counts["frames"] == 2
        assert (counts["replayed"], counts["old"], counts["early"]) == (1, 1, 1)
        assert counts["forged"] == 1
        assert counts["malformed"] >= 3
        assert counts["not_looked_at"] == 2  # the two that are larger than any frame


async def test_a_flood_costs_nothing_and_the_voice_goes_on(port: int, tmp_path: Path) -> None:
    async with node(port, tmp_path) as listener, client(port) as connected:
        fake = Fake(connected)
        await fake.start()
        while not listener.air.heard:  # before, nobody listens to what comes
            await asyncio.sleep(0.02)
        for _ in range(2000):
            connected.publish(fake.topic, bytes(400))
        await asyncio.sleep(1.0)
        await fake.stop()
        await last(listener, 2)
        numbers = next(ack.result["counts"] for ack in listener.acks if ack.result and "counts" in ack.result)
        assert numbers["not_looked_at"] > 1500


async def test_nobody_speaks(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_stream, "SILENCE_S", 1.0)
    async with node(port, tmp_path) as listener, client(port) as connected:
        await Fake(connected).start()
        await last(listener, 1)
        fault = listener.acks[-1].fault
        assert fault is not None
        assert fault.code == "live.no_voice"


async def test_frames_of_another_time_say_that_a_clock_is_wrong(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_stream, "SILENCE_S", 1.0)
    async with node(port, tmp_path) as listener, client(port) as connected:
        fake = Fake(connected, lead_s=-5.0)
        await fake.start()
        while not listener.air.heard:
            await asyncio.sleep(0.02)
        for number in range(10):
            fake.frame(number, number)
        await last(listener, 1)
        fault = listener.acks[-1].fault
        assert fault is not None
        assert fault.code == "live.clock"


async def test_a_session_of_yesterday_is_refused(port: int, tmp_path: Path) -> None:
    async with node(port, tmp_path) as listener, client(port) as connected:
        await Fake(connected).start(epoch=datetime.now(UTC) - timedelta(hours=3))
        await last(listener, 1)
        fault = listener.acks[-1].fault
        assert fault is not None
        assert fault.code == "live.over"
        assert not listener.air.items


async def test_one_session_of_a_name_and_no_stop_of_an_unknown_one(port: int, tmp_path: Path) -> None:
    async with node(port, tmp_path) as listener, client(port) as connected:
        fake = Fake(connected)
        await fake.stop()
        await last(listener, 1)
        await fake.start()
        await fake.start()
        await last(listener, 2)
        await fake.stop()
        await last(listener, 4)
        codes = [ack.fault.code for ack in listener.acks if ack.fault]
        assert codes[:2] == ["live.unknown", "live.busy"]


async def test_a_worker_that_dies_is_a_failed_session_and_the_next_one_works(port: int, tmp_path: Path) -> None:
    async with node(port, tmp_path) as listener, client(port) as connected:
        fake = Fake(connected, session="first")
        await fake.start()
        while not listener.air.heard:
            await asyncio.sleep(0.02)
        item = listener.air.items[-1]
        pid = item.sources[0].pid  # type: ignore[union-attr]
        os.kill(pid, signal.SIGKILL)
        await last(listener, 1)
        fault = listener.acks[-1].fault
        assert fault is not None
        assert fault.code == "live.worker"
        _, times = await speak(port, tmp_path)
        assert max(map(abs, lags(listener, times))) < LAG_S


async def test_without_the_library_it_says_so(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker cannot load it: an empty file of the same name comes first."""
    (tmp_path / "libopus.so.0").write_bytes(b"")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    async with node(port, tmp_path) as listener, client(port) as connected:
        await Fake(connected).start()
        await last(listener, 1)
        fault = listener.acks[-1].fault
        assert fault is not None
        assert fault.code == "live.no_opus"
        assert "libopus0" in fault.en
        with pytest.raises(Refusal) as refused:
            await speak(port, tmp_path)
        assert refused.value.fault.code == "live.no_opus"
    assert not list((tmp_path / "a").iterdir())


async def test_no_such_file_or_microphone(port: int, tmp_path: Path) -> None:
    text = tmp_path / "text.wav"
    text.write_text("no sound at all")
    async with client(port) as connected:
        for source in (Source(file=tmp_path / "nothing.wav"), Source(file=text), Source(microphone="no such device")):
            with pytest.raises(Refusal) as refused:
                await Broadcaster(connected, EVERYBODY, "thu").speak(source, Wishes(latency_ms=1000), asyncio.Event())
            assert refused.value.fault.code in ("audio.format", "live.microphone")


def test_what_a_frame_looks_like_to_the_worker(tmp_path: Path) -> None:
    """Garbage on the worker's input is counted, not fatal; it ends with its input."""
    import subprocess
    import sys

    fifo = tmp_path / "x.fifo"
    os.mkfifo(fifo)
    settings = {
        "fifo": str(fifo),
        "lead_s": 0.2,
        "seconds": 5,
        "silence_s": 5,
        "enhancement": PLAIN.model_dump(mode="json"),
    }
    signer = VoiceSigner("edge/1/voice/x")
    session = {"topic": "edge/1/voice/x", "key": signer.public, "epoch": time.monotonic(), "latency_s": 0.4}
    records = [(b"C", json.dumps(settings).encode()), (b"C", json.dumps({"session": session}).encode())]
    records += [(b"F", os.urandom(size)) for size in (0, 1, 17, 83, 84, 600, 1200, 1201, 60_000)]
    stdin = b"".join(struct.pack(">cH", kind, len(body)) + body for kind, body in records)
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent.live.worker"], input=stdin, capture_output=True, timeout=30, check=True
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[-1]["event"] == "ended"
    assert events[-1]["malformed"] == 9
