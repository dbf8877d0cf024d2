"""How little a first page weighs, and that no page pretends to be live."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hub_rig import FakeNode, Mosquitto, Running, config_for, free_port, serving, signed_in, until
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from edge_agent.contract.signature import Verifier
from hub.people.rights import Grant, Place, Role
from hub.people.sessions import COOKIE

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
PHONE: Any = {"viewport": {"width": 360, "height": 640}, "locale": "vi-VN", "has_touch": True}
MOST_BYTES = 120_000
NODE = "/nodes/29401/tram-bom"
LIVE = (
    ("/", "/nodes", NODE, "/map"),
    ("/air", "/air/mic", "/lights", "/lights/29401/thon-dong"),
    ("/cameras", f"{NODE}/cameras/cong", "/alerts", "/calendar"),
    ("/bulletins", "/bulletins/week", "/approve", "/reports"),
)
"""Pages that show what is true now, as many in a window as a browser has connections for."""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        await chromium.close()


async def weight(page: Page, address: str) -> dict[str, int]:
    """What came over the wire for a page, in bytes; what the browser had kept weighs nothing."""
    devtools = await page.context.new_cdp_session(page)
    asked: dict[str, str] = {}
    came: dict[str, int] = {}
    devtools.on("Network.requestWillBeSent", lambda e: asked.update({e["requestId"]: e["request"]["url"]}))
    devtools.on("Network.loadingFinished", lambda e: came.update({e["requestId"]: int(e["encodedDataLength"])}))
    await devtools.send("Network.enable")
    await page.goto(address, wait_until="load")
    await page.wait_for_timeout(300)  # what scripts ask for afterwards
    await devtools.detach()
    return {url: came.get(request, 0) for request, url in asked.items()}


async def test_a_first_page_is_light_and_the_second_brings_only_itself(
    hub: Running, node: FakeNode, browser: Browser
) -> None:
    await node.furnish(rows=2)
    heavy: dict[str, int] = {}
    for role in (None, *Role):
        context = await browser.new_context(**PHONE)
        if role is not None:
            place = Place() if role is Role.ADMINISTRATOR else Place("29401")
            secret = await signed_in(hub.hub, f"who-{role.value}", Grant(role, place))
            await context.add_cookies([{"name": COOKIE, "value": secret, "url": hub.url}])
        page = await context.new_page()
        path = "/" if role else "/sign-in"
        first = await weight(page, hub.url + path)
        assert sum(first.values()) > 3000, "it was counted"
        assert [url for url in first if not url.startswith(hub.url)] == []
        if sum(first.values()) > MOST_BYTES:
            heavy[role or "sign-in"] = sum(first.values())
        again = await weight(page, hub.url + path)
        assert [url for url, came in again.items() if "/static/" in url and came] == [], "kept by the browser"
        await context.close()
    assert heavy == {}


async def test_every_page_says_that_the_hub_is_away_since_when_and_comes_back(
    broker: Mosquitto, browser: Browser, tmp_path: Path
) -> None:
    config = config_for(tmp_path, broker.port, listen={"port": free_port()})
    pages: dict[str, Page] = {}
    async with serving(config) as hub:
        signer = hub.hub.signer
        node = FakeNode(broker.port, Verifier({signer.key_id: signer.public}))
        await node.__aenter__()
        await until(lambda: len(getattr(hub.hub.registry.nodes.get("29401/tram-bom"), "states", ())) >= 4)
        for paths in LIVE:
            context = await browser.new_context(**PHONE)
            await context.add_cookies([hub.cookie])
            pages |= {path: await _opened(context, hub.url, path) for path in paths}
        await until(lambda: hub.hub.live.viewers == len(pages), 30)
    for path, page in pages.items():
        stale = page.locator("#stale")
        await expect(stale, path).to_be_visible(timeout=20_000)
        await expect(stale.locator("[data-known]"), path).to_have_text(re.compile(r"Số liệu lúc \d\d:\d\d:\d\d\."))
        await expect(page.locator("#hub-state"), f"{path} does not look connected").to_be_hidden()
    async with serving(config):
        for path, page in pages.items():
            await expect(page.locator("#stale"), path).to_be_hidden(timeout=30_000)
            await expect(page.locator("#hub-state"), path).to_contain_text("Trung tâm liên lạc tốt", timeout=30_000)
    for page in pages.values():
        await page.close()
    await node.lose()


async def _opened(context: BrowserContext, url: str, path: str) -> Page:
    page = await context.new_page()
    answer = await page.goto(url + path)
    assert answer is not None
    assert answer.status == 200, path
    await page.wait_for_function(
        "() => document.querySelector('#live')['htmx-internal-data']?.sseEventSource?.readyState === 1"
    )
    return page
