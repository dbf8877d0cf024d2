"""The reading of a text in a real browser: asked, answered, heard, sent; on a phone, on a desk, without scripts."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hub_rig import FakeNode, Running
from playwright.async_api import Browser, Page, async_playwright, expect
from test_hub_browser import CHROMIUM, FLAGS, SAY, seen

TEXT = (
    "UBND xã mời bà con thôn Đông họp HTXNN lúc 7h30-11h30 ngày 5/6 tại NVH. Gặp ban KLM hoặc gọi 0912 345 678, "
    "phí 25.000đ/hộ. Phòng chống bệnh XQZ."
)
READ = f"{SAY}_reading"
FORM = f"form:has({SAY})"


def sent(node: FakeNode) -> list[Any]:
    """What people asked of the node; the page asks for camera pictures by itself."""
    return [command for command in node.commands if command.do != "camera.snapshot"]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        flags = [*FLAGS, "--autoplay-policy=document-user-activation-required", "--mute-audio"]
        chromium = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield chromium
        await chromium.close()


@pytest.fixture
async def view(browser: Browser, hub: Running) -> AsyncIterator[Page]:
    page = await browser.new_page(viewport={"width": 360, "height": 640}, has_touch=True, locale="vi-VN")
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if m.type in ("error", "warning") else None)
    await page.goto(hub.url)
    yield page
    await page.close()
    assert problems == []


async def test_question_is_answered_by_tapping_and_the_words_are_heard(
    hub: Running, node: FakeNode, view: Page
) -> None:
    await view.fill(SAY, "Mời bà con ra XQZ lúc 7h30.")
    await view.locator(f"{FORM} button[value=read]").tap()
    reading = view.locator(READ)
    await expect(reading).to_contain_text("Có 1 chỗ máy không tự biết cách đọc")
    assert sent(node) == []

    changed = reading.locator("mark.changed")
    await expect(changed).to_have_text("7h30 → bảy giờ ba mươi phút")
    await expect(changed.locator(".was")).to_be_hidden()
    await changed.tap()
    await expect(changed.locator(".was")).to_be_visible()

    await reading.locator("input[name='q0.own']").fill("xưởng quy dương")
    await expect(reading.locator("[data-own]")).to_be_checked()
    await reading.locator("button[value=listen]").tap()
    await expect(reading.locator("audio")).to_have_count(2, timeout=20_000)
    await expect(reading.locator("audio").first).to_be_in_viewport()
    await seen(view, f"document.querySelector('{READ} audio').currentTime > 0.2")
    await expect(reading).to_contain_text("xưởng quy dương")
    await expect(reading.locator("mark.asked")).to_have_count(0)

    await view.fill(SAY, "Mời bà con ra XQZ lúc 8h.")
    await expect(reading).to_contain_text("Nội dung đã sửa")
    await reading.get_by_label("Nhớ cho lần sau").check()
    await view.locator(f"{FORM} button.main").tap()
    await expect(view.locator(".toast.good")).to_contain_text("Đã nhớ cách đọc XQZ")
    await expect(view.locator(SAY)).to_have_value("")
    await expect(reading).to_be_empty()
    args = sent(node)[-1].args
    assert (args.text, args.readings) == ("Mời bà con ra XQZ lúc 8h.", {"XQZ": "xưởng quy dương"})


async def test_speak_now_asks_once_and_says_it_anyway(hub: Running, node: FakeNode, view: Page) -> None:
    await view.fill(SAY, "Mời bà con ra XQZ.")
    await view.locator(f"{FORM} button.main").tap()
    reading = view.locator(READ)
    await expect(reading.get_by_role("alert")).to_contain_text("Chưa gửi: còn 1 chỗ")
    await expect(reading.get_by_role("alert")).to_be_in_viewport()
    await expect(view.locator(SAY)).to_have_value("Mời bà con ra XQZ.")
    await reading.get_by_role("button", name="Cứ nói").tap()
    await expect(view.locator(".toast.good")).to_contain_text("sẽ đọc ngay")
    await expect(reading).to_be_empty()
    assert len(sent(node)) == 1


async def test_bulletin_keeps_everything_while_it_asks(hub: Running, node: FakeNode, view: Page) -> None:
    await view.locator("summary").tap()
    details = view.locator("details[data-zone]")
    await details.locator("input[name=title]").fill("Họp thôn")
    await details.locator("textarea").fill("Họp tại XQZ.")
    await details.locator("input[name=date]").fill("2099-01-05")
    await details.locator("input[name=time]").fill("05:30")
    await details.locator("button.main").tap()
    await expect(details.get_by_role("alert")).to_contain_text("Chưa gửi")
    await expect(details.locator("input[name=title]")).to_have_value("Họp thôn")
    assert sent(node) == []
    await details.locator(".ask .way").first.tap()
    await details.locator("button.main").tap()
    await expect(view.locator(".bulletins li")).to_contain_text("Họp thôn")
    bulletin = sent(node)[-1].args.bulletin
    assert list(bulletin.readings) == ["XQZ"]


async def test_whole_way_without_javascript(hub: Running, node: FakeNode, browser: Browser) -> None:
    context = await browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 640})
    page = await context.new_page()
    await page.goto(hub.url)
    await page.fill(SAY, "Mời bà con ra XQZ.")
    await page.click(f"{FORM} button[value=read]")
    await expect(page.locator("fieldset.ask")).to_have_count(1)
    await page.locator(".ask .way").nth(1).click()
    await page.click("button[value=listen]")
    await expect(page.locator("audio")).to_have_count(2)
    await expect(page.locator(".ask input[type=radio]").nth(1)).to_be_checked()
    await page.click("button[value=send]")
    await expect(page.locator(".toast")).to_contain_text("sẽ đọc ngay")
    assert list(sent(node)[-1].args.readings) == ["XQZ"]
    await context.close()


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize(("width", "height"), [(360, 640), (1280, 800)])
async def test_reading_is_large_enough_and_stays_on_the_page(
    hub: Running, node: FakeNode, browser: Browser, tmp_path: Path, width: int, height: int, language: str
) -> None:
    page = await browser.new_page(viewport={"width": width, "height": height})
    await page.goto(f"{hub.url}/?lang={language}")
    await page.fill(SAY, TEXT)
    await page.click(f"{FORM} button[value=read]")
    await page.fill("input[name='q0.own']", "ca 3")
    await page.click(f"{FORM} button[value=send]")
    await expect(page.locator("[aria-invalid=true]")).to_have_count(1)
    await page.click(".changes summary")
    await page.locator("mark").nth(2).click()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    narrow = await page.evaluate(
        """() => [...document.querySelectorAll('button, summary, input:not([type=hidden]), textarea, select, a')]
        .filter(e => !e.matches('.skip')).filter(e => { const r = e.getBoundingClientRect();
        return r.width && (r.height < 47.9 || r.width < 47.9 || e.scrollWidth > e.clientWidth + 1); })
        .map(e => e.outerHTML.slice(0, 80))"""
    )
    assert narrow == []
    tiny = await page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter(e => e.innerText && parseFloat(
        getComputedStyle(e).fontSize) < 18).map(e => e.outerHTML.slice(0, 80))"""
    )
    assert tiny == []
    await page.screenshot(path=tmp_path / f"reading-{language}-{width}.png", full_page=True)
    await page.close()
