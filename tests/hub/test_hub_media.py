"""The media store, friendly and abused."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest
from hub_rig import JPEG, TOKEN, WAVE, FakeNode, Mosquitto, Running, config_for, serving, until

from hub.media import MediaStore
from hub.media_parts import MediaRefused

AUTH = {"Authorization": f"Bearer {TOKEN}"}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def put(hub: Running, content: Any, name: str | None = None, **headers: str) -> httpx.Response:
    return await hub.http.put(f"/media/{name or digest(content)}", content=content, headers={**AUTH, **headers})


def left(hub: Running) -> list[Path]:
    return list((hub.config.data / "media").iterdir())


async def test_put_then_get_with_range_and_etag(hub: Running) -> None:
    assert (await put(hub, WAVE)).status_code == 201
    assert (await put(hub, WAVE)).status_code == 200
    url = f"/media/{digest(WAVE)}"
    whole = await hub.http.get(url)
    assert whole.content == WAVE
    assert whole.headers["content-type"] == "audio/wav"
    assert "immutable" in whole.headers["cache-control"]
    part = await hub.http.get(url, headers={"Range": "bytes=4-9"})
    assert (part.status_code, part.content) == (206, WAVE[4:10])
    assert (await hub.http.get(url, headers={"Range": "bytes=999999-"})).status_code == 416
    same = await hub.http.get(url, headers={"If-None-Match": whole.headers["etag"]})
    assert same.status_code == 304


async def test_nobody_without_token_puts(hub: Running) -> None:
    for header in ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ắ"]:
        answer = await hub.http.put(
            f"/media/{digest(JPEG)}",
            content=JPEG,
            headers={"Authorization": header.encode()},  # type: ignore[dict-item]
        )
        assert answer.status_code == 401
        assert left(hub) == []


async def test_without_configured_tokens_nobody_puts(broker: Mosquitto, tmp_path: Path) -> None:
    async with serving(config_for(tmp_path, broker.port, upload_tokens=None)) as hub:
        assert (await put(hub, JPEG)).status_code == 401
        assert (await put(hub, JPEG, Authorization="Bearer")).status_code == 401


REFUSED: list[tuple[bytes, str | None, int]] = [
    (JPEG, "0" * 64, 422),
    (JPEG, "short", 400),
    (JPEG, digest(JPEG).upper(), 400),
    (JPEG, "..%2f..%2fetc%2fpasswd", 404),
    (b"", None, 415),
    (b"\xff\xd8", None, 415),
    (b"<html><script>alert(1)</script></html>", None, 415),
    (b"RIFF\x00\x00\x00\x00AVI LIST", None, 415),
    (b"GIF89a" + bytes(100), None, 415),
]


async def test_what_is_not_taken_leaves_nothing(hub: Running) -> None:
    for content, name, status in REFUSED:
        assert (await put(hub, content, name)).status_code == status, (content, name)
        assert left(hub) == []


async def test_too_large_is_refused_unread_and_while_it_streams(hub: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.media.MAX_BYTES", 10_000)
    monkeypatch.setattr("hub.media_http.MAX_BYTES", 10_000)
    assert (await put(hub, JPEG + bytes(20_000))).status_code == 413

    async def endless() -> Any:
        yield JPEG
        while True:
            yield bytes(5000)
            await asyncio.sleep(0)

    try:
        answer = await put(hub, endless(), "0" * 64)
        assert answer.status_code == 413
    except httpx.TransportError:
        pass  # the hub closed while we were still writing
    await until(lambda: left(hub) == [])


async def test_broken_off_upload_leaves_nothing(hub: Running) -> None:
    async def breaks() -> Any:
        yield JPEG
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await put(hub, breaks(), digest(JPEG))
    await until(lambda: left(hub) == [])
    assert (await put(hub, JPEG)).status_code == 201


async def test_oldest_pictures_go_before_sounds(tmp_path: Path) -> None:
    store = MediaStore(tmp_path / "media", limit=20_000)
    await store.start()

    async def chunks(content: bytes) -> Any:
        yield content

    sound = WAVE
    await store.put(digest(sound), chunks(sound))
    pictures = [JPEG + bytes([n]) * 4000 for n in range(8)]
    for picture in pictures:
        await store.put(digest(picture), chunks(picture))
        await asyncio.sleep(0.01)
    assert store.get(digest(sound)) is not None
    assert store.get(digest(pictures[-1])) is not None
    assert store.get(digest(pictures[0])) is None
    assert sum(f.stat().st_size for f in (tmp_path / "media").iterdir()) <= 20_000
    again = MediaStore(tmp_path / "media", limit=20_000)
    await again.start()
    assert again.get(digest(sound)) is not None


async def test_too_many_at_once_are_refused(tmp_path: Path) -> None:
    store = MediaStore(tmp_path / "media", limit=20_000)
    await store.start()
    gate = asyncio.Event()

    async def waits() -> Any:
        yield JPEG
        await gate.wait()

    running = [asyncio.create_task(store.put(digest(JPEG), waits())) for _ in range(8)]
    await asyncio.sleep(0.1)
    with pytest.raises(MediaRefused):
        await store.put(digest(JPEG), waits())
    gate.set()
    await asyncio.gather(*running)
    assert len(list((tmp_path / "media").iterdir())) == 1


async def test_one_snapshot_serves_all_viewers(hub: Running, node: FakeNode) -> None:
    url = "/nodes/29401/tram-bom/cameras/cong/picture"
    answers = await asyncio.gather(*(hub.http.get(url) for _ in range(10)))
    assert {a.content for a in answers} == {JPEG}
    assert {a.headers["cache-control"] for a in answers} == {"no-store"}
    assert "X-Picture-Words" in answers[0].headers
    assert sum(c.do == "camera.snapshot" for c in node.commands) == 1


async def test_camera_that_fails_shows_why(hub: Running, node: FakeNode) -> None:
    node.picture = b"no picture at all"
    answer = await hub.http.get("/nodes/29401/tram-bom/cameras/cong/picture")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert "HTTP 415" in answer.text
    assert (await hub.http.get("/nodes/29401/tram-bom/cameras/other/picture")).status_code == 404


async def test_strange_times_of_pictures_do_no_harm(hub: Running, node: FakeNode) -> None:
    await put(hub, JPEG)

    async def answer(n: FakeNode, asked: Any) -> None:
        await n.ack(asked, "done", result={"sha256": digest(JPEG), "at": "\r\nX-Evil: 1"})

    node.replies["camera.snapshot"] = answer
    got = await hub.http.get("/nodes/29401/tram-bom/cameras/cong/picture")
    assert got.status_code == 200
    assert "x-evil" not in got.headers
