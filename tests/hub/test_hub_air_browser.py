"""Broadcasting in a real browser: emergencies, progress, the second tap, lunar days, the calendar and the log."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hub_rig import FakeNode, Running, event, now, until
from playwright.async_api import Browser, Page, async_playwright, expect

from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import BulletinState, SpeakerState

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]
PHONE = {"width": 360, "height": 640}
CARD = "#n_29401_tram-bom"
ADDRESS = "29401/tram-bom"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        await chromium.close()


@pytest.fixture
async def view(browser: Browser, hub: Running) -> AsyncIterator[Page]:
    page = await browser.new_page(viewport=PHONE, locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh")  # type: ignore[arg-type]
    await page.context.add_cookies([hub.cookie])
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if "Content Security Policy" in m.text else None)
    await page.goto(f"{hub.url}/nodes/29401/tram-bom")
    yield page
    await page.close()
    assert problems == []


def playing(class_: str, **more: Any) -> SpeakerState:
    at = now()
    raw = {"id": "loa", "at": at, "actual": "playing", "playing": "b-1", "title": "Mưa lớn", "class": class_}
    return SpeakerState.model_validate({**raw, "since": at - timedelta(seconds=20), **more})


def asked_of(node: FakeNode) -> list[str]:
    """What people asked; the page itself asks for pictures."""
    return [command.do for command in node.commands if command.do != "camera.snapshot"]


async def test_an_emergency_comes_up_red_and_goes_by_one_tap(hub: Running, node: FakeNode, view: Page) -> None:
    async def heard(n: FakeNode, asked: Any) -> None:
        await n.state(SpeakerState(id="loa", at=now(), actual="idle"))
        await n.ack(asked, "done")

    node.replies["emergency.acknowledge"] = heard
    await expect(view.locator("#alarms")).to_be_empty()
    await view.fill(f"{CARD}_say_loa", "Câu đang viết dở")
    await node.state(playing("emergency", emergencies=("b-1",)))
    alarm = view.locator("#alarms .alarm")
    await expect(alarm).to_contain_text("Tin khẩn cấp đang phát")
    await expect(alarm).to_contain_text("Mưa lớn")
    await alarm.get_by_role("button").click()
    await expect(view.locator(".toast.good")).to_contain_text("Đã xác nhận")
    await expect(alarm).to_have_count(0)
    await expect(view.locator(f"{CARD}_say_loa")).to_have_value("Câu đang viết dở")
    assert asked_of(node) == ["emergency.acknowledge"]


async def test_progress_moves_by_itself(hub: Running, node: FakeNode, view: Page) -> None:
    await node.state(playing("ordinary", ends=now() + timedelta(seconds=60)))
    elapsed, bar = view.locator(".progress .elapsed"), view.locator(".progress progress")
    await expect(elapsed).to_contain_text("/ 1:20")
    first = (await elapsed.text_content(), await bar.evaluate("e => e.value"))
    assert 200 <= first[1] <= 600
    end = time.monotonic() + 10
    while await elapsed.text_content() == first[0]:
        assert time.monotonic() < end
        await asyncio.sleep(0.2)
    assert await bar.evaluate("e => e.value") > first[1]
    await node.state(SpeakerState(id="loa", at=now(), actual="idle"))
    await expect(view.locator(".progress")).to_have_count(0)


async def test_an_emergency_needs_a_second_tap(hub: Running, node: FakeNode, view: Page) -> None:
    form = view.locator(f"form:has({CARD}_say_loa)")
    await form.locator("textarea").fill("Nước sông lên báo động ba")
    await form.locator("select[name=class]").select_option("emergency")
    await form.locator("button.main").click()
    await expect(form.locator(".alarm")).to_contain_text("Đây có đúng là tin khẩn cấp?")
    assert asked_of(node) == []
    await form.get_by_role("button", name="Gửi tin khẩn cấp").click()
    await expect(view.locator(".toast.good")).to_contain_text("Nút đã nhận")
    assert [c for c in node.commands if c.do == "speak"][-1].args.class_ == "emergency"  # type: ignore[union-attr]
    await expect(form.locator("textarea")).to_have_value("")
    await expect(form.locator("select[name=class]")).to_have_value("priority")  # the next one is none by itself


async def test_a_person_chooses_between_two_bulletins(hub: Running, node: FakeNode, view: Page) -> None:
    at = now() + timedelta(hours=2)
    for id_, title in (("b-1", "Tiêm phòng"), ("b-2", "Nhắc lễ")):
        await node.state(BulletinState(id=id_, at=now(), actual="ready", title=title, next=at))
    data = {"speaker": "loa", "items": ["b-1", "b-2"], "titles": ["Tiêm phòng", "Nhắc lễ"], "at": at.isoformat()}
    await node.send(event(1, "clash", "speaker/loa", **data))
    clash = view.locator(".clash")
    await clash.get_by_role("button", name="Nhắc lễ").click()
    await expect(view.locator(".toast.good")).to_contain_text("“Nhắc lễ” phát trước")
    await expect(clash).to_have_count(0)


async def fill(hub: Running, node: FakeNode) -> None:
    """Everything that broadcasting can show."""
    fault = Fault.of("speech.no_engine", detail="espeak-ng")
    soon = now() + timedelta(hours=1)
    coming = tuple(soon + timedelta(days=day) for day in range(7))
    await node.state(
        playing(
            "emergency", ends=soon, emergencies=("b-1",), queue=("b-2",), heard=False, amplifier=True, noise_db=-40.0
        )
    )
    base: dict[str, Any] = {"at": now(), "next": soon, "coming": coming}
    for raw in (
        {"id": "b-2", "actual": "ready", "title": "Bản tin sáng thôn Đông, có tên dài hơn thường lệ", **base},
        {
            "id": "b-3",
            "actual": "preparing",
            "title": "Tiêm phòng",
            "class": "priority",
            "prepared": 1,
            "needed": 3,
            **base,
        },
        {"id": "b-4", "actual": "preparing", "title": "Lũ", "class": "emergency", "fault": fault, **base},
        {"id": "b-5", "actual": "partly", "title": "Thuế", "at": now(), "last": now(), "heard": True},
    ):
        await node.state(BulletinState.model_validate(raw))
    names = {"items": ["b-2", "b-3"], "titles": ["Bản tin sáng", "Tiêm phòng"]}
    records = [event(1, "clash", "speaker/loa", speaker="loa", at=soon.isoformat(), **names)]
    common = {
        "id": "b-2",
        "speaker": "loa",
        "title": "Bản tin sáng",
        "authority": "commune",
        "seconds": 65,
        "by": "console",
    }
    started = round((now() - timedelta(minutes=30)).timestamp() * 1e6)
    for seq, (state, class_, heard) in enumerate(
        (("aired", "ordinary", True), ("partly", "priority", False), ("missed", "emergency", None)), 2
    ):
        more = {"state": state, "class": class_, "started_us": started, "start_error_ms": 1234567.0, "heard": heard}
        more |= {"code": "bulletin.missed_clock"} if state == "missed" else {}
        records.append(event(seq, "aired", "speaker/loa", **common, **more))
    await node.send(*records)
    await until(lambda: ADDRESS in hub.hub.ledger.accounts and hub.hub.ledger.accounts[ADDRESS].progress.through == 4)


SMALL = """() => [...document.querySelectorAll('button, summary, input:not([type=hidden]), textarea, select, a')]
    .filter(e => !e.matches('.skip') && e.checkVisibility()).filter(e => { const r = e.getBoundingClientRect();
    return r.width && (r.height < 47.9 || r.width < 47.9); }).map(e => e.outerHTML.slice(0, 120))"""
TINY = """() => [...document.querySelectorAll('body *')].filter(e => e.innerText && parseFloat(
    getComputedStyle(e).fontSize) < 18).map(e => e.outerHTML.slice(0, 80))"""
# WCAG 2.2, contrast (enhanced): relative luminance of text against the nearest painted background.
PALE = """() => {
  const rgb = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = (c) => { const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92
    : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] === 1) return c; } return [255, 255, 255]; };
  return [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && !e.closest('svg, .skip') &&
    [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())).map(e => {
      const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
      return [(a + 0.05) / (b + 0.05), e.outerHTML.slice(0, 100)]; }).filter(([ratio]) => ratio < 7);
}"""


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize(("width", "height"), [(360, 640), (1440, 900)])
async def test_everything_can_be_read_and_touched(
    hub: Running, node: FakeNode, browser: Browser, tmp_path: Path, width: int, height: int, language: str
) -> None:
    await fill(hub, node)
    page = await browser.new_page(viewport={"width": width, "height": height})
    await page.context.add_cookies([hub.cookie])
    await page.goto(f"{hub.url}/nodes/29401/tram-bom?lang={language}")
    await expect(page.locator("#alarms .alarm")).to_be_visible()
    for path in ("/", "/calendar", "/aired"):
        await page.goto(hub.url + path)
        for summary in await page.query_selector_all("main summary"):
            if await summary.is_visible():
                await summary.click()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert await page.evaluate(SMALL) == [], path
        assert await page.evaluate(TINY) == [], path
        assert await page.evaluate(PALE) == [], path
        await page.screenshot(path=tmp_path / f"{path.strip('/') or 'home'}-{language}-{width}.png", full_page=True)
    await page.close()


async def test_days_stand_side_by_side_only_where_there_is_room(hub: Running, node: FakeNode, browser: Browser) -> None:
    await fill(hub, node)
    for width, columns in ((360, 1), (1024, 1), (1600, 7)):
        page = await browser.new_page(viewport={"width": width, "height": 900})
        await page.context.add_cookies([hub.cookie])
        await page.goto(f"{hub.url}/calendar")
        places = await page.evaluate("[...document.querySelectorAll('.day')].map(e => e.getBoundingClientRect().left)")
        assert (len(places), len(set(places))) == (7, columns)
        await page.close()


async def test_calendar_that_stays_open_is_kept_up_to_date(
    hub: Running, node: FakeNode, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await browser.new_page(viewport=PHONE)  # type: ignore[arg-type]
    await page.context.add_cookies([hub.cookie])
    await page.clock.install()
    await page.goto(f"{hub.url}/calendar")
    soon = now() + timedelta(hours=1)
    await node.state(BulletinState(id="b-9", at=now(), actual="ready", title="Tin mới", next=soon, coming=(soon,)))
    await until(lambda: ("bulletin", "b-9") in hub.hub.registry.nodes[ADDRESS].states)
    await expect(page.locator("#agenda")).not_to_contain_text("Tin mới")
    await page.clock.fast_forward(31_000)
    await expect(page.locator("#agenda")).to_contain_text("Tin mới")
    await page.close()


async def test_the_log_is_filtered_and_downloaded_on_a_phone(hub: Running, node: FakeNode, view: Page) -> None:
    await fill(hub, node)
    await view.goto(f"{hub.url}/aired")
    await expect(view.locator(".aired li")).to_have_count(3)
    await view.click("text=Lọc")
    await view.select_option("#show", "missed")
    await view.get_by_role("button", name="Xem").click()
    await expect(view.locator(".aired li")).to_have_count(1)
    await expect(view.locator(".aired li")).to_contain_text("đồng hồ chưa tin được")
    async with view.expect_download() as started:
        await view.get_by_role("link", name="Tải PDF để ký").click()
    month = datetime.now(UTC) + timedelta(hours=7)
    assert (await started.value).suggested_filename == f"aired-{month:%Y-%m}-missed.pdf"
    assert (await (await started.value).path()).read_bytes().startswith(b"%PDF")
