"""The frame of the pages: how heavy they are, what browsers keep, what waits on the first one."""

import gzip
import re
from typing import Any

import pytest
from hub_rig import FakeNode, Running, signed_in

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
