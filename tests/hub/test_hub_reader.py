"""What somebody hears who does not see the console, and what works without a script: one hub, one browser."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pyotp
import pytest
from bulletins_rig import EAST, Cluster, Someone, cluster, known, someone, tomorrow
from hub_rig import Mosquitto, Running, config_for, event, sample, serving, until
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from reader_rig import wrong_with

from hub.people.passwords import Passwords
from hub.people.rights import Grant, Place, Role

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
PASSWORD = "lúa chín vàng đồng"
MOST = ("/", "/nodes", "/nodes/29401/cum-dong", "/map", "/lights", "/me")
PAGES: dict[Role, tuple[str, ...]] = {
    Role.ADMINISTRATOR: (
        *MOST,
        "/people",
        "/people/invite",
        "/audit",
        "/notify",
        "/aired",
        "/reports",
        "/air/prepared",
    ),
    Role.STAFF: (*MOST, "/write", "/bulletins", "/calendar", "/air", "/air/speak", "/air/mic", "/alerts", "/cameras"),
    Role.APPROVER: ("/", "/approve", "/calendar", "/air", "/air/emergency", "/bulletins/week", "/alerts"),
    Role.AREA_HEAD: ("/", "/air/speak", "/air/mic", "/lights", "/nodes/29401/cum-dong"),
}
OPEN = ("/sign-in", "/xa", "/xa/report", "/xa/cameras")


@pytest.fixture
async def hub(broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Running]:
    async with serving(config_for(tmp_path, broker.port, residents={"public": True})) as running:
        yield running


@pytest.fixture
async def pole(hub: Running, broker: Mosquitto) -> AsyncIterator[Cluster]:
    """A cluster with some of everything."""
    made = cluster(hub, broker.port, "cum-dong", "Cụm Đông", "Thôn Đông", (20.50, 105.90))
    async with made:
        await known(hub, made)
        await made.furnish(rows=1)
        fault = {"code": "light.switching_error", "id": "san-nha", "wanted": 100, "actual": 0}
        await made.send(event(1), event(2, "fault", "light/san-nha", **fault), sample(3, cpu=12, memory=40, disk=33))
        await until(lambda: getattr(hub.hub.ledger.accounts.get("29401/cum-dong"), "sample", None))
        yield made


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield chromium
        await chromium.close()


async def test_every_page_has_places_headings_and_names_for_who_listens(
    hub: Running, pole: Cluster, browser: Browser
) -> None:
    wrong: dict[str, list[str]] = {}
    for role, some in PAGES.items():
        paths = some
        place = {Role.ADMINISTRATOR: "", Role.AREA_HEAD: EAST}.get(role, "29401")
        async with someone(hub, f"{role}", role, place) as who:
            if role is Role.STAFF:
                draft = await who.draft()
                paths += (await _draft(who), f"/bulletins/{draft.id}", f"/bulletins/{draft.id}/plan")
            context = await _context(browser)
            await context.add_cookies([who.cookie])
            page = await context.new_page()
            for path in paths:
                if problems := await _problems(page, hub.url + path):
                    wrong[f"{role} {path}"] = problems
            await context.close()
    context = await _context(browser)
    page = await context.new_page()
    for path in OPEN:
        if problems := await _problems(page, hub.url + path):
            wrong[f"nobody {path}"] = problems
    await context.close()
    assert not wrong, "\n".join(f"{path}: {each}" for path, problems in wrong.items() for each in problems)


async def _problems(page: Page, address: str) -> list[str]:
    answer = await page.goto(address)
    if answer is None or answer.status != 200:
        return [f"answered {answer and answer.status}"]
    return await wrong_with(page)


async def _context(browser: Browser, *, scripts: bool = True) -> BrowserContext:
    return await browser.new_context(
        viewport={"width": 360, "height": 640}, locale="vi-VN", has_touch=True, java_script_enabled=scripts
    )


async def _draft(who: Someone) -> str:
    return str((await who.http.post("/write")).url.path)


async def test_a_day_without_a_script(hub: Running, pole: Cluster, browser: Browser) -> None:
    """Sign in, write and hand in, approve, switch, speak, report: whatever is refused is where one goes on."""
    kept = await Passwords().make(PASSWORD)
    await hub.hub.accounts.add("0912345678", "Nguyễn Thị Lan", [Grant(Role.STAFF, Place("29401"))], password=kept)
    page = await (await _context(browser, scripts=False)).new_page()
    await _sign_in(page, hub)
    await _write_and_hand_in(page, hub)
    [waiting] = hub.hub.bulletins.desk.open
    await until(lambda: not hub.hub.bulletins.desk.open[waiting].content.unrendered, 40)
    async with someone(hub, "minh", Role.APPROVER) as approver:
        other = await (await _context(browser, scripts=False)).new_page()
        await other.context.add_cookies([approver.cookie])
        await other.goto(f"{hub.url}/approve")
        await other.get_by_role("button", name="Đã nghe, duyệt phát").tap()
        await _told(other, "Đã duyệt")
        await other.context.close()
    await until(lambda: pole.plans)
    await _switch_and_speak(page, hub, pole)
    await page.context.close()
    await _report(browser, hub)


async def _told(page: Page, words: str) -> None:
    """What came of it stands on the page, is found by its place, and is where the keyboard goes on."""
    note = page.locator("#toasts .toast, .said[role=status]").first
    await expect(note).to_contain_text(words)
    await expect(note).to_be_focused()
    assert await wrong_with(page) == [], page.url


async def _refused(page: Page, words: str) -> None:
    note = page.get_by_role("main").locator("#wrong")
    await expect(note).to_contain_text(words)
    await expect(note).to_be_focused()
    assert await wrong_with(page) == [], page.url


async def _sign_in(page: Page, hub: Running) -> None:
    await page.goto(f"{hub.url}/write")
    await page.get_by_label("Số điện thoại").fill("0912345678")
    await page.get_by_label("Mật khẩu").fill("không phải")
    await page.get_by_role("button", name="Vào").tap()
    await _refused(page, "không đúng")
    await expect(page.get_by_label("Mật khẩu")).to_have_accessible_description(re.compile("không đúng"))
    await page.get_by_label("Mật khẩu").fill(PASSWORD)
    await page.get_by_role("button", name="Vào").tap()
    secret = (await page.locator(".secret").inner_text()).replace(" ", "")
    await page.get_by_label("Mã 6 số").fill("000000")
    await page.get_by_role("button", name="Xong, vào").tap()
    await _refused(page, "không đúng")
    await page.get_by_label("Mã 6 số").fill(pyotp.TOTP(secret).now())
    await page.get_by_role("button", name="Xong, vào").tap()
    await page.get_by_role("link", name="Tôi đã cất các mã").tap()


async def _write_and_hand_in(page: Page, hub: Running) -> None:
    await page.get_by_role("button", name="Soạn tin mới").tap()
    await page.get_by_label("Tên bản tin").fill("Họp thôn")
    await page.get_by_role("button", name="Chọn giờ và nơi phát").tap()  # without a word to say
    await expect(page.locator("#write_said")).to_be_focused()
    await expect(page.locator("#write_said")).to_contain_text("Chưa chuyển đi được")
    await page.get_by_label("Nội dung để đọc").fill("Mời bà con BQZ đi họp.")
    await page.get_by_role("button", name="Chọn giờ và nơi phát").tap()  # with a word that nobody can read
    wrong = page.get_by_role("group", name=re.compile("Lời đọc")).first
    await expect(wrong).to_be_focused()
    await expect(wrong).to_have_accessible_description(re.compile(r"\w"))
    assert await wrong_with(page) == []
    await page.get_by_label("Nội dung để đọc").fill("Mời bà con đi họp.")
    await page.get_by_role("button", name="Chọn giờ và nơi phát").tap()
    await page.wait_for_url("**/plan")
    await page.get_by_role("button", name="Gửi duyệt").tap()  # without a place
    await _refused(page, "")
    await page.fill("input[name=time]", "17:00")
    await page.fill("input[name=date]", f"{tomorrow(17):%Y-%m-%d}")
    await page.get_by_role("checkbox", name="Thôn Đông", exact=True).tap()
    await page.get_by_role("button", name="Gửi duyệt").tap()
    await _told(page, "Đã gửi duyệt")


async def _switch_and_speak(page: Page, hub: Running, pole: Cluster) -> None:
    await page.goto(f"{hub.url}/nodes/29401/cum-dong")
    await page.locator("button.lamp").first.tap()
    await _told(page, "")
    await until(lambda: [asked for asked in pole.commands if asked.do == "switch.override"])
    await page.goto(f"{hub.url}/air/speak")
    await page.get_by_label("Nội dung").first.fill("Mời bà con đi họp lúc 7h30.")
    await page.get_by_role("checkbox", name="Thôn Đông").check()
    await page.get_by_role("button", name="Đọc ngay").tap()
    await until(lambda: [asked for asked in pole.commands if asked.do == "speak"])
    assert await wrong_with(page) == [], page.url


async def _report(browser: Browser, hub: Running) -> None:
    page = await (await _context(browser, scripts=False)).new_page()
    await page.goto(f"{hub.url}/xa/report")
    await page.get_by_label("Đèn hỏng").check()
    await page.get_by_label("Viết vài lời").fill("Đèn trước cổng chùa tắt từ hôm qua")
    await page.get_by_label("Số điện thoại").fill("abc")
    await page.get_by_role("button", name="Gửi phản ánh").tap()
    await _refused(page, "điện thoại")
    await page.get_by_label("Số điện thoại").fill("0912 345 678")
    await page.get_by_role("button", name="Gửi phản ánh").tap()
    await expect(page.locator(".number strong")).to_be_visible()
    assert await wrong_with(page) == [], page.url
    await page.context.close()


async def test_what_happens_is_told_to_who_does_not_see_it(hub: Running, pole: Cluster, browser: Browser) -> None:
    """With scripts: the skip link, what a tap came to, and that the hub is away."""
    async with someone(hub, "lan", Role.STAFF) as staff:
        context = await _context(browser)
        await context.add_cookies([staff.cookie])
        page = await context.new_page()
        await page.goto(f"{hub.url}/nodes/29401/cum-dong")
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("main")).to_be_focused()
        box = page.locator("#toasts")
        await expect(box).to_have_role("status")  # there before anything is told in it
        await page.locator("button.lamp").first.tap()
        await expect(box.locator(".toast p")).to_be_visible()
        told = page.get_by_role("status").filter(has=page.locator("#stale"))
        await expect(told).to_have_text("", use_inner_text=True)
        await context.set_offline(True)
        await page.evaluate("dispatchEvent.call(document, new CustomEvent('htmx:sseError'))")
        await expect(told).to_contain_text("mất kết nối")
        await context.close()
