"""The listener with a real file speaker, the microphone in front of it, and the real listening process."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from core_hearing import MEETING, OTHERS, RATE, overheard, spoken
from core_rig import Store, store, until

from drivers.audio.file import FileSpeaker
from drivers.audio.microphone_simulated import SimulatedMicrophone
from drivers.clock import SystemClock
from drivers.contract import DriverContext, DriverFault, RecordReport
from edge_agent.config.model import Speaker
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.proof import ear, idle, service
from edge_agent.proof.client import ProofWorker
from edge_agent.proof.model import Heard, Played
from edge_agent.proof.service import Listener
from edge_agent.proof.watch import LEARN, Floor


def context(folder: Path, name: str) -> DriverContext:
    (folder / name).mkdir(exist_ok=True)
    return DriverContext(name, SystemClock(), logging.getLogger("drivers.test"), folder / name)


class Pole:
    """One loudspeaker and one microphone, 0.3 s of air and cards between them."""

    def __init__(self, folder: Path, node: Store, **speaker: Any) -> None:
        self.folder, self.node = folder, node
        self.speaker = FileSpeaker(FileSpeaker.Config(), context(folder, "horn"))
        self.microphone = SimulatedMicrophone(
            SimulatedMicrophone.Config(hears="horn", delay_s=0.3), context(folder, "mic")
        )
        self.worker = ProofWorker()
        self.heard: dict[str, Heard] = {}
        self.faults: list[Fault | None] = []
        self.listener = Listener(
            [
                Speaker(id="loa", name="Loa", driver="horn", microphone="mic", **speaker),
                Speaker(id="mute", name="Không micrô", driver="horn"),
            ],
            SystemClock(),
            node.recorder,
            folder / "proof",
            self.worker,
            microphone=lambda name: self.microphone if name == "mic" else None,
            play=self.play,
            on_heard=self.heard.__setitem__,
            on_fault=lambda _speaker, fault: self.faults.append(fault),
        )

    async def play(self, _speaker: str, path: Path, on_start: Callable[[datetime], None]) -> None:
        await self.speaker.play(path, on_start=lambda start: on_start(start.started_at))

    async def air(self, item: str, path: Path, played: list[Played] | None = None, skip_s: float = 0.0) -> None:
        """As the engine does it."""
        started = asyncio.Event()
        playing = asyncio.create_task(self.speaker.play(path, on_start=lambda _: started.set(), skip_s=skip_s))
        await started.wait()
        await self.listener.begin("loa", item)
        await playing
        await self.listener.end("loa", item, [Played(path)] if played is None else played, skip_s)

    def breaks(self, fault: str) -> None:
        (self.folder / "mic" / "fault").write_text(fault)

    async def events(self, type_: str) -> list[dict[str, Any]]:
        await self.node.recorder.flush()
        return [event["data"] for event in await self.node.events(type_)]


@pytest.fixture
async def pole(tmp_path: Path) -> AsyncIterator[Pole]:
    async with store(tmp_path) as node:
        made = Pole(tmp_path, node)
        async with made.speaker, made.microphone, made.worker:
            yield made
            await made.listener.stop()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The idle watch without its pauses."""
    monkeypatch.setattr(service, "EVERY_S", 1.3)
    monkeypatch.setattr(service, "LISTEN_S", 1.1)
    monkeypatch.setattr(service, "_SETTLE_S", 0.2)


async def test_an_airing_is_heard_and_a_dead_horn_is_told_once(pole: Pole, tmp_path: Path) -> None:
    sound = spoken(tmp_path, MEETING)
    await pole.air("first", sound)
    await until(lambda: "first" in pole.heard, 30)
    first = pole.heard["first"]
    assert first.heard and first.delay_s == pytest.approx(0.3, abs=0.2) and pole.faults == []
    pole.breaks("dead")
    for item in ("second", "third"):
        await pole.air(item, sound)
        await until(lambda item=item: item in pole.heard, 30)
        assert not pole.heard[item].heard
    assert [fault and fault.code for fault in pole.faults] == ["speaker.not_heard"]
    assert [data["code"] for data in await pole.events("fault")] == ["speaker.not_heard"]
    pole.breaks("none")
    await pole.air("fourth", sound)
    await until(lambda: "fourth" in pole.heard, 30)
    assert pole.faults[-1] is None and [data["code"] for data in await pole.events("cleared")] == ["speaker.not_heard"]
    assert not list((tmp_path / "proof" / "loa").glob("*take-*")), "no recording is left"


async def test_what_was_aired_from_the_middle_is_matched_from_there(pole: Pole, tmp_path: Path) -> None:
    await pole.air("resumed", spoken(tmp_path, MEETING), skip_s=1.5)
    await until(lambda: "resumed" in pole.heard, 30)
    assert pole.heard["resumed"].heard


async def test_another_sound_than_was_planned_is_not_heard(pole: Pole, tmp_path: Path) -> None:
    await pole.air("hijacked", spoken(tmp_path, OTHERS[1]), [Played(spoken(tmp_path, MEETING))])
    await until(lambda: "hijacked" in pole.heard, 30)
    assert not pole.heard["hijacked"].heard


@pytest.mark.long
async def test_nothing_is_said_where_nobody_can_know(pole: Pole, tmp_path: Path) -> None:
    sound = spoken(tmp_path, MEETING)
    await pole.listener.begin("mute", "x")
    await pole.listener.end("mute", "x", [Played(sound)])
    await pole.air("live", sound, [])
    await pole.air("gone", sound, [Played(tmp_path / "gone.wav")])
    pole.breaks("no_microphone")
    await pole.air("cable", sound)
    await pole.listener.end("loa", "never begun", [Played(sound)])
    await until(lambda: not pole.listener._matching, 30)
    assert pole.heard == {} and pole.faults == []
    assert pole.listener.ambient_dbfs("mute") is None and not pole.listener.listens_to("mute")
    assert not list((tmp_path / "proof" / "loa").glob("*take-*"))


async def test_the_next_airing_never_waits(pole: Pole, tmp_path: Path) -> None:
    sound = spoken(tmp_path, MEETING)
    loop = asyncio.get_running_loop()
    for number in range(3):
        began = loop.time()
        await pole.listener.begin("loa", str(number))
        await pole.listener.end("loa", str(number), [Played(sound)])
        assert loop.time() - began < 1.0
    await pole.air("last", sound)
    await until(lambda: "last" in pole.heard, 30)
    assert pole.heard["last"].heard


@pytest.mark.long
async def test_of_a_long_airing_half_a_minute_is_recorded(
    pole: Pole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ear, "WINDOWS", ((0.0, 1.2), (2.0, 1.2)))
    await pole.air("long", spoken(tmp_path, " ".join((MEETING, *OTHERS))))
    await until(lambda: "long" in pole.heard, 30)
    assert (pole.heard["long"].takes, pole.heard["long"].takes_heard) == (2, 2)
    assert pole.heard["long"].seconds <= 2.4


@pytest.mark.usefixtures("quick")
@pytest.mark.long
async def test_a_hum_between_bulletins_is_told_once_and_taken_back(pole: Pole, tmp_path: Path) -> None:
    floor = Floor()
    for seed in range(LEARN):
        floor.learn(idle.measure(0.003 / 0.01 * _street(tmp_path, seed)))
    (tmp_path / "proof" / "loa" / "usual.json").write_text(json.dumps(floor.as_json()))
    running = asyncio.create_task(pole.listener.run())
    pole.breaks("hum")
    await until(lambda: pole.faults, 60)
    assert pole.faults[0] is not None and pole.faults[0].code == "speaker.hum"
    pole.breaks("none")
    await until(lambda: pole.faults[-1] is None, 60)
    assert len(await pole.events("fault")) == len(await pole.events("cleared")) == 1
    assert -90 < (pole.listener.ambient_dbfs("loa") or 0) < -30
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def _street(folder: Path, seed: int) -> Any:
    from edge_agent.proof.samples import read

    return read(overheard(None, folder / "street.wav", kind="street", seed=seed), RATE)


@pytest.mark.usefixtures("quick")
async def test_while_another_speaker_of_the_pole_plays_nobody_listens_for_foreign_sound(pole: Pole) -> None:
    running = asyncio.create_task(pole.listener.run())
    await until(lambda: pole.listener.ambient_dbfs("loa") is not None, 30)
    await pole.listener.begin("mute", "x")
    recorded = pole.microphone._count
    await asyncio.sleep(3)
    assert pole.microphone._count <= recorded + 1
    await pole.listener.end("mute", "x", [])
    await until(lambda: pole.microphone._count > recorded + 1, 30)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.usefixtures("quick")
@pytest.mark.long
async def test_an_airing_breaks_into_the_idle_watch(pole: Pole, tmp_path: Path) -> None:
    running = asyncio.create_task(pole.listener.run())
    await until(lambda: pole.listener.ambient_dbfs("loa") is not None, 30)
    for number in range(3):
        await asyncio.sleep(0.37 * number)
        await pole.air(str(number), spoken(tmp_path, MEETING))
        await until(lambda number=number: str(number) in pole.heard, 30)
        assert pole.heard[str(number)].heard
    assert pole.faults == [], "what was on air is no foreign sound"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_self_test_calibrates_and_then_finds_what_is_wrong(pole: Pole, tmp_path: Path) -> None:
    assert (await pole.listener.test("loa", calibrate=True)).verdict == "ok"
    assert (tmp_path / "proof" / "loa" / "calibration.json").exists()
    pole.breaks("quiet")
    report = await pole.listener.test("loa")
    assert report.verdict == "quiet" and report.change_db == pytest.approx(-20, abs=2)
    pole.breaks("dead")
    assert (await pole.listener.test("loa")).verdict == "deaf"
    pole.breaks("none")
    assert (await pole.listener.test("loa")).verdict == "ok"
    told = await pole.events("tested")
    assert [data["verdict"] for data in told] == ["ok", "quiet", "deaf", "ok"]
    assert [fault and fault.code for fault in pole.faults] == ["speaker.quiet", "speaker.deaf", None]


async def test_a_test_cannot_be_had_without_ears_or_twice_at_once(pole: Pole) -> None:
    with pytest.raises(Refusal) as refusal:
        await pole.listener.test("mute")
    assert refusal.value.fault.code == "speaker.no_microphone"
    first = asyncio.create_task(pole.listener.test("loa"))
    await asyncio.sleep(0.1)
    with pytest.raises(Refusal) as refusal:
        await pole.listener.test("loa")
    assert refusal.value.fault.code == "command.busy"
    assert (await first).verdict == "uncalibrated"


async def test_the_play_of_a_test_may_be_told_as_an_airing(pole: Pole) -> None:
    async def play(speaker: str, path: Path, on_start: Callable[[datetime], None]) -> None:
        began: list[asyncio.Task[None]] = []

        def started(at: datetime) -> None:
            began.append(asyncio.ensure_future(pole.listener.begin("loa", "test")))
            on_start(at)

        await pole.play(speaker, path, started)
        await pole.listener.end("loa", "test", [Played(path)])

    pole.listener._tests["loa"]._play = play
    assert (await pole.listener.test("loa")).verdict == "uncalibrated"
    assert pole.heard == {}


@pytest.mark.long
async def test_what_comes_later_than_at_installation_comes_from_elsewhere(pole: Pole, tmp_path: Path) -> None:
    await pole.listener.test("loa", calibrate=True)
    far = SimulatedMicrophone(SimulatedMicrophone.Config(hears="horn", delay_s=0.9), context(tmp_path, "mic"))
    async with far:
        pole.microphone = far
        await pole.air("neighbour", spoken(tmp_path, MEETING))
        await until(lambda: "neighbour" in pole.heard, 30)
    heard = pole.heard["neighbour"]
    assert not heard.heard and heard.elsewhere and heard.score > 8.5


class Broken:
    """A microphone that fails for a while."""

    def __init__(self, real: SimulatedMicrophone) -> None:
        self.real, self.broken = real, True

    async def record(self, path: Path, seconds: float, *, on_start: Any = None) -> RecordReport:
        if self.broken:
            raise DriverFault("microphone.device_lost", "unplugged", retry=True)
        return await self.real.record(path, seconds, on_start=on_start)


@pytest.mark.usefixtures("quick")
async def test_a_lost_microphone_is_told_and_comes_back(pole: Pole, tmp_path: Path) -> None:
    broken = Broken(pole.microphone)
    pole.microphone = broken  # type: ignore[assignment]
    running = asyncio.create_task(pole.listener.run())
    await until(lambda: pole.faults, 30)
    assert pole.faults[0] is not None and pole.faults[0].code == "microphone.device_lost"
    await pole.air("unheard", spoken(tmp_path, MEETING))
    broken.broken = False
    await until(lambda: pole.faults[-1] is None, 30)
    assert pole.heard == {}
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_the_daily_test_is_due_once_a_day_and_not_because_of_a_start(tmp_path: Path) -> None:
    async with store(tmp_path) as node:
        made = Pole(tmp_path, node, self_test_at="10:15")
        listener, clock = made.listener, node.clock
        listener._clock = clock
        clock.step(datetime(2026, 11, 22, 4, 0, tzinfo=UTC) - clock.now())  # 11:00 in Viet Nam
        assert not listener._test_is_due("loa")
        due = []
        for _ in range(3 * 24 * 4):
            await clock.advance(timedelta(minutes=15))
            if listener._test_is_due("loa"):
                due.append(f"{clock.now():%d %H:%M}")
        assert due == ["23 03:15", "24 03:15", "25 03:15"]
        clock.trusted = False
        await clock.advance(timedelta(days=1))
        assert not listener._test_is_due("loa")
