"""The frame of the pages: how heavy they are, what browsers keep, what waits on the first one."""

import gzip
import html
import re
from pathlib import Path
from typing import Any

import pytest
from hub_rig import FakeNode, Mosquitto, Running, config_for, event, now, serving, signed_in, until

from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import SpeakerState
from edge_agent.contract.signature import Verifier
from hub.marks import Mark
from hub.people.rights import EVERYWHERE, Grant, Place, Role
from hub.people.sessions import COOKIE

LIMIT = 120_000
"""Bytes of a first page with all that it needs, as they travel."""


async def travelled(hub: Running, path: str) -> tuple[int, str]:
    """Bytes on the wire, and the text."""
    async with hub.http.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
        packed = answer.headers.get("content-encoding") == "gzip"
    return len(raw), (gzip.decompress(raw) if packed else raw).decode(errors="replace")


@pytest.mark.parametrize("path", ["/", "/nodes", "/nodes/29401/tram-bom"])
async def test_first_page_with_all_it_needs_is_light(hub: Running, node: FakeNode, path: str) -> None:
    await node.furnish()
    whole, text = await travelled(hub, path)
    needed = set(re.findall(r'(?:src|href)="(/static/[^"#]+)', text))
    assert any("console.css" in each for each in needed) and any("htmx" in each for each in needed)
    for each in needed:
        size, _ = await travelled(hub, each.replace("&amp;", "&"))
        whole += size
        stamped = await hub.http.get(each)
        assert "immutable" in stamped.headers["cache-control"], each
    assert whole < LIMIT


async def test_only_text_is_packed_and_streams_are_not(hub: Running, node: FakeNode) -> None:
    async with hub.http.stream("GET", "/home/live", headers={"Accept-Encoding": "gzip"}) as stream:
        assert "content-encoding" not in stream.headers
    plain = await hub.http.get("/static/console.css", headers={"Accept-Encoding": "identity"})
    packed = await hub.http.get("/static/console.css")
    assert plain.text == packed.text
    assert packed.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["vary"]
    assert plain.headers["cache-control"] == "no-cache"


async def test_a_horn_that_was_not_heard_stays_silent_until_it_is_and_is_named_once(
    broker: Mosquitto, tmp_path: Path
) -> None:
    """Also after the node and the hub began anew, and know nothing of it but what the log of airings holds."""
    config = config_for(tmp_path, broker.port)
    meant, unheard = round(now().timestamp() * 1e6), Fault.of("speaker.not_heard")
    told = {
        "id": "b-1",
        "speaker": "loa",
        "title": "Họp",
        "class": "ordinary",
        "authority": "commune",
        "state": "aired",
    }
    aired = event(1, "aired", "bulletin/b-1", **told, planned_us=meant, started_us=meant, seconds=5, heard=False)

    async def home(hub: Running) -> str:
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", (await hub.http.get("/")).text)).split())

    def said(hub: Running) -> Any:
        return hub.hub.registry.nodes["29401/tram-bom"].states["speaker", "loa"]

    def silent(hub: Running) -> bool:
        return "29401/tram-bom" in hub.hub.registry.standings.marked[Mark.SILENT]

    async with serving(config) as hub:
        verifier = Verifier({hub.hub.signer.key_id: hub.hub.signer.public})
        async with FakeNode(broker.port, verifier, hub_url=hub.url) as node:
            await node.state(SpeakerState(id="loa", at=now(), actual="idle", heard=False, fault=unheard))
            await node.send(aired)
            await until(lambda: silent(hub) and "29401/tram-bom" in hub.hub.ledger.accounts)
            text = await home(hub)
            assert "Mọi thứ đều tốt" not in text
            assert text.count("Micrô không nghe thấy") == 1
            assert 'class="node-row online troubled"' in (await hub.http.get("/")).text  # not as one that is well
            await node.state(SpeakerState(id="loa", at=now(), actual="idle"))
            await until(lambda: said(hub).fault is None)
            assert silent(hub)
    broker.stop()
    broker.start()
    async with serving(config) as hub, FakeNode(broker.port, verifier, hub_url=hub.url, session="s-2") as node:
        await node.state(SpeakerState(id="loa", at=now(), actual="idle"))
        await until(lambda: silent(hub))
        assert "Cụm im lặng Trạm bơm Đông" in await home(hub)
        await node.state(SpeakerState(id="loa", at=now(), actual="idle", heard=True))
        await until(lambda: not silent(hub))


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_finds_its_first_page_and_only_ways_it_may_go(
    hub: Running, node: FakeNode, role: Role
) -> None:
    place: Any = EVERYWHERE if role in (Role.ADMINISTRATOR, Role.IOC) else Place("29401", "thon-dong")
    cookie = {"Cookie": f"{COOKIE}={await signed_in(hub.hub, f'who-{role}', Grant(role, place))}"}
    text = (await hub.http.get("/", headers=cookie)).text
    assert f"who-{role}" in text
    ways = set(re.findall(r'<nav class="side".*?</nav>', text, re.S)[0].split('href="')[1:])
    paths = {way.partition('"')[0] for way in ways}
    assert "/nodes" in paths
    for path in paths:
        answer = await hub.http.get(path, headers=cookie, follow_redirects=True)
        assert answer.status_code == 200, f"{role} {path}"
