"""Ahead of air: everything ends as a sound on the node's disk, or says which part is not there and why."""

import asyncio
import contextlib
import glob
import json
import math
import struct
import subprocess
import sys
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from core_media_rig import Server, digest, noise, serving

from drivers.contract import Piece
from edge_agent.contract.errors import Refusal
from edge_agent.contract.segments import Audio, Chime, Live, Pause, Relay, Sound, Text
from edge_agent.media.fetch import Fetcher, Patience
from edge_agent.media.store import SoundStore
from edge_agent.prepare.chimes import NAMES
from edge_agent.prepare.preparer import Preparer
from edge_agent.prepare.readiness import NotReady, Readiness
from tts.client import VoiceWorker
from tts.manner import ORDINARY, Manner
from tts.model import VoiceSettings

NOBODY = "http://127.0.0.1:9"
WORDS = Text(text="Kính mời bà con đến nhà văn hóa thôn.")


def encoded(folder: Path, seconds: float, hertz: int = 500) -> bytes:
    path = folder / f"tone-{seconds}-{hertz}.mp3"
    tone = f"sine=frequency={hertz}:duration={seconds}"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", tone, "-af", "tremolo=f=3", path]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=60)
    return path.read_bytes()


def heard(path: Path) -> tuple[float, float]:
    """Seconds and level (RMS, full scale 1.0) of a file that must be 48 kHz mono with 16 bits."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 48_000)
        data = file.readframes(file.getnframes())
    samples = struct.unpack(f"<{len(data) // 2}h", data)
    return len(samples) / 48_000, math.sqrt(sum(s * s for s in samples) / len(samples)) / 32768


@dataclass
class Radio:
    """A stream that was asked for."""

    segment: Relay | Live
    stand_in: Path | None

    async def open(self) -> Piece:
        return Piece(self.stand_in)

    async def close(self) -> None:
        return


@dataclass
class Node:
    preparer: Preparer
    store: SoundStore
    voice: VoiceWorker
    progress: list[tuple[int, int]] = field(default_factory=list)

    def tell(self, ready: int, needed: int) -> None:
        self.progress.append((ready, needed))

    async def prepare(self, *segments, owner: str = "b1", manner: Manner = ORDINARY, **more):
        return await self.preparer.prepare(owner, segments, manner, self.tell, **more)


@asynccontextmanager
async def node(
    folder: Path, hub: str | None, *, python: str | None = None, limit: int = 200_000_000, noise: str = "street"
) -> AsyncIterator[Node]:
    """A node on a folder. `python`: a worker that cannot be started proves that none is needed."""
    settings = VoiceSettings.model_validate(
        {"chain": [{"engine": "espeak-ng"}], "cache_dir": folder / "voice", "enhancement": {"noise": noise}}
    )
    worker = VoiceWorker(settings, **({"python": python} if python else {}))
    async with worker:
        store = SoundStore(folder / "media", limit)
        fetcher = Fetcher(store, hub, str, Patience(first_s=0.01, longest_s=0.05, tries=2))
        preparer = Preparer(store, fetcher, worker, streams=Radio)
        await preparer.load()
        yield Node(preparer, store, worker)
        await preparer.stop()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@asynccontextmanager
async def running(preparer: Preparer) -> AsyncIterator[None]:
    task = asyncio.create_task(preparer.run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until_chimes(preparer: Preparer) -> None:
    async with asyncio.timeout(60):
        for name in NAMES:
            while True:
                with contextlib.suppress(Refusal):
                    preparer.chime(name)
                    break
                await asyncio.sleep(0.02)


async def test_every_kind_of_segment_becomes_a_sound_on_the_disk(server: Server, tmp_path: Path) -> None:
    song, bed, approved = (server.add(encoded(tmp_path, seconds, 400 + seconds)) for seconds in (3, 2, 4))
    relay = Relay(url="http://radio.example/live", seconds=600, stand_in=song)
    segments = (
        Chime(name="two-tone"),
        WORDS,
        Pause(seconds=0.75),
        Text(text="Có nhạc nền.", bed=bed),
        Text(text="Đã duyệt ở trung tâm.", rendered=approved),
        Audio(sound=song, clean=False),
        relay,
        Live(session="chu-tich", seconds=300),
    )
    async with node(tmp_path, server.url) as it:
        prepared = await it.prepare(*segments)
    assert it.progress[0] == (0, 8)
    assert it.progress[-1] == (8, 8)
    assert [ready for ready, _ in it.progress] == list(range(9))
    pieces = [source for source in prepared.sources if isinstance(source, Piece)]
    assert [piece.seconds for piece in pieces] == [None, None, 0.75, None, None, None]
    lengths = [heard(piece.path) for piece in pieces if piece.path is not None]
    assert all(seconds > 1 and level > 0.01 for seconds, level in lengths)
    assert lengths[3][0] == pytest.approx(4, abs=0.1)
    assert [digest(path.read_bytes()) for path in prepared.files[:5]] == list(prepared.sha256)
    radio, live = prepared.sources[6:]
    assert isinstance(radio, Radio) and radio.segment == relay and radio.stand_in is not None
    assert isinstance(live, Radio) and live.stand_in is None
    assert len(prepared.files) == 6
    assert prepared.seconds is None
    assert prepared.spoken == "kính mời bà con đến nhà văn hóa thôn. có nhạc nền. Đã duyệt ở trung tâm."
    assert prepared.own == ()


async def test_after_a_restart_it_is_ready_at_once_without_network_or_worker(server: Server, tmp_path: Path) -> None:
    song = server.add(encoded(tmp_path, 3))
    segments = (Chime(name="morning"), WORDS, Audio(sound=song), Pause(seconds=1))
    async with node(tmp_path, server.url) as it, running(it.preparer):
        before = await it.prepare(*segments, manner=Manner({"x": "ích"}))
        await until_chimes(it.preparer)
    (tmp_path / "voice").rename(tmp_path / "voice-is-gone")
    async with node(tmp_path, NOBODY, python="/nonexistent/python") as it, running(it.preparer):
        assert heard(it.preparer.siren())[0] == pytest.approx(9, abs=0.01)
        assert await it.prepare(*segments, manner=Manner({"x": "ích"})) == before
        assert it.progress == [(4, 4)]
        assert it.voice.pid is None
        assert it.voice.sounds_pid is None
        with pytest.raises(NotReady):  # another manner is something else
            await it.prepare(*segments, manner=Manner({"x": "xờ"}))
        assert await it.prepare(*segments, manner=Manner({"x": "ích"})) == before


async def test_the_part_that_is_not_ready_is_named_and_the_others_wait_for_it(server: Server, tmp_path: Path) -> None:
    song, page = server.add(encoded(tmp_path, 2)), server.add(b"<html>404</html>" * 100)
    missing = Sound(sha256=digest(b"missing"), bytes=7)
    async with node(tmp_path, server.url) as it:
        for bad, code in [(missing, "media.not_found"), (page, "audio.format")]:
            it.progress.clear()
            with pytest.raises(NotReady) as caught:
                await it.prepare(WORDS, Audio(sound=song), Audio(sound=bad), Chime(name="closing"))
            fault = caught.value.fault
            assert (fault.code, fault.params["part"], fault.params["parts"]) == (code, 3, 4)
            assert fault.vi.startswith("Phần 3/4: ") and fault.en.startswith("Part 3 of 4: ")
            assert str(caught.value) == fault.en
            assert it.progress[-1] == (3, 4)
        asked = len(server.asked)
        server.files[f"/media/{missing.sha256}"] = b"missing"
        with pytest.raises(NotReady):
            await it.prepare(Audio(sound=song), Audio(sound=missing), owner="b2")
        server.files.clear()
        await it.prepare(WORDS, Audio(sound=song), Chime(name="closing"))
        assert len(server.asked) == asked + 1  # the song was there already


@pytest.mark.parametrize("strict", [True, False])
async def test_the_node_says_itself_what_the_hub_has_approved_but_cannot_give(
    server: Server, tmp_path: Path, strict: bool
) -> None:
    content = encoded(tmp_path, 5)
    approved = Sound(sha256=digest(content), bytes=len(content))
    text = Text(text="Thông báo của xã QXZK." if strict else "Thông báo của xã.", rendered=approved)
    async with node(tmp_path, server.url) as it:
        if strict:  # what nobody said how to read is not said: the hub's sound is what is waited for
            with pytest.raises(NotReady) as caught:
                await it.prepare(text, manner=Manner(strict=True))
            assert caught.value.fault.code == "media.not_found"
        own = await it.prepare(Pause(seconds=1), text, manner=Manner(strict=False))
        assert own.own == (1,)
        server.add(content)
        assert (await it.prepare(Pause(seconds=1), text, manner=Manner(strict=False))).own == (1,)
        better = await it.prepare(Pause(seconds=1), text, manner=Manner(strict=False), better=True)
        assert better.own == ()
        assert heard(better.files[0])[0] == pytest.approx(5, abs=0.1)
        asked = len(server.asked)
        assert await it.prepare(Pause(seconds=1), text, manner=Manner(strict=False), better=True) == better
        assert len(server.asked) == asked


async def test_what_is_ready_stays_when_a_better_one_cannot_be_had(server: Server, tmp_path: Path) -> None:
    song = server.add(encoded(tmp_path, 2))
    async with node(tmp_path, server.url) as it:
        before = await it.prepare(WORDS, Audio(sound=song))
    async with node(tmp_path, NOBODY, python="/nonexistent/python", noise="storm") as it:
        assert await it.prepare(WORDS, Audio(sound=song)) == before
    async with node(tmp_path, server.url, noise="storm") as it:
        after = await it.prepare(WORDS, Audio(sound=song))
        assert set(after.files).isdisjoint(before.files)
        assert heard(after.files[0])[1] > heard(before.files[0])[1]


async def test_released_sounds_make_room_and_planned_ones_do_not(server: Server, tmp_path: Path) -> None:
    songs = [server.add(encoded(tmp_path, 60, 300 + number)) for number in range(3)]  # 5.8 MB each
    async with node(tmp_path, server.url, limit=13_000_000) as it:
        first = await it.prepare(Audio(sound=songs[0], clean=False), owner="b1")
        await it.prepare(Audio(sound=songs[1], clean=False), owner="b2")
        with pytest.raises(NotReady) as caught:
            await it.prepare(Audio(sound=songs[2], clean=False), owner="b3")
        assert caught.value.fault.code == "media.no_room"
        assert first.files[0].exists()
        await it.preparer.release("b1")
        await it.preparer.release("nobody")
        await it.prepare(Audio(sound=songs[2], clean=False), owner="b3")
        assert not first.files[0].exists()
    async with node(tmp_path, NOBODY, python="/nonexistent/python", limit=13_000_000) as it:
        await it.preparer.release_others({"b3"})
        with pytest.raises(Refusal):
            await it.prepare(Audio(sound=songs[0], clean=False), owner="b1")
        await it.prepare(Audio(sound=songs[2], clean=False), owner="b3")
        assert [path.name for path in (tmp_path / "media" / "plans").iterdir()] != []
        assert len(list((tmp_path / "media" / "plans").iterdir())) == 1


async def test_a_damaged_sound_is_made_anew(server: Server, tmp_path: Path) -> None:
    async with node(tmp_path, server.url) as it:
        before = await it.prepare(WORDS, Chime(name="alert"))
    content = before.files[1].read_bytes()
    before.files[1].write_bytes(content[:-100] + bytes(100))
    (tmp_path / "media" / "plans" / "spoilt.json").write_text("{half", encoding="utf-8")
    async with node(tmp_path, server.url) as it:
        assert await it.prepare(WORDS, Chime(name="alert")) == before
    assert before.files[1].read_bytes() == content


async def test_nothing_and_nine_hours_are_refused(server: Server, tmp_path: Path) -> None:
    async with node(tmp_path, server.url) as it:
        with pytest.raises(Refusal) as caught:
            await it.prepare(Pause(seconds=60), Pause(seconds=60))
        assert caught.value.fault.code == "audio.empty"
        radio = Relay(url="http://radio.example/live", seconds=3 * 3600)
        with pytest.raises(Refusal) as caught:
            await it.prepare(radio, WORDS, radio, radio)
        assert caught.value.fault.code == "audio.too_long"
        await it.prepare(radio)


async def test_many_bulletins_at_once_share_what_they_have_in_common(server: Server, tmp_path: Path) -> None:
    song = server.add(encoded(tmp_path, 5))
    async with node(tmp_path, server.url) as it:
        parts = (Chime(name="two-tone"), WORDS, Audio(sound=song), Text(text="Xin hết."))
        made = await asyncio.gather(*(it.prepare(*parts, owner=f"b{number}") for number in range(12)))
        assert len({prepared.files for prepared in made}) == 1
    assert len(server.asked) == 1
    assert len(list((tmp_path / "media" / "files").glob("*.wav"))) == 4


async def test_cancelling_in_the_middle_leaves_nothing_half_made(server: Server, tmp_path: Path) -> None:
    song = server.add(encoded(tmp_path, 60))
    async with node(tmp_path, server.url) as it:
        work = asyncio.create_task(it.prepare(WORDS, Audio(sound=song)))
        while it.voice.sounds_pid is None:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert list(it.store.work.iterdir()) == []
        assert (await it.prepare(WORDS, Audio(sound=song))).seconds > 50
    assert len(server.asked) == 1


PREPARE_ALONE = """
import asyncio, sys
from pathlib import Path
from edge_agent.contract.segments import Audio, Sound, Text
from edge_agent.media.fetch import Fetcher
from edge_agent.media.store import SoundStore
from edge_agent.prepare.preparer import Preparer
from tts.client import VoiceWorker
from tts.model import VoiceSettings
async def main():
    folder, hub, sha256, size = Path(sys.argv[1]), *sys.argv[2:]
    settings = VoiceSettings.model_validate({"chain": [{"engine": "espeak-ng"}], "cache_dir": folder / "voice"})
    async with VoiceWorker(settings) as voice:
        store = SoundStore(folder / "media", 200_000_000)
        preparer = Preparer(store, Fetcher(store, hub, str), voice, streams=lambda *_: None)
        await preparer.load()
        sound = Sound(sha256=sha256, bytes=int(size))
        parts = (Text(text="Xin chào bà con."), Audio(sound=sound), Audio(sound=sound, clean=False))
        await preparer.prepare("b1", parts)
asyncio.run(main())
"""


async def test_killed_again_and_again_it_gets_ready_in_the_end(server: Server, tmp_path: Path) -> None:
    sound = server.add(encoded(tmp_path, 30))
    server.ways.per_s = 200_000
    media = tmp_path / "media"
    command = [sys.executable, "-c", PREPARE_ALONE, str(tmp_path), server.url, sound.sha256, str(sound.bytes)]
    for wait_for in ("parts/*", "work/*", "files/*-*.wav", "work/*/.tts-*"):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        while not glob.glob(str(media / wait_for), include_hidden=True):  # noqa: PTH207 - bears folders that go
            assert process.poll() is None
            await asyncio.sleep(0.002)
        process.kill()
        process.wait()
    server.ways.per_s = None
    async with node(tmp_path, server.url) as it:
        assert list(it.store.work.iterdir()) == []
        prepared = await it.prepare(Text(text="Xin chào bà con."), Audio(sound=sound), Audio(sound=sound, clean=False))
    assert [digest(path.read_bytes()) for path in prepared.files] == list(prepared.sha256)
    assert heard(prepared.files[2])[0] == pytest.approx(30, abs=0.1)


async def test_a_voice_that_died_is_asked_once_more(server: Server, tmp_path: Path) -> None:
    song = server.add(encoded(tmp_path, 120))
    async with node(tmp_path, server.url) as it:
        work = asyncio.create_task(it.prepare(Audio(sound=song, clean=False)))
        while it.voice.sounds_pid is None:
            await asyncio.sleep(0.01)
        subprocess.run(["kill", "-9", str(it.voice.sounds_pid)], check=True, stdin=subprocess.DEVNULL)
        assert (await work).seconds == pytest.approx(120, abs=0.1)


async def test_the_siren_is_there_even_when_the_disk_refuses(tmp_path: Path) -> None:
    async with node(tmp_path, None, limit=500_000) as it, running(it.preparer):
        with pytest.raises(Refusal) as caught:
            it.preparer.siren()
        assert caught.value.fault.code == "chime.not_ready"
        await until_chimes(it.preparer)
        assert heard(it.preparer.siren())[0] == pytest.approx(9, abs=0.01)
        assert not list((tmp_path / "media" / "plans").iterdir())
        assert (tmp_path / "media") not in it.preparer.siren().parents


async def test_a_node_whose_disk_gives_nothing_has_a_siren_and_says_why_it_is_not_ready(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "media").write_bytes(b"a file where the folder should be")
    song = server.add(encoded(tmp_path, 2))
    async with VoiceWorker(VoiceSettings.model_validate({"chain": [{"engine": "espeak-ng"}]})) as voice:
        store = SoundStore(tmp_path / "media", 10_000_000)
        preparer = Preparer(store, Fetcher(store, server.url, str), voice, streams=Radio)
        with pytest.raises(Refusal) as caught:
            await preparer.load()
        assert caught.value.fault.code == "media.disk"
        async with running(preparer):
            await until_chimes(preparer)
            assert heard(preparer.siren())[0] == pytest.approx(9, abs=0.01)
            with pytest.raises(NotReady) as caught:
                await preparer.prepare("b1", (WORDS, Audio(sound=song)))
            assert caught.value.fault.code == "media.disk"
            alarm = await preparer.urgent.prepare("emergency/1", (WORDS,))
            assert heard(alarm.files[0])[0] > 1
            assert (await preparer.urgent.prepare("emergency/1", (WORDS, Pause(seconds=1)))).files == alarm.files
            await preparer.urgent.release("emergency/1")
            assert preparer.urgent.siren() == preparer.siren()
        await preparer.stop()


async def test_what_is_urgent_is_said_before_what_was_asked_for_earlier(server: Server, tmp_path: Path) -> None:
    long = tuple(Text(text=f"Bản tin số {n}. " + "Kính mời bà con nghe tiếp. " * 40) for n in range(4))
    async with node(tmp_path, server.url) as it:
        work = asyncio.create_task(it.prepare(*long))
        while it.voice.pid is None:
            await asyncio.sleep(0.01)
        alarm = await it.preparer.urgent.prepare("emergency/1", (Text(text="Báo động cháy rừng."),))
        assert it.progress == [(0, 4)]
        assert alarm.spoken == "báo động cháy rừng."
        assert len((await work).files) == 4


async def test_urgent_words_do_not_wait_for_a_slow_link(server: Server, tmp_path: Path) -> None:
    server.ways.per_s = 400
    text = Text(text="Báo động lũ.", rendered=server.add(encoded(tmp_path, 20)))
    async with node(tmp_path, server.url) as it:
        alarm = await it.preparer.urgent.prepare("emergency/1", (text,))
        assert (alarm.own, alarm.spoken) == ((0,), "báo động lũ.")


async def test_an_emergency_finds_room_although_everything_is_planned(server: Server, tmp_path: Path) -> None:
    async with node(tmp_path, server.url, limit=700_000) as it:
        await it.prepare(Chime(name="alert"))
        with pytest.raises(NotReady):
            await it.prepare(WORDS, Text(text="Xin chào bà con. " * 4), owner="b2")
        alarm = await it.preparer.urgent.prepare("emergency/1", (Text(text="Báo động. " * 6),))
        assert heard(alarm.files[0])[0] > 2
        assert (tmp_path / "media") not in alarm.files[0].parents


async def test_a_stream_that_cannot_be_is_named_like_any_other_part(tmp_path: Path) -> None:
    def none(segment: Relay | Live, _stand_in: Path | None) -> Radio:
        raise Refusal("media.bad_url", url=segment.url if isinstance(segment, Relay) else "")

    async with VoiceWorker(VoiceSettings.model_validate({"chain": [{"engine": "espeak-ng"}]})) as voice:
        store = SoundStore(tmp_path / "media", 10_000_000)
        preparer = Preparer(store, Fetcher(store, None, str), voice, streams=none)
        await preparer.load()
        with pytest.raises(NotReady) as caught:
            await preparer.prepare("b1", (Pause(seconds=1), Relay(url="http://radio.example/x", seconds=60)))
        assert (caught.value.fault.code, caught.value.fault.params["part"]) == ("media.bad_url", 2)


async def test_chimes_of_other_settings_serve_until_the_new_ones_are_made(tmp_path: Path) -> None:
    async with node(tmp_path, None) as it, running(it.preparer):
        await until_chimes(it.preparer)
        while not (tmp_path / "media" / "plans").exists() or not list((tmp_path / "media" / "plans").iterdir()):
            await asyncio.sleep(0.02)
        old = it.preparer.siren()
    async with node(tmp_path, None, python="/nonexistent/python", noise="storm") as it:
        assert it.preparer.siren() == old
    async with node(tmp_path, None, noise="storm") as it, running(it.preparer):
        while it.preparer.siren() == old:
            await asyncio.sleep(0.02)
        assert heard(it.preparer.siren())[1] > heard(old)[1]


async def test_a_stranger_file_of_bytes_is_no_audio(server: Server, tmp_path: Path) -> None:
    async with node(tmp_path, server.url) as it:
        for content in (noise(5_000), b"#EXTM3U\nhttp://127.0.0.1/\n", b"\xff\xfb" + noise(3_000)):
            with pytest.raises(NotReady) as caught:
                await it.prepare(Audio(sound=server.add(content)))
            assert caught.value.fault.code.startswith("audio.")


def test_readiness_says_how_far_it_is() -> None:
    state = Readiness()
    assert state.state == "preparing"
    state = state.counted(0, 2)
    assert (state.state, state.prepared, state.needed) == ("preparing", 0, 2)
    failed = state.counted(1, 2).failed(Refusal("media.no_hub"))
    assert (failed.state, failed.prepared, failed.needed) == ("not_ready", 1, 2)
    assert failed.fault is not None and failed.fault.code == "media.no_hub"
    assert failed.counted(2, 2).state == "ready"


async def test_plans_on_disk_hold_what_they_say(server: Server, tmp_path: Path) -> None:
    async with node(tmp_path, server.url) as it:
        prepared = await it.prepare(WORDS, owner="tin-sang")
    (plan,) = (tmp_path / "media" / "plans").iterdir()
    told = json.loads(plan.read_text(encoding="utf-8"))
    assert told["owner"] == "tin-sang"
    assert [segment["name"] for segment in told["segments"]] == [path.name for path in prepared.files]


def test_the_agent_itself_carries_neither_decoder_nor_numbers() -> None:
    code = "import sys, edge_agent.prepare.preparer; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60, text=True).stdout
    assert "edge_agent.prepare.workshop" in told.split()
    assert not set(told.split()) & {"numpy", "av", "cv2", "sea_g2p", "gtts"}
