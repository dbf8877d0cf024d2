"""Clips come to the hub in pieces, over hours, broken connections and restarts; nothing wrong ever becomes a file."""

import asyncio
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from hub_rig import JPEG, TOKEN, WAVE, Mosquitto, Running, config_for, free_port, serving
from hypothesis import given, settings
from hypothesis import strategies as st

from hub import media_parts
from hub.media import MediaStore
from hub.media_parts import MediaRefused, WrongOffset

AUTH = {"Authorization": f"Bearer {TOKEN}"}
FILM = b"\0\0\0\x18ftypisom" + random.Random(4).randbytes(200_000)

BAD_NUMBERS = [
    ("Upload-Offset", "-1"),
    ("Upload-Offset", "1e3"),
    ("Upload-Offset", "999999"),
    ("Upload-Length", "0"),
    ("Upload-Length", "9" * 16),
]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def patch(hub: Running, offset: int, piece: Any, content: bytes = FILM, **headers: str) -> httpx.Response:
    told = {"Upload-Offset": str(offset), "Upload-Length": str(len(content)), "Content-Type": "video/mp4"}
    return await hub.http.patch(f"/media/{digest(content)}", content=piece, headers={**AUTH, **told, **headers})


async def asked(hub: Running, content: bytes = FILM) -> str | None:
    return (await hub.http.head(f"/media/{digest(content)}")).headers.get("upload-offset")


async def chunks(*content: bytes) -> Any:
    for chunk in content:
        yield chunk


def parts(hub: Running) -> list[Path]:
    return list((hub.config.data / "media" / "parts").iterdir())


async def test_a_film_in_pieces_can_be_played_by_ranges(hub: Running) -> None:
    assert await asked(hub) is None
    first = await patch(hub, 0, FILM[:70_000])
    assert (first.status_code, first.headers["upload-offset"]) == (204, "70000")
    half = await hub.http.head(f"/media/{digest(FILM)}")
    assert (half.status_code, half.headers["upload-offset"]) == (404, "70000")
    assert half.headers["upload-length"] == str(len(FILM))
    progress = hub.hub.media.progress(digest(FILM))
    assert progress is not None and (progress.received, progress.total, progress.whole) == (70_000, len(FILM), False)
    last = await patch(hub, 70_000, FILM[70_000:])
    assert (last.status_code, last.json()) == (201, {"sha256": digest(FILM)})
    again = await patch(hub, 0, FILM[:10])
    assert (again.status_code, again.headers["upload-offset"]) == (200, str(len(FILM)))
    piece = await hub.http.get(f"/media/{digest(FILM)}", headers={"Range": "bytes=100-199"})
    assert (piece.status_code, piece.content, piece.headers["content-type"]) == (206, FILM[100:200], "video/mp4")
    progress = hub.hub.media.progress(digest(FILM))
    assert progress is not None and progress.whole
    assert parts(hub) == []


async def test_a_connection_that_breaks_loses_nothing_of_what_has_come(hub: Running) -> None:
    async def breaks() -> Any:
        yield FILM[:50_000]
        await asyncio.sleep(0.1)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await patch(hub, 0, breaks())
    assert await asked(hub) == "50000"
    assert (await patch(hub, 50_000, FILM[50_000:])).status_code == 201


async def test_a_piece_that_does_not_fit_is_told_where_to_go_on(hub: Running) -> None:
    await patch(hub, 0, FILM[:1000])
    for offset in (0, 999, 1001, len(FILM)):
        refused = await patch(hub, offset, FILM[offset:])
        assert (refused.status_code, refused.headers["upload-offset"]) == (409, "1000")
        assert refused.json()["code"] == "media.wrong_offset"
    assert await asked(hub) == "1000"


async def test_two_connections_at_once_make_one_file(hub: Running) -> None:
    gate = asyncio.Event()

    async def old() -> Any:
        yield FILM[:1000]
        await gate.wait()
        yield FILM[1000:2000]

    hanging = asyncio.create_task(patch(hub, 0, old()))
    async with asyncio.timeout(10):
        while await asked(hub) != "1000":
            await asyncio.sleep(0.01)
    assert (await patch(hub, 1000, FILM[1000:60_000])).status_code == 204
    gate.set()
    late = await hanging
    assert (late.status_code, late.headers["upload-offset"]) == (409, "60000")
    assert (await patch(hub, 60_000, FILM[60_000:])).status_code == 201


async def test_nothing_wrong_becomes_a_file(hub: Running) -> None:
    name = digest(FILM)
    wrong = FILM[:-1] + b"?"
    assert (await patch(hub, 0, wrong)).status_code == 422
    assert await asked(hub) is None
    page = b"<html>" + bytes(1000)
    assert (await patch(hub, 0, page[:500], page)).status_code == 415
    tiny = b"ab"
    assert (await patch(hub, 0, tiny, tiny)).status_code == 415
    assert (await patch(hub, 0, FILM + b"more")).status_code in {400, 409}
    assert hub.hub.media.get(name) is None
    for told in (
        {"Upload-Offset": "-1"},
        {"Upload-Offset": "1e3"},
        {"Upload-Length": "0"},
        {"Upload-Length": "9" * 16},
    ):
        assert (await patch(hub, 0, FILM[:10], **told)).status_code == 400, told
    assert (await patch(hub, 0, FILM[:10], **{"Upload-Length": "2000000000"})).status_code == 413
    assert (await patch(hub, 0, FILM[:10], Authorization="Bearer wrong")).status_code == 401
    answer = await hub.http.patch(
        "/media/short", content=b"x", headers={**AUTH, "Upload-Offset": "0", "Upload-Length": "1"}
    )
    assert answer.status_code == 400
    assert [path.suffix for path in (hub.config.data / "media").iterdir() if path.is_file()] == []


async def test_a_file_whose_length_was_told_wrong_begins_anew(hub: Running) -> None:
    await patch(hub, 0, FILM[:1000], **{"Upload-Length": "5000"})
    other = await patch(hub, 1000, FILM[1000:2000])
    assert (other.status_code, other.headers["upload-offset"]) == (409, "0")
    assert (await patch(hub, 0, FILM)).status_code == 201


async def test_a_sound_put_whole_ends_its_upload_in_pieces(hub: Running) -> None:
    await patch(hub, 0, WAVE[:100], WAVE)
    assert (await hub.http.put(f"/media/{digest(WAVE)}", content=WAVE, headers=AUTH)).status_code == 201
    assert parts(hub) == []


async def test_what_has_come_outlives_the_hub(broker: Mosquitto, tmp_path: Path) -> None:
    config = config_for(tmp_path, broker.port)
    async with serving(config) as hub:
        await patch(hub, 0, FILM[:30_000])
    (config.data / "media" / "parts" / "rubbish").write_bytes(b"x")
    async with serving(config) as hub:
        assert await asked(hub) == "30000"
        assert len(parts(hub)) == 1
        assert (await patch(hub, 30_000, FILM[30_000:])).status_code == 201


async def test_one_that_was_whole_when_the_hub_ended_is_finished_by_an_empty_piece(tmp_path: Path) -> None:
    folder = tmp_path / "media" / "parts"
    folder.mkdir(parents=True)
    (folder / f"{digest(FILM)}.{len(FILM)}").write_bytes(FILM)
    store = MediaStore(tmp_path / "media", 10_000_000)
    await store.start()
    medium = await store.append(digest(FILM), len(FILM), len(FILM), chunks(), "video/mp4")
    assert medium is not None and medium.path.read_bytes() == FILM


async def test_uploads_are_few_bounded_and_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_parts, "MOST", 3)
    store = MediaStore(tmp_path / "media", 1_000_000)
    await store.start()
    names = [f"{n:064x}" for n in range(5)]
    for name in names[:3]:
        await store.append(name, 0, 1000, chunks(FILM[:100]))
    with pytest.raises(MediaRefused, match="busy"):
        await store.append(names[3], 0, 1000, chunks(FILM[:100]))
    folder = tmp_path / "media" / "parts"
    idle, forgotten = time.time() - 2 * media_parts.IDLE_S, time.time() - 2 * media_parts.FORGOTTEN_S
    os.utime(folder / f"{names[1]}.1000", (idle, idle))
    os.utime(folder / f"{names[2]}.1000", (forgotten, forgotten))
    store = MediaStore(tmp_path / "media", 1_000_000)
    await store.start()
    assert store.progress(names[2]) is None
    await store.append(names[3], 0, 1000, chunks(FILM[:100]))
    assert store.progress(names[1]) is not None
    await store.append(names[4], 0, 1000, chunks(FILM[:100]))
    assert store.progress(names[1]) is None and store.progress(names[0]) is not None


async def test_a_clip_never_drives_a_sound_out(tmp_path: Path) -> None:
    store = MediaStore(tmp_path / "media", 300_000)
    await store.start()
    sound = WAVE + bytes(100_000)
    await store.put(digest(sound), chunks(sound))
    with pytest.raises(MediaRefused, match="clip_too_large"):
        await store.append(digest(FILM), 0, len(FILM), chunks(FILM), "video/mp4")
    small = FILM[:100_000]
    assert await store.append(digest(small), 0, len(small), chunks(small), "video/mp4")
    for n in range(4):  # pictures go before clips
        picture = JPEG + bytes([n]) * 40_000
        await store.put(digest(picture), chunks(picture))
    assert store.get(digest(small)) is not None and store.get(digest(sound)) is not None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3000)), max_size=12))
def test_whatever_pieces_come_the_file_is_right_or_not_there(pieces: list[tuple[int, int]]) -> None:
    content = FILM[:3000]

    async def run(folder: Path) -> None:
        store = MediaStore(folder, 1_000_000)
        await store.start()
        name = digest(content)
        for offset, length in [*pieces, (0, 0)]:
            before = store.progress(name)
            at = before.received if before else 0
            try:
                await store.append(name, offset, 3000, chunks(content[offset : offset + length]))
            except WrongOffset as wrong:
                assert wrong.offset == at != offset
                continue
            after = store.progress(name)
            assert after is not None and after.received == at + len(content[offset : offset + length])
        progress = store.progress(name)
        assert progress is not None
        if not progress.whole:
            at = progress.received
            await store.append(name, at, 3000, chunks(content[at:]))
        medium = store.get(name) or await store.append(name, 3000, 3000, chunks())
        assert medium is not None and medium.path.read_bytes() == content

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


@pytest.mark.long
async def test_a_hub_that_is_killed_in_the_middle_goes_on_where_it_was(broker: Mosquitto, tmp_path: Path) -> None:
    """A process of its own, ended by SIGKILL while a piece is coming."""
    port = free_port()
    (tmp_path / "tokens.json").write_text(json.dumps({"tram-bom": TOKEN}))
    settings_ = {
        "broker": {"url": f"mqtt://127.0.0.1:{broker.port}"},
        "listen": {"port": port},
        "upload_tokens": {"file": "tokens.json"},
    }
    (tmp_path / "hub.yaml").write_text(yaml.safe_dump(settings_))
    command = [sys.executable, "-m", "hub", "run", str(tmp_path / "hub.yaml")]
    url = f"http://127.0.0.1:{port}/media/{digest(FILM)}"
    told = {"Upload-Length": str(len(FILM)), "Content-Type": "video/mp4", **AUTH}
    async with httpx.AsyncClient(timeout=30) as http:

        async def offset() -> int:
            return int((await http.head(url)).headers.get("upload-offset", 0))

        async def up() -> bool:
            try:
                return (await http.head(url)).status_code in {200, 404}
            except httpx.TransportError:
                return False

        async def wait_up() -> None:
            async with asyncio.timeout(60):
                while not await up():
                    await asyncio.sleep(0.1)

        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            await wait_up()

            async def slow() -> Any:
                for at in range(0, 100_000, 10_000):
                    yield FILM[at : at + 10_000]
                    await asyncio.sleep(0.02)
                process.send_signal(signal.SIGKILL)
                await asyncio.sleep(30)
                yield b""

            with pytest.raises(httpx.TransportError):
                await http.patch(url, content=slow(), headers={**told, "Upload-Offset": "0"})
            process.wait(10)
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            await wait_up()
            at = await offset()
            assert 80_000 <= at <= 100_000
            last = await http.patch(url, content=FILM[at:], headers={**told, "Upload-Offset": str(at)})
            assert last.status_code == 201
            assert (await http.get(url, headers=AUTH)).content == FILM
        finally:
            process.kill()
            process.wait(10)
