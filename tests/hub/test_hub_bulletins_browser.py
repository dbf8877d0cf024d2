"""Bulletins in a real browser: tapped on a phone, dragged on a wide screen, live, and without scripts."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from bulletins_rig import COMMUNE, EAST, ZONE, Cluster, Someone, cluster, known, someone, tomorrow
from hub_rig import Mosquitto, Running, now, until
from playwright.async_api import Browser, Page, async_playwright, expect

from edge_agent.contract.reports import BulletinState
from hub.bulletins.model import State
from hub.people.rights import Role

PHONE = {"width": 360, "height": 640}
WIDE = {"width": 1280, "height": 900}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=arguments)
        yield browser
        await browser.close()


@pytest.fixture
async def staff(hub: Running) -> AsyncIterator[Someone]:
    async with someone(hub, "lan", Role.STAFF) as who:
        yield who


@pytest.fixture
async def approver(hub: Running) -> AsyncIterator[Someone]:
    async with someone(hub, "minh", Role.APPROVER) as who:
        yield who


@pytest.fixture
async def clusters(hub: Running, broker: Mosquitto) -> AsyncIterator[tuple[Cluster, Cluster]]:
    east = cluster(hub, broker.port, "cum-dong", "Cụm Đông", "Thôn Đông", (20.50, 105.90))
    west = cluster(hub, broker.port, "cum-tay", "Cụm Tây", "Thôn Tây", (20.51, 105.88))
    async with east, west:
        await known(hub, east, west)
        yield east, west


async def opened(browser: Browser, who: Someone, path: str, size: dict[str, int], *, scripts: bool = True) -> Page:
    context = await browser.new_context(
        viewport=size,  # type: ignore[arg-type]
        has_touch=size is PHONE,
        locale="vi-VN",
        java_script_enabled=scripts,
    )
    await context.add_cookies([who.cookie])
    page = await context.new_page()
    await page.goto(f"{who.hub.url}{path}")
    return page


async def test_planned_by_taps_on_a_phone_and_read_back(
    browser: Browser, staff: Someone, clusters: tuple[Cluster, Cluster]
) -> None:
    draft = await staff.draft()
    page = await opened(browser, staff, f"/bulletins/{draft.id}/plan", PHONE)
    await page.get_by_role("radio", name="Theo thứ").tap()
    await expect(page.locator("#plan_said")).to_contain_text("ít nhất một thứ")
    soonest = page.get_by_role("button", name="Sớm nhất")
    await expect(soonest).to_be_hidden()
    await page.get_by_role("button", name="Gửi duyệt").tap()
    await expect(page.locator("#wrong")).to_contain_text("ít nhất một thứ")
    await page.get_by_role("radio", name="Một lần").tap()
    await expect(soonest).to_be_visible()  # also on a page that was drawn of a series
    await page.get_by_role("radio", name="Theo thứ").tap()
    await page.get_by_role("checkbox", name="Thứ Hai").tap()
    await page.get_by_role("checkbox", name="Thứ Tư").tap()
    await page.get_by_role("button", name="17:00").tap()
    await expect(page.locator(".sentence")).to_have_text("17:00 mỗi thứ Hai và thứ Tư")
    await expect(page.locator("#plan_said ol.ten li")).to_have_count(10)
    await page.locator("svg.schematic [data-node='29401/cum-dong'] circle").tap()
    await expect(page.locator("#plan_said")).to_contain_text("Phát ở 1 cụm loa")
    await page.locator("#plan_said ol.ten li").nth(1).get_by_role("button").tap()
    await expect(page.locator(".sentence")).to_have_text("17:00 mỗi thứ Hai và thứ Tư, trừ 1 lần")
    await page.get_by_role("button", name="Gửi duyệt").tap()
    await expect(page.locator(".toast.good")).to_contain_text("Đã gửi duyệt “Họp thôn”")
    planned = staff.now(draft)
    assert planned.targets.places == (f"{COMMUNE}/cum-dong",)
    assert planned.schedule is not None and planned.schedule.recurrence is not None
    assert planned.schedule.recurrence.rule == "FREQ=WEEKLY;BYDAY=MO,WE"
    assert len(planned.schedule.recurrence.except_) == 1


async def test_an_earlier_answer_does_not_undo_the_soonest_instant(
    browser: Browser, staff: Someone, clusters: tuple[Cluster, Cluster]
) -> None:
    draft = await staff.draft()
    page = await opened(browser, staff, f"/bulletins/{draft.id}/plan", PHONE)
    later = f"{tomorrow(17) + timedelta(days=2):%Y-%m-%d}"
    await page.locator("#date").fill(later)
    await page.locator("#date").dispatch_event("change")
    await expect(page.locator(".sentence")).to_contain_text(f"{later[8:]}/{later[5:7]}/{later[:4]}")
    chip = page.get_by_role("button", name="Sớm nhất")
    wanted = await chip.get_attribute("data-date")
    assert wanted is not None and wanted != later
    await chip.evaluate("""(chip) => {
      chip.focus(); chip.click();  // and before that is asked, something else on the page settles
      document.body.dispatchEvent(new CustomEvent("htmx:afterSettle", { bubbles: true }));
    }""")
    await expect(page.locator(".sentence")).to_contain_text(f"{wanted[8:]}/{wanted[5:7]}/{wanted[:4]}")
    await expect(page.locator("#date")).to_have_value(wanted)


async def test_an_hour_that_is_over_is_taken_for_tomorrow_and_the_field_says_so(
    browser: Browser, staff: Someone, clusters: tuple[Cluster, Cluster]
) -> None:
    draft = await staff.draft()
    page = await opened(browser, staff, f"/bulletins/{draft.id}/plan", PHONE)
    today = now().astimezone(ZONE)
    await page.locator("#date").fill(f"{today:%Y-%m-%d}")
    await page.locator("input[name=time]").fill("00:00")
    await page.locator("input[name=time]").dispatch_event("change")
    await expect(page.locator("#date")).to_have_value(f"{today + timedelta(days=1):%Y-%m-%d}")
    await expect(page.locator("#plan_said .note")).to_be_visible()
    await expect(page.get_by_role("button", name="Sớm nhất")).to_be_visible()


async def test_approved_on_a_phone_and_followed_live(
    browser: Browser, staff: Someone, approver: Someone, clusters: tuple[Cluster, Cluster]
) -> None:
    page = await opened(browser, approver, "/approve", PHONE)
    await expect(page.get_by_text("Không có bản tin nào chờ duyệt")).to_be_visible()
    draft = await staff.draft()
    await staff.planned(draft, tomorrow(17), EAST)
    sign = page.get_by_role("button", name="Đã nghe, duyệt phát")  # the list comes anew by itself
    await expect(sign).to_be_visible(timeout=40_000)
    story = await opened(browser, staff, f"/bulletins/{draft.id}", PHONE)
    await expect(story.locator("#bulletin_head")).to_contain_text("Chờ duyệt")
    sound = page.locator("audio[data-next]")
    await sound.evaluate("(audio) => { audio.muted = true; return audio.play(); }")
    await expect(sound).to_have_js_property("ended", True, timeout=20_000)
    await sign.tap()
    await expect(page.locator(".toast.good")).to_contain_text("Đã duyệt")
    await expect(story.locator("#bulletin_head")).to_contain_text("Sẵn sàng ở 1/1 cụm loa", timeout=15_000)
    await clusters[0].state(
        BulletinState(id=draft.id, at=now(), actual="aired", title="Họp thôn", heard=False, last=now())
    )
    await expect(story.locator("#bulletin_places")).to_contain_text("micrô không nghe thấy", timeout=15_000)


async def test_word_that_is_being_typed_is_not_lost_when_the_list_changes(
    browser: Browser, staff: Someone, approver: Someone, clusters: tuple[Cluster, Cluster]
) -> None:
    draft = await staff.draft()
    await staff.planned(draft, tomorrow(17), EAST)
    await staff.sounds(draft)
    page = await opened(browser, approver, "/approve", PHONE)
    await page.locator("summary", has_text="Trả lại kèm lời nhắn").tap()
    await page.locator("textarea").fill("Xem lại giờ")
    other = await staff.draft(title="Tin khác")
    await staff.planned(other, tomorrow(18), EAST)
    await expect(page.locator("#approve-fresh")).to_be_visible(timeout=15_000)
    await expect(page.locator("textarea")).to_have_value("Xem lại giờ")
    await page.get_by_role("button", name="Trả lại", exact=True).tap()
    await until(lambda: staff.now(draft).state is State.RETURNED)


async def test_dragged_on_the_week_it_asks_whether_once_or_always(
    browser: Browser, staff: Someone, clusters: tuple[Cluster, Cluster]
) -> None:
    draft = await staff.draft()
    at = tomorrow(17)
    await staff.planned(draft, at, EAST, do="save", kind="daily")
    monday = at.astimezone(ZONE).date()
    page = await opened(browser, staff, f"/bulletins/week?from={monday}", WIDE)
    day = monday.isoformat()
    slot = page.locator(f"td[data-day='{day}'] .slot")
    await slot.drag_to(page.locator(f"td[data-day='{day}'][data-hour='9']"))
    await expect(page.locator("#time")).to_have_value("09:00")
    await expect(page.get_by_role("button", name="Dời tất cả các lần")).to_be_visible()
    await page.get_by_role("button", name="Chỉ dời lần này").click()
    await expect(page.locator(f"td[data-day='{day}'][data-hour='9'] .slot")).to_contain_text("Họp thôn")
    schedule = staff.now(draft).schedule
    assert schedule is not None and schedule.recurrence is not None
    [change] = schedule.recurrence.changes
    assert (change.planned, change.at) == (at, at - timedelta(hours=8))
    # the same by the keyboard alone
    await page.locator(f"td[data-day='{day}'] .slot").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Chỉ dời lần này")).to_be_visible()


async def test_whole_way_without_scripts(
    browser: Browser, staff: Someone, approver: Someone, clusters: tuple[Cluster, Cluster]
) -> None:
    draft = await staff.draft()
    page = await opened(browser, staff, f"/bulletins/{draft.id}/plan", PHONE, scripts=False)
    await page.get_by_role("radio", name="Ngày âm lịch").click()
    await page.get_by_role("checkbox", name="mùng 1", exact=True).click()
    await page.get_by_role("checkbox", name="rằm", exact=True).click()
    await page.fill("input[name=time]", "06:00")
    await page.get_by_role("checkbox", name="Cả xã", exact=True).click()
    await page.locator("button[value=show]").last.click()
    await expect(page.locator(".sentence")).to_have_text("06:00 mùng 1 và rằm âm lịch hằng tháng")
    await page.get_by_role("button", name="Gửi duyệt").click()
    await expect(page.locator(".toast.good")).to_contain_text("Đã gửi duyệt")
    await staff.sounds(draft)
    page = await opened(browser, approver, "/approve", PHONE, scripts=False)
    await page.get_by_role("button", name="Đã nghe, duyệt phát").click()
    await until(lambda: clusters[1].plans)
    assert clusters[1].plans[0].recurrence.lunar.days == (1, 15)


@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "wide"])
async def test_targets_are_large_and_nothing_runs_over_the_side(
    browser: Browser, staff: Someone, approver: Someone, clusters: tuple[Cluster, Cluster], size: dict[str, int]
) -> None:
    draft = await staff.draft(title="Thông báo cắt điện để sửa chữa đường dây trung thế và trạm biến áp")
    await staff.planned(draft, tomorrow(17), EAST)
    await staff.sounds(draft)
    for who, path in (
        (staff, "/bulletins"),
        (staff, "/bulletins?show=trouble"),
        (staff, f"/bulletins/{draft.id}"),
        (staff, f"/bulletins/{draft.id}/plan"),
        (staff, "/bulletins/week"),
        (approver, "/approve"),
    ):
        page = await opened(browser, who, path, size)
        small = await page.evaluate(SMALL)
        assert small == [], path
        assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
        assert await page.locator("h2").count() >= 1
        await page.context.close()


SMALL = """() => ["a", "button", "input", "select", "textarea", "summary"]
  .flatMap((name) => [...document.querySelectorAll(`main ${name}`)])
  .filter((e) => e.checkVisibility() && e.type !== "hidden" && !e.classList.contains("unseen"))
  .map((e) => ({ e, box: e.getBoundingClientRect() }))
  .filter(({ box }) => box.width > 0 && (box.height < 47.5 || box.width < 47.5))
  .map(({ e, box }) => `${e.tagName} ${e.name ?? ""} ${e.textContent.trim()} ${box.width}x${box.height}`)"""
