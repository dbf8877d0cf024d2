"""Feeds over real HTTP on loopback, and the whole way from a feed to a signed command at a node."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cap_rig import SENDER, AlertOf, Answer, FeedServer, InfoOf, PlacedNode, feed_server, now
from hub_rig import Mosquitto, Running, config_for, serving, until

from edge_agent.contract.signature import Verifier
from hub.cap import rows
from hub.cap.feeds import FeedState
from hub.cap.fetch import Fetched, Fetcher, FetchError, require_host
from hub.cap.index import read
from hub.cap.rows import Row, State
from hub.cap.xml import MAX_BYTES, XmlError

MILD = (InfoOf(severity="Minor"),)


@pytest.fixture
def web() -> Iterator[FeedServer]:
    with feed_server() as server:
        yield server


@pytest.fixture
async def hub(broker: Mosquitto, web: FeedServer, tmp_path: Path) -> AsyncIterator[Running]:
    web.list_atom()
    async with serving(config_of(tmp_path, broker, web)) as running:
        yield running


def config_of(folder: Path, broker: Mosquitto, web: FeedServer, **more: Any) -> Any:
    feed = {"name": "kttv", "url": f"{web.url}/feed.xml", "every_s": 1, **more}
    sender = {"id": SENDER, "name": "Đài khí tượng", "feeds": ["kttv"], "auto": {"from_level": 3}}
    return config_for(folder, broker.port, cap={"senders": [sender], "feeds": [feed], "repeat_every_s": 5})


async def listed(hub: Running) -> list[Row]:
    return await hub.hub.alerts.store.read(partial(rows.listed, states=tuple(State), most=99))


async def many(hub: Running, count: int) -> list[Row]:
    async with asyncio.timeout(60):
        while len(found := await listed(hub)) < count:
            await asyncio.sleep(0.05)
    return found


def state(hub: Running) -> FeedState:
    return hub.hub.alerts.feeds.states["kttv"]


class TestWholeWay:
    async def test_from_a_feed_to_the_siren_and_its_end(self, hub: Running, broker: Mosquitto, web: FeedServer) -> None:
        signer = hub.hub.signer
        node = PlacedNode(broker.port, Verifier({signer.key_id: signer.public}), hub_url=hub.url)
        async with node:
            await until(lambda: hub.hub.registry.is_online("29401/tram-bom") and hub.hub.alerts.desk.spots(), 30)
            alert = AlertOf()
            web.answers["/a.xml"] = Answer(alert.xml())
            web.list_atom("a.xml")
            await until(lambda: node.told("bulletin.plan"), 90)  # the node has checked the signature of the command
            bulletin = node.told("bulletin.plan")[0].bulletin
            assert bulletin.class_ == "emergency" and "Lũ quét" in bulletin.text
            assert bulletin.repeat_every_s == 5
            web.answers["/c.xml"] = Answer(alert.after("vn.kttv.2026.2", "Cancel", infos=()).xml())
            web.list_atom("a.xml", "c.xml")
            await until(lambda: node.told("bulletin.cancel"), 90)
            assert node.told("bulletin.cancel")[0].bulletin == bulletin.id
        assert web.times("/a.xml") == web.times("/c.xml") == 1


class TestFeeds:
    async def test_each_entry_is_fetched_once_also_after_a_start(
        self, broker: Mosquitto, web: FeedServer, tmp_path: Path
    ) -> None:
        names = [f"{n}.xml" for n in range(3)]
        for n, name in enumerate(names):
            web.answers[f"/{name}"] = Answer(AlertOf(f"a-{n}", infos=MILD).xml())
        web.list_atom(*names)
        config = config_of(tmp_path, broker, web)
        async with serving(config, connected=False) as hub:
            await many(hub, 3)
            asked = web.times("/feed.xml")
            await until(lambda: web.times("/feed.xml") > asked + 1, 60)
        async with serving(config, connected=False):
            asked = web.times("/feed.xml")
            await until(lambda: web.times("/feed.xml") > asked, 60)
        assert [web.times(f"/{name}") for name in names] == [1, 1, 1]

    async def test_a_list_that_has_not_changed_is_not_sent_again(self, hub: Running, web: FeedServer) -> None:
        web.answers["/a.xml"] = Answer(AlertOf(infos=MILD).xml())
        web.list_atom("a.xml")
        await many(hub, 1)
        tag = web.answers["/feed.xml"].etag
        await until(lambda: ("/feed.xml", tag) in web.asked, 60)
        assert state(hub).good is not None and state(hub).fault is None

    async def test_an_address_may_be_an_alert_itself(self, hub: Running, web: FeedServer) -> None:
        web.answers["/feed.xml"] = Answer(AlertOf("only", infos=MILD).xml())
        assert [row.identifier for row in await many(hub, 1)] == ["only"]

    async def test_rss_is_read_too(self, hub: Running, web: FeedServer) -> None:
        web.answers["/r.xml"] = Answer(AlertOf("by-rss", infos=MILD).xml())
        item = "<item><title>x</title><guid>1</guid><link>/r.xml</link></item>"
        web.answers["/feed.xml"] = Answer(f'<rss version="2.0"><channel>{item}</channel></rss>'.encode())
        assert [row.identifier for row in await many(hub, 1)] == ["by-rss"]

    async def test_what_is_wrong_is_shown_and_the_rest_is_taken(self, hub: Running, web: FeedServer) -> None:
        web.answers["/bad.xml"] = Answer(b"<alert/>")
        web.answers["/good.xml"] = Answer(AlertOf("good", infos=MILD).xml())
        web.list_atom("bad.xml", "good.xml", "gone.xml")
        await many(hub, 1)
        refused = await until(lambda: len(state(hub).refused) == 2 and state(hub).refused, 60)
        assert refused[f"{web.url}/bad.xml"].key == "cap.bad_root"
        assert refused[f"{web.url}/gone.xml"].key == "cap.fetch_status"
        page = (await hub.http.get("/alerts")).text
        assert "bad.xml" in page and "không phải tin cảnh báo CAP" in page

    async def test_an_entry_that_is_not_there_yet_is_asked_for_again(self, hub: Running, web: FeedServer) -> None:
        web.list_atom("late.xml")
        await until(lambda: web.times("/late.xml") == 1, 60)
        web.answers["/late.xml"] = Answer(AlertOf("late", infos=MILD).xml())
        assert [row.identifier for row in await many(hub, 1)] == ["late"]

    async def test_a_feed_that_fails_is_tried_again_and_said(self, hub: Running, web: FeedServer) -> None:
        web.answers["/feed.xml"] = Answer(status=500)
        await until(lambda: state(hub).fault, 60)
        assert "500" in (await hub.http.get("/alerts")).text
        assert state(hub).pause() > 1.5
        web.list_atom()
        await until(lambda: state(hub).fault is None, 60)

    async def test_silence_is_told(self, hub: Running, web: FeedServer) -> None:
        await until(lambda: state(hub).good, 60)
        good = state(hub).good
        assert good is not None
        assert not state(hub).silent(good + timedelta(minutes=14))
        assert state(hub).silent(good + timedelta(minutes=16))
        web.answers["/feed.xml"] = Answer(status=500)
        await until(lambda: state(hub).fault, 60)
        state(hub).good = now() - timedelta(hours=1)
        assert "IM LẶNG" in (await hub.http.get("/alerts")).text

    async def test_entries_on_other_hosts_are_not_followed(self, hub: Running, web: FeedServer) -> None:
        with feed_server() as other:
            other.answers["/x.xml"] = Answer(AlertOf("foreign").xml())
            web.answers["/moved.xml"] = Answer(status=302, headers={"Location": f"{other.url}/x.xml"})
            web.list_atom(f"{other.url}/x.xml", "moved.xml", "file:///etc/passwd", "//127.0.0.1:1/y")
            await until(lambda: len(state(hub).refused) == 4, 60)
            assert other.asked == []
        keys = {trouble.key for trouble in state(hub).refused.values()}
        assert keys == {"cap.fetch_host", "cap.fetch_address"}
        assert await listed(hub) == []

    async def test_a_host_that_is_named_may_hold_the_entries(
        self, broker: Mosquitto, web: FeedServer, tmp_path: Path
    ) -> None:
        with feed_server() as other:
            other.answers["/x.xml"] = Answer(AlertOf("elsewhere", infos=MILD).xml())
            web.list_atom(f"{other.url}/x.xml")
            named = [other.url.removeprefix("http://")]
            async with serving(config_of(tmp_path, broker, web, hosts=named), connected=False) as hub:
                assert [row.identifier for row in await many(hub, 1)] == ["elsewhere"]


class TestFetching:
    async def fails(self, web: FeedServer, answer: Answer) -> str:
        web.answers["/x"] = answer
        async with Fetcher() as fetcher:
            with pytest.raises(FetchError) as caught:
                await fetcher.get(f"{web.url}/x", [web.url.removeprefix("http://")])
        return caught.value.key

    async def test_what_is_too_large(self, web: FeedServer) -> None:
        assert await self.fails(web, Answer(b"x" * (MAX_BYTES + 1))) == "cap.fetch_large"

    async def test_what_comes_packed(self, web: FeedServer) -> None:
        assert await self.fails(web, Answer(b"x", headers={"Content-Encoding": "gzip"})) == "cap.fetch_packed"

    async def test_what_leads_in_a_circle(self, web: FeedServer) -> None:
        assert await self.fails(web, Answer(status=302, headers={"Location": "/x"})) == "cap.fetch_moved"

    async def test_what_nobody_answers(self) -> None:
        async with Fetcher() as fetcher:
            with pytest.raises(FetchError) as caught:
                await fetcher.get("http://127.0.0.1:9/x", ["127.0.0.1:9"])
        assert caught.value.key == "cap.fetch_failed"

    async def test_what_is_not_encrypted_where_it_must_be(self, web: FeedServer) -> None:
        async with Fetcher() as fetcher:
            with pytest.raises(FetchError) as caught:
                await fetcher.get(f"{web.url}/x", [web.url.removeprefix("http://")], secure=True)
        assert caught.value.key == "cap.fetch_downgrade"
        assert web.asked == []

    @pytest.mark.parametrize(
        "url",
        [
            "https://kttv.example:8443/x",
            "https://kttv.example.evil/x",
            "https://kttv.example@evil/x",
            "https://evil/kttv.example",
            "ftp://kttv.example/x",
            "javascript:alert(1)",
            "http://[::1/x",
            "https:///x",
            "",
        ],
    )
    def test_only_the_hosts_that_were_named_are_asked(self, url: str) -> None:
        with pytest.raises(FetchError):
            require_host(url, ["kttv.example", "kttv.example:443"])

    def test_a_host_may_be_written_with_its_usual_port_and_in_capitals(self) -> None:
        require_host("https://KTTV.example:443/x", ["kttv.example"])
        require_host("https://kttv.example/x", ["kttv.example:443"])


@pytest.mark.parametrize(("minutes", "astray"), [(0, False), (4, False), (6, True), (-60, True)])
def test_a_feed_tells_what_time_it_is(minutes: int, astray: bool) -> None:
    there = format_datetime(now() + timedelta(minutes=minutes), usegmt=True)
    assert Fetched(b"", date=there).astray(now()) is astray
    assert not Fetched(b"", date="?").astray(now())


class TestLists:
    def test_the_link_that_says_that_it_is_an_alert_is_taken(self) -> None:
        links = (
            '<link rel="self" href="/self"/><link type="text/html" href="/page"/>'
            '<link type="application/cap+xml" href="/alert"/><link href="/plain"/>'
        )
        atom = f'<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>1</id>{links}</entry></feed>'
        assert [entry.url for entry in read(atom.encode(), "https://a.example/f").entries] == [
            "https://a.example/alert"
        ]

    def test_an_entry_that_was_changed_is_another(self) -> None:
        def key(updated: str) -> str:
            entry = f"<entry><id>1</id><updated>{updated}</updated><link href='/a'/></entry>"
            atom = f'<feed xmlns="http://www.w3.org/2005/Atom">{entry}</feed>'
            return read(atom.encode(), "https://a.example/f").entries[0].key

        assert key("2026-01-01T00:00:00Z") != key("2026-01-02T00:00:00Z")

    @pytest.mark.parametrize("kind", ["atom", "rss"])
    def test_of_ten_thousand_entries_the_newest_count_whatever_their_order(self, kind: str) -> None:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        items: list[str] = []
        for n in range(10_000):
            at = start + timedelta(minutes=n)
            if kind == "atom":
                items.append(f"<entry><id>{n}</id><updated>{at.isoformat()}</updated><link href='/{n}'/></entry>")
            else:
                when = format_datetime(at)
                items.append(f"<item><guid>{n}</guid><pubDate>{when}</pubDate><link>/{n}</link></item>")
        inner = "".join(items)
        atom = f'<feed xmlns="http://www.w3.org/2005/Atom">{inner}</feed>'
        data = atom if kind == "atom" else f"<rss><channel>{inner}</channel></rss>"
        found = [entry.url for entry in read(data.encode(), "https://a.example/f").entries]
        assert found == [f"https://a.example/{n}" for n in range(9999, 9799, -1)]

    def test_entries_without_a_time_stay_as_they_stand(self) -> None:
        inner = "".join(f"<item><link>/{n}</link><pubDate>?</pubDate></item>" for n in range(300))
        found = read(f"<rss><channel>{inner}</channel></rss>".encode(), "https://a.example/f").entries
        assert [entry.url for entry in found] == [f"https://a.example/{n}" for n in range(200)]

    def test_anything_else_is_no_list(self) -> None:
        with pytest.raises(XmlError) as caught:
            read(b"<html/>", "https://a.example/f")
        assert caught.value.code == "no_list"
