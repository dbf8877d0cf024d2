"""Looking back in a real browser, on a phone and on a desk: the bar, events, pictures, clips that take their time."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from hub_rig import FakeNode, Running, until
from lookback_rig import BASE, Recording, a_day, day, film, moved, piece
from playwright.async_api import Browser, Page, async_playwright, expect
from test_hub_browser import CHROMIUM, FLAGS, seen

YESTERDAY = f"{day(12):%Y-%m-%d}"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*FLAGS, "--mute-audio"])
        yield chromium
        await chromium.close()


@pytest.fixture
def recording(node: FakeNode, tmp_path: Path) -> Recording:
    made = a_day().on(node)
    made.clip = film(tmp_path / "film.mp4")
    return made


def minutes(clock: str) -> float:
    hours, rest, seconds = clock.split(":")
    return int(hours) * 60 + int(rest) + int(seconds) / 60


async def opened(browser: Browser, hub: Running, width: int = 360, height: int = 640, query: str = "") -> Page:
    page = await browser.new_page(viewport={"width": width, "height": height}, has_touch=True, locale="vi-VN")
    await page.context.add_cookies([hub.cookie])
    page.problems = []  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.problems.append(str(error)))  # type: ignore[attr-defined]
    page.on("console", lambda m: page.problems.append(m.text) if m.type in ("error", "warning") else None)  # type: ignore[attr-defined]
    await page.goto(f"{hub.url}{BASE}/lookback?day={YESTERDAY}{query}")
    return page


async def test_event_is_seen_and_its_clip_comes_piece_by_piece_through_a_reload(
    hub: Running, node: FakeNode, recording: Recording, browser: Browser, tmp_path: Path
) -> None:
    page = await opened(browser, hub)
    await expect(page.locator(".moved > li")).to_have_count(8)
    await page.screenshot(path=tmp_path / "day.png", full_page=True)
    event = page.locator(".moved > li").first
    await event.locator("summary").tap()
    await seen(page, "document.querySelector('.moved details[open] img.picture').naturalWidth === 640")
    await event.get_by_role("button", name="Tải đoạn phim").tap()
    clip = event.locator(".clip")
    await expect(clip).to_contain_text("Đang chờ nút gửi")
    body, half = recording.clip, len(recording.clip) // 2
    assert await piece(node, body, 0, half) < 300
    await expect(clip.locator("progress")).to_have_attribute("value", str(half))
    await expect(clip).to_contain_text("%")
    await page.screenshot(path=tmp_path / "sending.png", full_page=True)

    await page.reload()
    clip = page.locator(".moved .clip")
    await expect(clip.locator("progress")).to_have_attribute("value", str(half))
    assert await piece(node, body, half, len(body)) < 300
    await expect(clip.locator("video")).to_have_count(1)
    await clip.locator("video").evaluate("v => { v.muted = true; return v.play(); }")
    await seen(page, "document.querySelector('.moved .clip video').currentTime > 0.3")
    await clip.locator("video").evaluate("v => { v.currentTime = 2.5; }")
    await seen(page, "document.querySelector('.moved .clip video').currentTime > 2.5")
    await page.screenshot(path=tmp_path / "video.png", full_page=True)
    async with page.expect_download() as download:
        await clip.get_by_role("link", name="Lưu về máy").tap()
    got = await download.value
    assert Path(await got.path()).read_bytes() == body
    assert got.suggested_filename.startswith("cong-2") and got.suggested_filename.endswith(".mp4")
    assert [c.do for c in node.commands].count("camera.clip") == 1
    assert page.problems == []  # type: ignore[attr-defined]


async def test_tap_on_the_bar_chooses_the_time_of_a_picture(
    hub: Running, node: FakeNode, recording: Recording, browser: Browser, tmp_path: Path
) -> None:
    page = await opened(browser, hub)
    box = await page.locator(".bar svg").first.bounding_box()
    assert box
    await page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 40)
    at = await page.input_value("[name=at]")
    assert abs(minutes(at) - 720) <= 10
    await page.locator(".fine svg").evaluate("e => e.scrollIntoView({ block: 'center' })")  # not below the bar of ways
    fine = await page.locator(".fine svg").bounding_box()
    assert fine
    image = cv2.imdecode(np.frombuffer(await page.locator(".fine svg").screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert image[int(fine["height"] * 0.8), int(fine["width"] * 0.2)].tolist() == [0x79, 0x7D, 0x2A]  # recorded
    await page.touchscreen.tap(fine["x"] + fine["width"] * 0.75, fine["y"] + 20)
    later = await page.input_value("[name=at]")
    assert 13 <= minutes(later) - minutes(at) <= 17
    await page.touchscreen.tap(fine["x"] + fine["width"] * 0.5, fine["y"] + 20)
    assert abs(minutes(await page.input_value("[name=at]")) - minutes(at)) <= 1
    await page.get_by_role("button", name="−1′: dời -60 giây").tap()
    moved_to = await page.input_value("[name=at]")
    assert moved_to != at
    await page.get_by_role("button", name="Xem hình lúc này").tap()
    await seen(page, "document.querySelector('.still img')?.naturalWidth === 640")
    await expect(page.locator(".still figcaption")).to_contain_text("Hình đã ghi lúc")
    await page.screenshot(path=tmp_path / "still.png", full_page=True)
    asked = next(c.args for c in reversed(node.commands) if c.do == "camera.snapshot" and c.args.at)
    assert f"{asked.at.astimezone().timestamp() - day(0).timestamp():.0f}" == str(
        int(moved_to[:2]) * 3600 + int(moved_to[3:5]) * 60 + int(moved_to[6:] or 0)
    )
    assert page.problems == []  # type: ignore[attr-defined]


async def test_too_long_a_clip_is_told_before_it_is_asked_for(
    hub: Running, node: FakeNode, recording: Recording, browser: Browser
) -> None:
    page = await opened(browser, hub)
    await page.fill("[name=at]", "08:00:00")
    await page.fill("[name=to]", "09:30:00")
    await page.locator("[name=to]").blur()
    await expect(page.locator(".size")).to_contain_text("dài nhất một giờ")
    await page.fill("[name=to]", "08:30:00")
    await page.locator("[name=to]").blur()
    await expect(page.locator(".size")).to_contain_text("MB")
    assert page.problems == []  # type: ignore[attr-defined]


async def test_part_comes_into_the_page_of_the_camera(
    hub: Running, node: FakeNode, recording: Recording, browser: Browser, tmp_path: Path
) -> None:
    page = await browser.new_page(viewport={"width": 360, "height": 640}, has_touch=True, locale="vi-VN")
    await page.context.add_cookies([hub.cookie])
    await page.goto(f"{hub.url}{BASE}")
    await expect(page.locator("#lookback .days strong")).to_contain_text("Hôm nay")
    await page.locator("#lookback").get_by_label("Ngày trước").tap()
    await expect(page.locator(".moved > li")).to_have_count(8)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await page.screenshot(path=tmp_path / "camera.png", full_page=True)
    await page.close()


async def test_days_and_further_events_are_fetched_into_the_page(
    hub: Running, node: FakeNode, recording: Recording, browser: Browser, tmp_path: Path
) -> None:
    recording.moved = [moved(f"m-{n}", day(6) + n * timedelta(minutes=3), 9 + n) for n in range(90)]
    page = await opened(browser, hub)
    await expect(page.locator(".moved > li")).to_have_count(20)
    await page.get_by_text("Xem thêm (70)").tap()
    await expect(page.locator(".moved > li")).to_have_count(80)
    await page.get_by_text("Xem thêm (10)").tap()
    await expect(page.locator(".moved > li")).to_have_count(90)
    await expect(page.locator("#lookback-more")).to_be_hidden()
    await page.get_by_label("Ngày trước").tap()
    await expect(page.locator(".days strong")).to_have_text(f"{day(12, ago=2):%d/%m/%Y}")
    await expect(page.locator(".none")).to_contain_text("Chưa thấy chuyển động nào")
    await page.get_by_label("Ngày khác").fill(YESTERDAY)
    await page.get_by_role("button", name="Xem", exact=True).tap()
    await expect(page.locator(".days strong")).to_contain_text("Hôm qua")
    await page.get_by_label("Ngày sau").tap()
    await expect(page.locator(".days strong")).to_contain_text("Hôm nay")
    await node.lose()
    await until(lambda: not hub.hub.registry.is_online("29401/tram-bom"))
    await page.get_by_label("Cập nhật").tap()
    await expect(page.locator("#lookback")).to_contain_text("Nút đang mất kết nối")
    await page.screenshot(path=tmp_path / "offline.png", full_page=True)
    assert page.problems == []  # type: ignore[attr-defined]


async def test_film_that_the_browser_cannot_show_can_be_saved(
    hub: Running, node: FakeNode, recording: Recording, browser: Browser
) -> None:
    recording.clip = recording.clip[:40] + bytes(4000)
    page = await opened(browser, hub)
    await page.locator("#lookback .pick button[hx-post$=clips]").tap()
    await expect(page.locator("#lookback-shown .clip")).to_have_count(1)
    await piece(node, recording.clip, 0, len(recording.clip))
    await expect(page.locator("#lookback-shown .cannot")).to_be_visible()
    await expect(page.locator("#lookback-shown").get_by_role("link", name="Lưu về máy")).to_be_visible()


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize(("width", "height"), [(360, 640), (1280, 800)])
async def test_everything_is_large_enough_and_stays_on_the_page(
    hub: Running, recording: Recording, browser: Browser, tmp_path: Path, width: int, height: int, language: str
) -> None:
    page = await opened(browser, hub, width, height, f"&lang={language}")
    await expect(page.locator(".moved > li")).to_have_count(8)
    await page.locator(".moved summary").nth(2).tap()
    await page.locator("#lookback .pick button[hx-post$=clips]").tap()
    await expect(page.locator("#lookback-shown .clip")).to_have_count(1)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    narrow = await page.evaluate(
        """() => [...document.querySelectorAll('button, summary, input:not([type=hidden]), a')]
        .filter(e => e.checkVisibility()).filter(e => { const r = e.getBoundingClientRect();
        return r.width && (r.height < 47.9 || r.width < 47.9 || e.scrollWidth > e.clientWidth + 1); })
        .map(e => e.outerHTML.slice(0, 120))"""
    )
    assert narrow == []
    tiny = await page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter(e => e.innerText && parseFloat(
        getComputedStyle(e).fontSize) < 18).map(e => e.outerHTML.slice(0, 80))"""
    )
    assert tiny == []
    await page.screenshot(path=tmp_path / f"lookback-{language}-{width}.png", full_page=True)
    assert page.problems == []  # type: ignore[attr-defined]
