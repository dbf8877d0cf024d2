"""The whole bulletin is heard as it will sound: every piece in its order, plain and for the horn."""

import asyncio
import io
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from hub_rig import Running
from writing_rig import as_person, fields_in, fields_of, new_draft, spoken_wav

from edge_agent.contract.segments import Chime, Pause
from hub.people.rights import Role
from hub.writing import whole
from hub.writing.length import CHIME_S
from hub.writing.whole import Busy, Wholes

QUIET = {"HX-Request": "true"}
TEXT = "Kính mời bà con thôn Đông ra nhà văn hóa họp."


def samples_of(ogg: bytes) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    import av

    with av.open(io.BytesIO(ogg)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=48_000)
        frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])


def seconds_of(ogg: bytes) -> float:
    return len(samples_of(ogg)) / 48_000


async def asked(http: httpx.AsyncClient, address: str, how: str = "horn") -> httpx.Response:
    """Press the button as a page with scripts does."""
    fields = await fields_of(http, address)
    return await http.post(address, data={**fields, "do": f"whole:{how}"}, headers=QUIET)


async def heard(http: httpx.AsyncClient, page: str) -> tuple[str, list[int]]:
    """Ask as the page does until the sound is there; its address, and how many parts were done meanwhile."""
    done = []
    async with asyncio.timeout(120):
        while again := re.search(r'hx-get="([^"]+)"', page):
            done.append(int(re.findall(r'progress value="(\d+)"', page)[0]))
            await asyncio.sleep(0.1)
            page = (await http.get(again[1])).text
    sound = re.search(r'src="(/write/[^"]+\.ogg)"', page)
    assert sound, page
    return sound[1], done


async def test_every_piece_is_heard_in_its_order_and_nothing_is_made_twice(hub: Running, tmp_path: Path) -> None:
    address = await new_draft(hub.http, TEXT)
    for act in ("add:pause", "add:text"):
        await hub.http.post(address, data={**await fields_of(hub.http, address), "do": act})
    tone = tmp_path / "tone.mp3"
    command = ["ffmpeg", "-nostdin", "-y", "-loglevel", "error", "-f", "lavfi", "-i", "sine=frequency=500:duration=3"]
    subprocess.run([*command, str(tone)], check=True, stdin=subprocess.DEVNULL)
    for act, file in (("voice", spoken_wav(tmp_path)), ("bed:3", tone)):
        files = {act.replace(":", ""): (file.name, file.read_bytes())}
        fields = {**await fields_of(hub.http, address), "s2.seconds": "3", "s3.text": "Xin cảm ơn.", "do": act}
        assert (await hub.http.post(f"{address}/file", data=fields, files=files)).status_code == 303
    await hub.http.post(address, data={**await fields_of(hub.http, address), "do": "keep_take"})

    first = await asked(hub.http, address)
    sound, done = await heard(hub.http, first.text)
    assert done and done == sorted(done)
    ogg = (await hub.http.get(sound)).content
    samples = samples_of(ogg)
    pieces = await recorded_seconds(hub, address)
    speech = len(samples) / 48_000 - CHIME_S["two-tone"] - 3 - pieces
    assert 4 < speech < 14  # two texts, one with music 1.5 s before and after
    loud = np.abs(samples[: len(samples) // 4800 * 4800].reshape(-1, 4800)).max(axis=1) > 0.01  # tenths of a second
    assert loud[0:15].all()  # the chime
    silent = max(len(run) for run in "".join("x" if on else "." for on in loud).split("x"))
    assert 28 <= silent <= 45  # the pause, and the breath before and after it

    again = await asked(hub.http, address)
    assert "hx-get" not in again.text and sound in again.text  # it is there at once
    plain, _ = await heard(hub.http, (await asked(hub.http, address, "plain")).text)
    other = (await hub.http.get(plain)).content
    assert other != ogg and abs(seconds_of(other) - seconds_of(ogg)) < 0.5
    part = await hub.http.get(sound, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content, part.headers["content-type"]) == (206, b"OggS", "audio/ogg")


async def recorded_seconds(hub: Running, address: str) -> float:
    """Of the recordings of a draft."""
    page = (await hub.http.get(address)).text
    sounds = re.findall(r'src="(/media/[0-9a-f]{64})"', page)
    bed = re.findall(r'preload="none" src="(/media/[0-9a-f]{64})"', page)
    return sum([seconds_of((await hub.http.get(s)).content) for s in sounds if s not in bed])


async def test_it_is_heard_without_scripts_and_by_nobody_who_may_not_open_the_draft(hub: Running) -> None:
    address = await new_draft(hub.http, TEXT)
    fields = await fields_of(hub.http, address)
    answer = await hub.http.post(address, data={**fields, "s1.text": TEXT + " Xin cảm ơn.", "do": "whole:horn"})
    page = await hub.http.get(answer.headers["location"])
    async with asyncio.timeout(120):
        while "refresh" in page.headers:
            await asyncio.sleep(0.2)
            page = await hub.http.get(answer.headers["location"])
    assert fields_in(page.text)["s1.text"] == TEXT + " Xin cảm ơn."  # it was saved before
    sound = re.findall(r'src="(/write/[^"]+\.ogg)"', page.text)[0]
    assert (await hub.http.get(sound)).content[:4] == b"OggS"
    async with await as_person(hub, "xa", Role.STAFF, "26734") as stranger:
        assert (await stranger.get(sound)).status_code == 404
    assert (await hub.http.get(re.sub("[0-9a-f]{64}", "0" * 64, sound))).status_code == 404


async def test_what_cannot_be_heard_is_said(hub: Running) -> None:
    address = await new_draft(hub.http)
    assert "Bản tin chưa có lời đọc hay đoạn ghi âm nào." in (await asked(hub.http, address)).text
    address = await new_draft(hub.http, "Một. " * 3900)
    assert "dài hơn 30 phút" in (await asked(hub.http, address)).text
    assert (await asked(hub.http, address, "louder")).status_code == 422


class Slow(Wholes):
    """Pieces that come only when the gate is open."""

    gate: asyncio.Event

    async def _items(self, *_: object) -> list[dict[str, object]]:  # type: ignore[override]
        await self.gate.wait()
        return [{"kind": "chime", "name": "two-tone"}]


@pytest.fixture
async def slow(hub: Running, tmp_path: Path) -> AsyncIterator[Slow]:
    made = Slow(tmp_path / "whole", hub.hub.voice, hub.config.voice, hub.hub.media)
    made.gate = asyncio.Event()
    await made.start()
    yield made
    await made.stop()


async def test_only_so_many_wait_and_the_oldest_give_way(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    first = [slow.begin([Pause(seconds=n)], plain=True) for n in range(1, 1 + whole.WAITING)]
    assert slow.begin([Pause(seconds=1)], plain=True) is first[0]
    with pytest.raises(Busy):
        slow.begin([Pause(seconds=30)], plain=True)
    monkeypatch.setattr(whole, "MOST_KEPT", 2)
    slow.gate.set()
    async with asyncio.timeout(60):
        await asyncio.gather(*(making.task for making in first if making.task))
    assert [making.ready for making in first] == [True] * whole.WAITING
    assert [slow.find(making.key) is not None for making in first] == [True, False, False, True]  # by who asked last
    assert sorted(path.name for path in slow._folder.iterdir()) == sorted(f"{m.key}.ogg" for m in (first[0], first[3]))


async def test_what_fails_says_why_and_is_tried_again(
    hub: Running, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    segments = (Chime(name="two-tone"),)
    monkeypatch.setattr(whole, "MAKE_S", 0.05)
    late = slow.begin(segments, plain=False)
    assert late.task is not None
    await late.task
    assert "quá lâu" in late.why("vi")
    monkeypatch.setattr(whole, "MAKE_S", 60.0)
    slow.gate.set()
    again = slow.begin(segments, plain=False)
    assert again is not late and again.task is not None
    await again.task
    assert again.ready and again.seconds == pytest.approx(CHIME_S["two-tone"], abs=0.3)
