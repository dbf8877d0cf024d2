"""Sounds come by their hash over a bad way, whole or not at all, and nobody but the hub gets the token."""

import asyncio
import random
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from core_media_rig import Handler, Server, Ways, digest, noise, serving

from edge_agent.contract.errors import Fault, Refusal
from edge_agent.contract.segments import Sound
from edge_agent.media.fetch import Fetcher, Patience
from edge_agent.media.store import SoundStore

TOKEN = "Zq9-token-of-the-node"
QUICK = Patience(first_s=0.05, longest_s=0.2)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> SoundStore:
    opened = SoundStore(tmp_path / "media", 20_000_000)
    opened.open()
    return opened


@pytest.fixture
async def fetcher(server: Server, store: SoundStore) -> AsyncIterator[Fetcher]:
    fetching = Fetcher(store, server.url, lambda: TOKEN, QUICK)
    yield fetching
    await fetching.stop()


async def refused(fetcher: Fetcher, sound: Sound) -> Fault:
    with pytest.raises(Refusal) as caught:
        await fetcher.fetch(sound, "bulletin")
    assert TOKEN not in f"{caught.value.fault!r}{caught.value.__cause__!r}"
    assert "(" not in caught.value.fault.code
    return caught.value.fault


async def test_a_sound_comes_once_and_is_there_after_a_restart(
    fetcher: Fetcher, server: Server, store: SoundStore, tmp_path: Path
) -> None:
    content = noise(300_000)
    sound = server.add(content)
    path = await fetcher.fetch(sound, "bulletin")
    assert path.read_bytes() == content
    assert await fetcher.fetch(sound, "another") == path
    again = SoundStore(tmp_path / "media", 20_000_000)
    again.open()
    assert again.fetched(sound.sha256) == path
    assert len(server.asked) == 1
    assert list((tmp_path / "media" / "parts").iterdir()) == []


async def test_many_who_want_the_same_share_one_transfer_and_few_run_at_once(fetcher: Fetcher, server: Server) -> None:
    server.ways.per_s = 400_000
    sounds = [server.add(noise(30_000, seed)) for seed in range(6)]
    await asyncio.gather(*(fetcher.fetch(sound, f"b{n}") for n in range(3) for sound in sounds))
    assert len(server.asked) == 6
    assert server.most == 2


async def test_a_broken_transfer_goes_on_where_it_broke(fetcher: Fetcher, server: Server) -> None:
    content = noise(200_000)
    sound = server.add(content)
    server.ways.cut = lambda sent: sent >= 81_920
    path = await fetcher.fetch(sound, "bulletin")
    assert path.read_bytes() == content
    assert [asked.range for asked in server.asked] == [None, "bytes=81920-", "bytes=163840-"]
    assert {asked.if_range for asked in server.asked[1:]} == {f'"{digest(content)[:16]}"'}
    assert server.sent == len(content)


async def test_from_a_slow_mobile_network(fetcher: Fetcher, server: Server, store: SoundStore) -> None:
    """50 kB/s for all, and each 8 kB have a chance of one in ten to be the last: worse than one transfer in ten."""
    draw = random.Random(4)
    server.ways.per_s = 50_000
    server.ways.cut = lambda sent: sent % 8192 == 0 and sent > 0 and draw.random() < 0.1
    contents = [noise(60_000, seed) for seed in range(5)]
    paths = await asyncio.gather(*(fetcher.fetch(server.add(content), "bulletin") for content in contents))
    assert [path.read_bytes() for path in paths] == contents
    assert server.cuts > 0
    assert server.sent < 1.2 * sum(map(len, contents))  # what broke was not fetched again


FETCH_ALONE = """
import asyncio, sys
from pathlib import Path
from edge_agent.contract.segments import Sound
from edge_agent.media.fetch import Fetcher
from edge_agent.media.store import SoundStore
async def main():
    store = SoundStore(Path(sys.argv[1]), 20_000_000)
    store.open()
    fetcher = Fetcher(store, sys.argv[2], str)
    await fetcher.fetch(Sound(sha256=sys.argv[3], bytes=int(sys.argv[4])), "bulletin")
asyncio.run(main())
"""


async def test_killed_in_the_middle_it_goes_on_after_the_restart(server: Server, tmp_path: Path) -> None:
    content = noise(400_000)
    sound = server.add(content)
    server.ways.per_s = 100_000
    media = tmp_path / "media"
    command = [sys.executable, "-c", FETCH_ALONE, str(media), server.url, sound.sha256, str(sound.bytes)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    part = media / "parts" / sound.sha256
    while not part.exists() or part.stat().st_size < 100_000:
        assert process.poll() is None
        await asyncio.sleep(0.01)
    process.kill()
    process.wait()
    had = part.stat().st_size
    server.ways.per_s = None
    store = SoundStore(media, 20_000_000)
    store.open()
    fetcher = Fetcher(store, server.url, lambda: TOKEN, QUICK)
    path = await fetcher.fetch(sound, "bulletin")
    await fetcher.stop()
    assert path.read_bytes() == content
    assert server.asked[-1].range == f"bytes={had}-"


async def test_a_part_that_a_power_cut_spoilt_is_fetched_anew(
    fetcher: Fetcher, server: Server, store: SoundStore
) -> None:
    content = noise(100_000)
    sound = server.add(content)
    for spoilt in (bytes(50_000), bytes(100_000), bytes(150_000)):
        store.part(sound.sha256).write_bytes(spoilt)
        assert (await fetcher.fetch(sound, "bulletin")).read_bytes() == content
        store.pin_only("bulletin", ())
        store.shrink()


async def test_a_file_that_changed_in_between_is_not_patched_together(fetcher: Fetcher, server: Server) -> None:
    old, new = noise(100_000, 1), noise(100_000, 2)
    sound = Sound(sha256=digest(new), bytes=len(new))
    path = f"/media/{sound.sha256}"
    server.files[path] = old

    def cut(sent: int) -> bool:
        if sent >= 40_960:
            server.files[path] = new
        return sent >= 40_960 and len(server.asked) == 1

    server.ways.cut = cut
    assert (await fetcher.fetch(sound, "bulletin")).read_bytes() == new
    assert server.asked[1].if_range is not None


async def test_a_server_that_knows_no_ranges_and_one_without_etag(
    fetcher: Fetcher, server: Server, store: SoundStore
) -> None:
    content = noise(100_000)
    sound = server.add(content)
    for ways in (Ways(ranges=False), Ways(etag=lambda _content: None)):
        asked = len(server.asked)
        ways.cut = lambda sent, asked=asked: sent >= 40_960 and len(server.asked) == asked + 1
        server.ways = ways
        assert (await fetcher.fetch(sound, "bulletin")).read_bytes() == content
        store.pin_only("bulletin", ())
        store.shrink()


def says(status: int, body: bytes = b"", **headers: str):
    def answer(handler: Handler) -> bool:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        handler.head(status, {"Content-Length": str(len(body)), **named})
        handler.body(body)
        return True

    return answer


def raw(content: bytes, endless: bytes = b""):
    def answer(handler: Handler) -> bool:
        handler.wfile.write(content)
        while endless:
            handler.wfile.write(endless)
        return True

    return answer


PAGE = b"<html>Please sign in</html>" + bytes(9_973)
WANTED = noise(10_000)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (says(200, PAGE, Content_Type="text/html; charset=utf-8"), "media.web_page"),
        (says(200, PAGE), "media.wrong_hash"),
        (says(200, WANTED[:-1]), "media.wrong_size"),
        (says(200, WANTED + b"x"), "media.wrong_size"),
        (says(200, WANTED, Content_Encoding="gzip"), "media.bad_answer"),
        (says(206, WANTED, Content_Range="bytes 5-10004/10005"), "media.bad_answer"),
        (says(206, WANTED, Content_Range="bytes 0-9999/10001"), "media.wrong_size"),
        (says(206, WANTED), "media.bad_answer"),
        (says(301, Location="http://127.0.0.1:1/elsewhere"), "media.redirected"),
        (says(302, Location="file:///etc/passwd"), "media.redirected"),
        (says(404), "media.not_found"),
        (says(410), "media.not_found"),
        (says(403), "media.not_allowed"),
        (says(401), "media.not_allowed"),
        (says(416), "media.bad_answer"),
        (says(204), "media.bad_answer"),
        (says(500), "media.offline"),
        (says(503), "media.offline"),
        (raw(b""), "media.offline"),
        (raw(b"SSH-2.0-OpenSSH_9.6\r\n"), "media.offline"),
        (raw(b"HTTP/1.1 200 OK\r\n", b"X-More: headers\r\n"), "media.offline"),
        (raw(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 1000), "media.offline"),
        (raw(b"HTTP/1.1 200 OK\r\n\r\n", b"for ever and ever"), "media.wrong_size"),
        (raw(CHUNKED, b"400\r\n" + b"x" * 1024 + b"\r\n"), "media.wrong_size"),
        (raw(CHUNKED + b"not a number\r\n"), "media.offline"),
    ],
)  # fmt: skip
async def test_a_server_that_lies_is_refused_with_its_reason(
    fetcher: Fetcher, server: Server, store: SoundStore, answer, code: str
) -> None:
    server.ways.answer = answer
    good = server.add(noise(5_000, 3))
    fault = await refused(fetcher, Sound(sha256=digest(WANTED), bytes=len(WANTED)))
    assert fault.code == code
    assert "127.0.0.1" in fault.vi and "127.0.0.1" in fault.en
    assert store.fetched(digest(WANTED)) is None
    assert store.part(digest(WANTED)).stat().st_size == 0 if store.part(digest(WANTED)).exists() else True
    server.ways.answer = None
    await fetcher.fetch(good, "bulletin")


async def test_nobody_there_and_no_hub(store: SoundStore, server: Server) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        fetcher = Fetcher(store, f"http://127.0.0.1:{taken.getsockname()[1]}", lambda: TOKEN, QUICK)
        assert (await refused(fetcher, Sound(sha256=digest(b"x"), bytes=1))).code == "media.offline"
        await fetcher.stop()
    alone = Fetcher(store, None, str, QUICK)
    assert (await refused(alone, Sound(sha256=digest(b"x"), bytes=1))).code == "media.no_hub"
    for url in ("http://[::1/x", "http://127.0.0.1:99999/x", "http:///x", "http://máy.vn/x"):
        assert (await refused(alone, Sound(sha256=digest(b"x"), bytes=1, url=url))).code == "media.bad_url"
    content = noise(1000)
    server.add(content)
    known = Sound(sha256=digest(content), bytes=1000, url=f"{server.url}/media/{digest(content)}")
    assert (await alone.fetch(known, "bulletin")).read_bytes() == content
    await alone.stop()


async def test_only_a_hub_that_asks_gets_the_token(fetcher: Fetcher, server: Server) -> None:
    open_sound, closed = server.add(noise(100, 1)), server.add(noise(100, 2))
    await fetcher.fetch(open_sound, "bulletin")
    server.ways.token = TOKEN
    await fetcher.fetch(closed, "bulletin")
    assert [asked.token for asked in server.asked] == [None, None, f"Bearer {TOKEN}"]
    await fetcher.fetch(server.add(noise(100, 3)), "bulletin")
    assert len(server.asked) == 4  # the hub asks, that is known now
    with serving() as stranger:
        content = noise(100, 4)
        stranger.add(content)
        elsewhere = Sound(sha256=digest(content), bytes=100, url=f"{stranger.url}/media/{digest(content)}")
        await fetcher.fetch(elsewhere, "bulletin")
        stranger.ways.token = TOKEN
        other = elsewhere.model_copy(update={"sha256": digest(b"other")})
        assert (await refused(fetcher, other)).code == "media.not_allowed"
        assert {asked.token for asked in stranger.asked} == {None}
    server.ways.token = "another"
    assert (await refused(fetcher, server.add(noise(100, 5)))).code == "media.not_allowed"


async def test_a_trickle_is_ended_and_what_came_is_kept(server: Server, store: SoundStore) -> None:
    content = noise(20_000)
    sound = server.add(content)
    server.ways.per_s = 40_000
    quick = Patience(first_s=0.01, longest_s=0.02, stall_s=0.35, least=100_000, tries=2)
    fetcher = Fetcher(store, server.url, lambda: TOKEN, quick)
    assert (await fetcher.fetch(sound, "bulletin")).read_bytes() == content  # cut, but each attempt gained something
    assert len(server.asked) > 1

    def silent(handler: Handler) -> bool:
        handler.head(200, {"Content-Length": "1000"})
        time.sleep(1)
        return True

    server.ways.answer = silent
    assert (await refused(fetcher, Sound(sha256=digest(b"silent"), bytes=1000))).code == "media.offline"
    await fetcher.stop()


async def test_what_would_take_for_ever_is_given_up(server: Server, store: SoundStore) -> None:
    sound = server.add(noise(200_000))
    server.ways.per_s = 20_000
    hasty = Patience(first_s=0.01, longest_s=0.02, stall_s=0.5, least=1, most_s=-99)
    fetcher = Fetcher(store, server.url, lambda: TOKEN, hasty)
    fault = await refused(fetcher, sound)
    await fetcher.stop()
    assert fault.code == "media.slow"
    assert 0 < int(fault.params["received"]) < 200_000


async def test_a_full_disk_is_told_and_the_others_go_on(fetcher: Fetcher, server: Server, store: SoundStore) -> None:
    sound, other = server.add(noise(50_000, 1)), server.add(noise(50_000, 2))
    store.part(sound.sha256).symlink_to("/dev/full")
    fault, path = await asyncio.gather(refused(fetcher, sound), fetcher.fetch(other, "bulletin"))
    assert fault.code == "media.disk"
    assert "No space left" in fault.en
    assert path.exists()


async def test_what_does_not_fit_is_not_even_asked_for(fetcher: Fetcher, server: Server, store: SoundStore) -> None:
    fault = await refused(fetcher, Sound(sha256=digest(b"huge"), bytes=30_000_000))
    assert (fault.code, fault.params["needed_mb"], fault.params["limit_mb"]) == ("media.no_room", 30.0, 20.0)
    assert server.asked == []


async def test_cancelling_ends_the_transfer_and_keeps_the_part(
    fetcher: Fetcher, server: Server, store: SoundStore
) -> None:
    content = noise(200_000)
    sound = server.add(content)
    server.ways.per_s = 50_000
    work = asyncio.create_task(fetcher.fetch(sound, "bulletin"))
    while not store.part(sound.sha256).exists():
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    had = store.part(sound.sha256).stat().st_size
    assert had > 0
    server.ways.per_s = None
    assert (await fetcher.fetch(sound, "bulletin")).read_bytes() == content
    assert server.asked[-1].range == f"bytes={had}-"
