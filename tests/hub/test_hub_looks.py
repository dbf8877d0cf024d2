"""Every page, on a phone and on a wide screen: nothing too small, too pale, sticking out, foreign or broken."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hub_rig import FakeNode, Running, event, sample, until
from looks_rig import look, pages, shots_folder
from playwright.async_api import Browser, async_playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        await chromium.close()


@pytest.fixture
async def village(hub: Running, node: FakeNode) -> FakeNode:
    """A node with some of everything, and some of it wrong."""
    await node.furnish(rows=2)
    await node.send(
        event(1, "started", version="0.1.0"),
        event(2, "fault", "light/san-nha", code="light.switching_error", id="san-nha", wanted=100, actual=0),
        sample(3, cpu=12.5, memory=40, temperature=51.2, disk=33, outbox_waiting=0),
        sample(4, cpu=22.5, memory=42, temperature=55.2, disk=33, outbox_waiting=3),
    )
    await until(lambda: getattr(hub.hub.ledger.accounts.get("29401/tram-bom"), "sample", None))
    return node


@pytest.mark.parametrize(("width", "height"), [(360, 640), pytest.param(1280, 900, marks=pytest.mark.long)])
async def test_every_page_can_be_read_touched_and_heard(
    hub: Running, village: FakeNode, browser: Browser, tmp_path: Path, width: int, height: int
) -> None:
    wrong: dict[str, list[str]] = {}
    found = await pages(hub)
    assert {"/", "/nodes", "/nodes/29401/tram-bom", "/calendar", "/aired"} <= set(found)
    context = await browser.new_context(
        viewport={"width": width, "height": height}, locale="vi-VN", has_touch=width < 600
    )
    await context.add_cookies([hub.cookie])
    for path in found:
        page = await context.new_page()
        await page.set_viewport_size({"width": width, "height": height})
        if problems := await look(page, hub.url, path, shots_folder(tmp_path)):
            wrong[path] = problems
        await page.close()
    await context.close()
    assert not wrong, "\n".join(f"{path}: {each}" for path, problems in wrong.items() for each in problems)
