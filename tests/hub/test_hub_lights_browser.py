"""A village's lights on a phone: one tap, the answer as the node gives it, and undo; two people at one lamp."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hub_rig import FakeNode, Running, signed_in
from playwright.async_api import Browser, Page, async_playwright, expect

from hub.people.rights import Grant, Place, Role
from hub.people.sessions import COOKIE

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
EAST = "/lights/29401/thon-dong"
LAMP = "#n_29401_tram-bom_light_cong-thon"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        await chromium.close()


async def opened(browser: Browser, hub: Running, secret: str) -> Page:
    context = await browser.new_context(viewport={"width": 360, "height": 640}, has_touch=True, locale="vi-VN")
    await context.add_cookies([{"name": COOKIE, "value": secret, "url": hub.url}])
    page = await context.new_page()
    await page.goto(hub.url + "/lights")
    await expect(page).to_have_url(hub.url + EAST)
    return page


async def test_a_village_goes_dark_for_ten_minutes_and_back(hub: Running, node: FakeNode, browser: Browser) -> None:
    await node.furnish(rows=3)
    page = await opened(browser, hub, hub.secret)
    await expect(page.locator("#lights-head")).to_contain_text("4/6 đèn đang sáng")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await page.tap("#c_29401_thon-dong_off_10")
    await expect(page.locator("#lights-head")).to_contain_text("0/6 đèn đang sáng")
    await expect(page.locator("#lights-panel")).to_contain_text("1/1 đã trả lời")
    undo = page.locator(".toast button", has_text="Hoàn tác")
    box = await undo.bounding_box()
    assert box is not None and box["height"] >= 48
    await undo.tap()
    await expect(page.locator(".toast.good").first).to_contain_text("Đã trả lại như trước")
    assert [c.do for c in node.commands] == ["switch.override", "switch.release", "switch.override"]


async def test_both_see_who_was_last_without_loading_anew(hub: Running, node: FakeNode, browser: Browser) -> None:
    secret = await signed_in(hub.hub, "truong-thon", Grant(Role.AREA_HEAD, Place("29401", "thon-dong")))
    staff, head = await opened(browser, hub, hub.secret), await opened(browser, hub, secret)
    await staff.tap(LAMP)
    for page in (staff, head):
        await expect(page.locator(LAMP)).to_contain_text("Bật tay bởi quan-tri")
    await head.tap(LAMP)
    for page in (staff, head):
        await expect(page.locator(LAMP)).to_contain_text("Tắt tay bởi truong-thon")
