"""Sounds on their way from the hub's store to a node: kinds that nodes play, and going on where it broke."""

import asyncio
import hashlib
import random
import subprocess
from pathlib import Path

import pytest
from hub_rig import TOKEN, Running

from edge_agent.contract.errors import Refusal
from edge_agent.contract.segments import Sound
from edge_agent.media.fetch import Fetcher
from edge_agent.media.store import SoundStore

AUTH = {"Authorization": f"Bearer {TOKEN}"}
KINDS = {
    "a.wav": ("audio/wav", []),
    "b.mp3": ("audio/mpeg", []),
    "bare.mp3": ("audio/mpeg", ["-write_xing", "0", "-id3v2_version", "0"]),
    "c.flac": ("audio/flac", []),
    "d.ogg": ("audio/ogg", ["-c:a", "libopus"]),
    "e.m4a": ("audio/mp4", []),
}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def put(hub: Running, content: bytes) -> Sound:
    answer = await hub.http.put(f"/media/{digest(content)}", content=content, headers=AUTH)
    assert answer.status_code == 201, answer.text
    return Sound(sha256=digest(content), bytes=len(content))


def wave(count: int) -> bytes:
    return b"RIFF\x24\x10\x00\x00WAVEfmt " + random.Random(1).randbytes(count)


@pytest.mark.parametrize("name", KINDS)
async def test_every_kind_that_a_node_plays_is_taken_and_given(hub: Running, tmp_path: Path, name: str) -> None:
    kind, options = KINDS[name]
    path = tmp_path / name
    command = ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "sine=duration=1", *options, path]
    await asyncio.to_thread(subprocess.run, command, check=True, stdin=subprocess.DEVNULL, timeout=60)
    sound = await put(hub, path.read_bytes())
    given = await hub.http.get(f"/media/{sound.sha256}")
    assert (given.headers["content-type"], given.content) == (kind, path.read_bytes())


@pytest.mark.parametrize("content", [b"\xff\xf1" + bytes(100), b"ID2" + bytes(100), b"OggX" + bytes(100), b"\xff"])
async def test_what_only_looks_like_sound_is_not_taken(hub: Running, content: bytes) -> None:
    answer = await hub.http.put(f"/media/{digest(content)}", content=content, headers=AUTH)
    assert answer.status_code == 415


async def test_a_node_fetches_from_the_hub_and_goes_on_after_a_break(hub: Running, tmp_path: Path) -> None:
    content = wave(300_000)
    sound = await put(hub, content)
    url = f"/media/{sound.sha256}"
    whole = await hub.http.get(url)
    rest = {"Range": "bytes=100000-", "If-Range": whole.headers["etag"]}
    resumed = await hub.http.get(url, headers=rest)
    assert (resumed.status_code, resumed.content) == (206, content[100_000:])
    assert resumed.headers["content-range"] == f"bytes 100000-{len(content) - 1}/{len(content)}"
    other = await hub.http.get(url, headers={**rest, "If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, content)

    store = SoundStore(tmp_path / "node", 20_000_000)
    await asyncio.to_thread(store.open)
    store.part(sound.sha256).write_bytes(content[:100_000])
    fetcher = Fetcher(store, hub.url, lambda: TOKEN)
    path = await fetcher.fetch(sound, "bulletin")
    assert path.read_bytes() == content
    with pytest.raises(Refusal) as caught:
        await fetcher.fetch(Sound(sha256=digest(b"gone"), bytes=4), "bulletin")
    assert caught.value.fault.code == "media.not_found"
    await fetcher.stop()
