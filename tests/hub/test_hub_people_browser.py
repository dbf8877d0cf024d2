"""Signing in, being invited and one's own account on an old phone: 360 pixels, and without JavaScript."""

import re
from collections.abc import AsyncIterator

import pyotp
import pytest
from hub_rig import Mosquitto, Running
from people_rig import Village, village
from playwright.async_api import Browser, Page, async_playwright, expect

from hub.people.passwords import Passwords
from hub.people.rights import Grant, Place, Role

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
PHONE = {"width": 360, "height": 640}
PASSWORD = "lúa chín vàng đồng"
SMALL = """() => [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary')]
  .filter(e => e.offsetParent && !e.matches('.skip') && e.getBoundingClientRect().height < 47.5)
  .map(e => `${e.tagName} ${e.textContent.trim() || e.name} ${e.getBoundingClientRect().height}`)"""
THIN = """() => [...document.querySelectorAll('body *')]
  .filter(e => e.offsetParent && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())
    && parseFloat(getComputedStyle(e).fontSize) < 17.9)
  .map(e => `${e.tagName} ${e.textContent.trim().slice(0, 40)} ${getComputedStyle(e).fontSize}`)"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield chromium
        await chromium.close()


@pytest.fixture
async def place(hub: Running, broker: Mosquitto) -> AsyncIterator[Village]:
    async with village(hub, broker) as made:
        yield made


async def phone(browser: Browser, *, scripts: bool = True) -> Page:
    context = await browser.new_context(
        viewport=PHONE,  # type: ignore[arg-type]
        locale="vi-VN",
        has_touch=True,
        java_script_enabled=scripts,
    )
    return await context.new_page()


async def fits(page: Page) -> None:
    """Nothing is too small for a thumb or for old eyes, and nothing lies beyond the edge."""
    assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), page.url
    assert await page.evaluate(SMALL) == [], page.url
    assert await page.evaluate(THIN) == [], page.url


async def test_a_head_of_an_area_is_invited_by_a_card(place: Village, browser: Browser) -> None:
    admin = await phone(browser)
    await admin.context.add_cookies([place.hub.cookie])
    await admin.goto(f"{place.hub.url}/people")
    await admin.get_by_role("link", name="Mời người mới").click()
    await fits(admin)
    await admin.get_by_label("Họ và tên").fill("Lê Văn Đông")
    await admin.get_by_label("Vai trò", exact=True).select_option("area_head")
    await admin.get_by_label("Ở đâu", exact=True).select_option("29401//thon-dong")
    await admin.get_by_role("button", name="Tạo thẻ mời").tap()
    await expect(admin.locator(".qr svg")).to_be_visible()
    await fits(admin)
    link = (await admin.locator(".invitation .secret").inner_text()).strip()

    guest = await phone(browser, scripts=False)
    await guest.goto(link)
    await expect(guest.get_by_text("Trưởng thôn, khu dân cư")).to_be_visible()
    await guest.get_by_label("Số điện thoại").fill("0912 345 678")
    await guest.get_by_label("Mật khẩu mới").fill(PASSWORD)
    await guest.get_by_role("button", name="Nhận lời mời").tap()
    await expect(guest.locator("header .who")).to_contain_text("Lê Văn Đông")
    await guest.goto(f"{place.hub.url}/people")
    await expect(guest.get_by_text("không được làm việc này")).to_be_visible()
    await guest.goto(link)
    await expect(guest.get_by_text("không còn dùng được")).to_be_visible()


async def test_staff_come_in_with_a_phones_code_and_go_again(hub: Running, browser: Browser) -> None:
    kept = await Passwords().make(PASSWORD)
    await hub.hub.accounts.add("0912345678", "Nguyễn Thị Lan", [Grant(Role.STAFF, Place("29401"))], password=kept)
    page = await phone(browser)
    await page.goto(f"{hub.url}/calendar")
    await fits(page)
    await page.get_by_label("Số điện thoại").fill("0912345678")
    await page.get_by_label("Mật khẩu").fill("không phải")
    await page.get_by_role("button", name="Vào").tap()
    await expect(page.get_by_role("alert")).to_contain_text("không đúng")
    await expect(page.get_by_label("Số điện thoại")).to_have_value("0912345678")
    await page.get_by_label("Mật khẩu").fill(PASSWORD)
    await page.get_by_role("button", name="Vào").tap()
    await expect(page).to_have_url(re.compile("/sign-in/enrol"))
    await expect(page.locator(".secret")).to_be_visible()
    await fits(page)
    secret = (await page.locator(".secret").inner_text()).replace(" ", "")
    await page.get_by_label("Mã 6 số").fill(pyotp.TOTP(secret).now())
    await page.get_by_role("button", name="Xong, vào").tap()
    await expect(page.locator(".papers li")).to_have_count(10)
    await fits(page)
    paper = await page.locator(".papers li").first.inner_text()
    await page.get_by_role("link", name="Tôi đã cất các mã").tap()
    await expect(page).to_have_url(f"{hub.url}/calendar")
    await page.goto(f"{hub.url}/me")
    await fits(page)
    await page.locator("main").get_by_role("button", name="Thoát khỏi máy này").tap()
    await expect(page.get_by_text("Ông bà đã thoát")).to_be_visible()
    await page.get_by_label("Số điện thoại").fill("0912345678")
    await page.get_by_label("Mật khẩu").fill(PASSWORD)
    await page.get_by_role("button", name="Vào").tap()
    await expect(page.get_by_label("Mã 6 số")).to_be_visible()
    await fits(page)
    await page.get_by_label("Mã 6 số").fill(paper)
    await page.get_by_role("button", name="Vào").tap()
    await expect(page.locator("header .who")).to_contain_text("Nguyễn Thị Lan")


async def test_a_page_that_is_open_goes_to_the_sign_in_when_its_session_is_taken(
    place: Village, browser: Browser
) -> None:
    head = await place.be(Role.AREA_HEAD, "29401//thon-dong")
    page = await phone(browser)
    await page.context.add_cookies([{**place.hub.cookie, "value": head.secret}])
    await page.goto(f"{place.hub.url}/people")
    await page.goto(f"{place.hub.url}/nodes/29401/tram-bom")
    lamp = page.locator("button.lamp").first
    await expect(lamp).to_be_visible()
    await place.hub.hub.accounts.renew(head.id, disabled=True)
    await lamp.tap()
    await expect(page).to_have_url(re.compile("/sign-in"))
    assert not place.east.commands, "nothing was switched"
