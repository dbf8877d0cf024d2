"""The reading of a text in a real browser: asked, answered, heard, sent; on a phone, on a desk, without scripts."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hub_rig import FakeNode, Running
from looks_rig import shots_folder
from playwright.async_api import Browser, Page, async_playwright, expect
from test_hub_browser import CHROMIUM, FLAGS, LIGHT, SAY, seen

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
    await page.context.add_cookies([hub.cookie])
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if m.type in ("error", "warning") else None)
    await page.goto(f"{hub.url}/nodes/29401/tram-bom")
    yield page
    await page.close()
    assert problems == []


async def test_player_of_a_long_text_is_seen_where_one_tapped(
    hub: Running, node: FakeNode, view: Page, tmp_path: Path
) -> None:
    await view.goto(f"{hub.url}/air/speak")
    await view.fill("#speak-text", "Mời bà con ra nhà văn hoá họp lúc 7h30 ngày 8/6 về việc làm thuỷ lợi. " * 8)
    await view.locator("button[value=read]").tap()
    reading = view.locator("#speak-reading")
    await expect(reading.locator("button[value=listen]")).to_be_visible(timeout=20_000)
    tall = await reading.evaluate("e => e.getBoundingClientRect().height")
    assert tall > 640, "or the player would be seen wherever it stands"
    await reading.locator("button[value=listen]").tap()
    await expect(reading.locator("audio").first).to_be_in_viewport(ratio=1, timeout=60_000)
    await view.screenshot(path=shots_folder(tmp_path) / "speak-listen.png")


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
    await view.locator(f"{FORM} .actions button.main").tap()
    await expect(view.locator(".toast.good")).to_contain_text("Đã nhớ cách đọc XQZ")
    await expect(view.locator(SAY)).to_have_value("")
    await expect(reading).to_be_empty()
    args = sent(node)[-1].args
    assert (args.text, args.readings) == ("Mời bà con ra XQZ lúc 8h.", {"XQZ": "xưởng quy dương"})


async def test_speak_now_asks_once_and_says_it_anyway(hub: Running, node: FakeNode, view: Page) -> None:
    await view.fill(SAY, "Mời bà con ra XQZ.")
    await view.locator(f"{FORM} .actions button.main").tap()
    reading = view.locator(READ)
    await expect(reading.get_by_role("alert")).to_contain_text("Chưa gửi: còn 1 chỗ")
    await expect(reading.get_by_role("alert")).to_be_in_viewport()
    await expect(view.locator(SAY)).to_have_value("Mời bà con ra XQZ.")
    await reading.get_by_role("button", name="Cứ nói").tap()
    await expect(view.locator(".toast.good")).to_contain_text("sẽ đọc ngay")
    await expect(reading).to_be_empty()
    assert len(sent(node)) == 1


async def test_whole_way_without_javascript(hub: Running, node: FakeNode, browser: Browser) -> None:
    context = await browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 640})
    page = await context.new_page()
    await page.context.add_cookies([hub.cookie])
    await page.goto(f"{hub.url}/nodes/29401/tram-bom")
    await page.fill(SAY, "Mời bà con ra XQZ.")
    await page.click(f"{FORM} button[value=read]")
    await expect(page.locator("fieldset.ask")).to_have_count(1)
    await page.locator(".ask .way").nth(1).click()
    await page.click("button[value=listen]")
    await expect(page.locator("audio")).to_have_count(2)
    await expect(page.locator(".ask input[type=radio]").nth(1)).to_be_checked()
    await page.click(".actions button[value=send]")
    await expect(page.locator(".toast")).to_contain_text("sẽ đọc ngay")
    assert list(sent(node)[-1].args.readings) == ["XQZ"]
    await context.close()


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize(("width", "height"), [(360, 640), (1280, 800)])
async def test_reading_is_large_enough_and_stays_on_the_page(
    hub: Running, node: FakeNode, browser: Browser, tmp_path: Path, width: int, height: int, language: str
) -> None:
    page = await browser.new_page(viewport={"width": width, "height": height})
    await page.context.add_cookies([hub.cookie])
    await page.goto(f"{hub.url}/nodes/29401/tram-bom?lang={language}")
    await page.fill(SAY, TEXT)
    await page.click(f"{FORM} button[value=read]")
    await page.fill("input[name='q0.own']", "ca 3")
    await page.click(f"{FORM} .actions button[value=send]")
    await expect(page.locator("[aria-invalid=true]")).to_have_count(1)
    await page.click(".changes summary")
    await page.locator("mark").nth(2).click()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    narrow = await page.evaluate(
        """() => [...document.querySelectorAll('button, summary, input:not([type=hidden]), textarea, select, a')]
        .filter(e => !e.matches('.skip') && e.checkVisibility()).filter(e => { const r = e.getBoundingClientRect();
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


MANY = "Mời ban XQZ, ban WKZ, ban KLM, ban VTRQ và ban BQXN ra họp."


async def test_many_questions_are_folded_and_fit_on_a_phone(hub: Running, node: FakeNode, view: Page) -> None:
    await view.fill(SAY, MANY)
    await view.locator(f"{FORM} button[value=read]").tap()
    reading = view.locator(READ)
    await expect(reading.locator(".ask")).to_have_count(5)
    await expect(reading.locator(".ask details[open]")).to_have_count(1)
    top = await reading.evaluate("e => e.getBoundingClientRect().top")
    label = await reading.locator(".label").evaluate("e => e.getBoundingClientRect().bottom")
    assert label - top < 2 * 640

    for number in range(5):
        ask = reading.locator(".ask").nth(number)
        await expect(ask.locator("details")).to_have_attribute("open", "")
        await ask.locator(".ways .way").nth(1).tap()
    await expect(reading.locator(".ask.open")).to_have_count(0)
    await expect(reading.locator(".ask .answer").first).to_have_text("xqz")
    below = reading.locator("button.main")
    assert await below.evaluate("(b, a) => b.getBoundingClientRect().top > a.getBoundingClientRect().bottom",
                                await reading.locator(".ask").last.element_handle())  # fmt: skip
    await below.tap()
    await expect(view.locator(".toast.good")).to_contain_text("sẽ đọc ngay")
    await expect(reading).to_be_empty()
    assert len(sent(node)[-1].args.readings) == 5


async def test_send_button_below_the_questions_asks_on(hub: Running, node: FakeNode, view: Page) -> None:
    await view.fill(SAY, "Mời bà con ra XQZ.")
    await view.locator(f"{FORM} button[value=read]").tap()
    await view.locator(f"{READ} button.main").tap()
    await expect(view.locator(READ).get_by_role("alert")).to_contain_text("Chưa gửi: còn 1 chỗ")
    assert sent(node) == []


async def test_error_of_a_form_stands_once_under_it_and_goes(hub: Running, node: FakeNode, view: Page) -> None:
    read = view.locator(f"{FORM} button[value=read]")
    for _ in range(4):
        await read.tap()
        await expect(view.locator(f"{READ} .trouble")).to_have_count(1)
    await expect(view.locator(".toast")).to_have_count(0)
    await expect(view.locator(READ)).to_have_text("Hãy viết nội dung trước.")
    await view.fill(SAY, "Mời bà con đi họp lúc 7h30.")
    await expect(view.locator(READ)).to_be_empty()
    await read.tap()
    await expect(view.locator(f"{READ} button[value=listen]")).to_be_visible()
    for text, why in (
        ("🙂 ★", "chỉ có ký hiệu (“🙂 ★”)"),
        ("你好", "chỉ có chữ nước ngoài (“你好”)"),
        ("", "Hãy viết"),
    ):
        await view.fill(SAY, text)
        await read.tap()
        await expect(view.locator(f"{READ} .trouble")).to_contain_text(why)
        await expect(view.locator(f"{READ} :is(.spoken, button, .old-note)")).to_have_count(0)


async def test_same_note_stands_once_and_none_lies_on_a_form_that_is_filled(
    hub: Running, node: FakeNode, view: Page
) -> None:
    await node.lose()
    await expect(view.locator(".presence.offline")).to_have_count(1)
    lamp = view.locator(LIGHT)
    for _ in range(3):
        async with view.expect_response("**/lights/**"):
            await lamp.tap()
        await expect(view.locator(".toast.bad")).to_have_count(1)
    box = view.locator(SAY)
    await box.evaluate("e => window.scrollTo(0, e.getBoundingClientRect().top + scrollY - 500)")
    await box.focus()
    await expect(view.locator(".toast")).to_have_count(0)


async def test_what_was_written_covers_no_spoken_word(hub: Running, node: FakeNode, view: Page) -> None:
    await view.fill(SAY, "Họp lúc 7h30 tại UBND xã, phí 25.000đ/hộ. " * 6)
    await view.locator(f"{FORM} button[value=read]").tap()
    marks = view.locator(f"{READ} mark.changed")
    await expect(marks).to_have_count(24)
    height = await view.evaluate("document.documentElement.scrollHeight")
    for mark in (marks.first, marks.nth(4), marks.last):
        await mark.tap()
        await expect(mark.locator(".was")).to_be_in_viewport()
        gap = await mark.evaluate(
            "m => m.querySelector('.was').getBoundingClientRect().top"
            " - m.closest('.spoken').getBoundingClientRect().bottom"
        )
        assert gap >= 0
    assert await view.evaluate("document.documentElement.scrollHeight") == height
