"""Writing on a phone in a real browser: saved by itself, conflicts, documents, the microphone, the voice."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from documents_rig import NOTICE, docx_of
from hub_rig import Running, until
from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright, expect
from test_hub_browser import CHROMIUM, FLAGS, seen
from writing_rig import as_person, fields_of, new_draft, spoken_wav

from hub.people.rights import Role

MINE = "Dùng bản của tôi"
PHONE = {"width": 360, "height": 640}
WIDE = "document.documentElement.scrollWidth > innerWidth"
SMALL = """[...document.querySelectorAll('main button, main a, main input, main select, main textarea, main summary')]
  .filter((e) => e.checkVisibility() && !e.matches('.first, [type=checkbox], [type=radio]'))
  .filter((e) => { const b = e.getBoundingClientRect(); return b.height < 48 || b.width < 48; })
  .map((e) => e.outerHTML.slice(0, 120))"""


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    """Chromium with a microphone that hears a voice from a file."""
    voice = spoken_wav(tmp_path, pad_s=0.5)
    microphone = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={voice}",
        "--autoplay-policy=document-user-activation-required",
        "--mute-audio",
    ]
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*FLAGS, *microphone])
        yield chromium
        await chromium.close()


async def phone(browser: Browser, hub: Running) -> BrowserContext:
    context = await browser.new_context(viewport=PHONE, has_touch=True, locale="vi-VN")
    await context.add_cookies([hub.cookie])
    return context


@pytest.fixture
async def view(browser: Browser, hub: Running) -> AsyncIterator[Page]:
    context = await phone(browser, hub)
    page = await context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if "Content Security Policy" in m.text else None)
    yield page
    await context.close()
    assert problems == []


async def kept(hub: Running, address: str, words: str) -> None:
    """Until the hub has these words."""
    import asyncio

    async with asyncio.timeout(20):
        while (await fields_of(hub.http, address))["s1.text"] != words:
            await asyncio.sleep(0.2)


async def test_draft_saves_itself_while_somebody_types(hub: Running, view: Page) -> None:
    await view.goto(f"{hub.url}/write")
    await view.get_by_role("button", name="Soạn tin mới").tap()
    await view.wait_for_url("**/write/*")
    address = view.url.removeprefix(hub.url)
    text = view.get_by_label("Nội dung để đọc")
    await text.press_sequentially("Mời bà con họp lúc 7 giờ.")
    await kept(hub, address, "Mời bà con họp lúc 7 giờ.")
    await expect(view.locator("#write_state")).to_contain_text("Đã lưu lúc")
    await expect(view.locator("#write_state")).to_contain_text("Dài khoảng")
    await expect(view.locator("#piece_1 [data-length]")).to_contain_text("khoảng 0:0")
    await text.press_sequentially(" Xin cảm ơn.")
    await view.get_by_label("Tên bản tin").fill("Họp thôn")
    await view.get_by_label("Tên bản tin").blur()
    await kept(hub, address, "Mời bà con họp lúc 7 giờ. Xin cảm ơn.")
    await expect(view.locator("#write_conflict")).to_be_empty()


async def test_what_the_hub_could_not_take_is_kept_and_sent_when_the_page_is_opened_again(
    hub: Running, browser: Browser
) -> None:
    address = await new_draft(hub.http)
    context = await phone(browser, hub)
    page = await context.new_page()
    await page.goto(hub.url + address)
    await context.set_offline(True)
    await page.get_by_label("Nội dung để đọc").fill("Gõ lúc mất mạng.")
    await expect(page.locator("#write_away")).to_be_visible(timeout=15_000)
    await page.close()  # the phone ends the page
    await context.set_offline(False)
    page = await context.new_page()
    await page.goto(hub.url + address)
    await expect(page.get_by_label("Nội dung để đọc")).to_have_value("Gõ lúc mất mạng.")
    await kept(hub, address, "Gõ lúc mất mạng.")
    await context.close()


async def test_who_was_signed_out_while_writing_loses_nothing(hub: Running, browser: Browser) -> None:
    address = await new_draft(hub.http)
    context = await phone(browser, hub)
    page = await context.new_page()
    await page.goto(hub.url + address)
    for act in ("save", "plan"):
        text = f"Gõ sau khi hết phiên, rồi {act}."
        await context.clear_cookies()
        await page.get_by_label("Nội dung để đọc").fill(text)
        if act == "plan":
            await page.get_by_role("button", name="Chọn giờ và nơi phát").tap()
        # the saving and the button may both lead there, the later one in the other's place
        await expect(page).to_have_url(re.compile("/sign-in"), timeout=20_000)
        await context.add_cookies([hub.cookie])  # signed in again
        await page.goto(hub.url + address)
        await expect(page.get_by_label("Nội dung để đọc")).to_have_value(text)
        await kept(hub, address, text)
    await context.close()


async def test_two_phones_at_one_draft_are_told_and_both_texts_stay(hub: Running, browser: Browser) -> None:
    address = await new_draft(hub.http)
    contexts = [await phone(browser, hub) for _ in range(2)]
    first, second = [await context.new_page() for context in contexts]
    for page in (first, second):
        await page.goto(hub.url + address)
    await first.get_by_label("Nội dung để đọc").fill("Bài thứ nhất.")
    await kept(hub, address, "Bài thứ nhất.")
    await second.get_by_label("Nội dung để đọc").fill("Bài thứ hai.")
    await expect(second.locator("#write_conflict")).to_contain_text("vừa sửa bản này", timeout=15_000)
    await expect(second.get_by_label("Nội dung để đọc")).to_have_value("Bài thứ hai.")
    await second.get_by_role("button", name="Dùng bản của tôi").tap()
    await kept(hub, address, "Bài thứ hai.")
    await expect(second.locator(".copies")).to_contain_text("Bài thứ nhất.")
    for context in contexts:
        await context.close()


async def test_document_is_dropped_read_heard_and_goes_on_to_planning(hub: Running, view: Page, tmp_path: Path) -> None:
    notice = tmp_path / "thong-bao.docx"
    notice.write_bytes(docx_of(NOTICE))
    await view.goto(f"{hub.url}/write")
    await view.set_input_files("#document", notice)
    await view.get_by_role("button", name="Đọc văn bản này").tap()
    await view.wait_for_url("**/write/*")
    text = view.get_by_label("Nội dung để đọc")
    assert "từ 7h30 đến 11h30 ngày 08/6/2026" in await text.input_value()
    await text.fill("Mời bà con thôn Đông họp lúc 7h30.")
    await view.locator("#piece_1").get_by_role("button", name="Đọc thử").tap()
    await expect(view.locator("#reading_1 mark.changed")).to_contain_text("bảy giờ ba mươi phút", timeout=20_000)
    await view.locator("#reading_1").get_by_role("button", name="Nghe thử").tap()
    await expect(view.locator("#reading_1 audio")).to_have_count(2, timeout=60_000)
    await expect(view.locator("#reading_1 audio").first).to_be_in_viewport(ratio=1)
    await seen(view, "document.querySelector('#reading_1 audio').duration > 1")
    await view.get_by_role("button", name="Chọn giờ và nơi phát").tap()
    await view.wait_for_url("**/bulletins/*/plan")
    assert len(hub.hub.bulletins.desk.open) == 1


async def test_document_that_came_into_an_open_draft_is_sent_once_and_read_at_the_first_tap(
    hub: Running, view: Page, tmp_path: Path
) -> None:
    notice = tmp_path / "thong-bao.docx"
    notice.write_bytes(docx_of(NOTICE))
    sent: list[str] = []
    view.on("request", lambda request: sent.append(request.url) if request.url.endswith("/file") else None)
    await view.goto(hub.url + await new_draft(hub.http))
    await view.set_input_files("#document", notice)
    await view.get_by_role("button", name="Đọc văn bản này").tap()
    await view.wait_for_url("**said=taken**")
    await view.locator("#piece_1").get_by_role("button", name="Đọc thử").tap()
    await expect(view.locator("#reading_1 mark.changed").first).to_be_visible(timeout=20_000)
    await expect(view.locator("#write_conflict")).to_be_empty()
    assert len(sent) == 1


async def test_voice_is_recorded_by_the_microphone_heard_and_kept(hub: Running, view: Page) -> None:
    address = await new_draft(hub.http, "Giữ nguyên.")
    await view.goto(hub.url + address)
    await view.get_by_role("button", name="Thu bằng máy này").tap()
    await expect(view.locator(".record-state")).to_contain_text("Bắt đầu thu sau")
    await expect(view.locator(".record-state")).to_contain_text("Đang thu: 0:03", timeout=20_000)
    await seen(view, "document.querySelector('.level').value > 0.02")
    await view.get_by_role("button", name="Dừng thu").tap()
    take = view.locator(".take")
    await expect(take).to_contain_text("Nghe lại trước khi giữ", timeout=60_000)
    await seen(view, "document.querySelector('.take audio').duration > 1")
    await take.get_by_role("button", name="Giữ bản thu này").tap()
    await expect(view.locator("#piece_2 legend")).to_contain_text("Đoạn ghi âm")
    await expect(view.locator(".take")).to_have_count(0)
    fields = await fields_of(hub.http, address)
    assert (fields["s1.text"], fields["s2.kind"]) == ("Giữ nguyên.", "audio")


async def test_file_that_is_no_sound_is_refused_where_it_was_chosen(hub: Running, view: Page, tmp_path: Path) -> None:
    address = await new_draft(hub.http)
    junk = tmp_path / "nhac.mp3"
    junk.write_bytes(b"MZ" + bytes(5000))
    await view.goto(hub.url + address)
    await view.get_by_label("Nội dung để đọc").fill("Còn đây.")
    await view.set_input_files("#voice", junk)
    await view.get_by_role("button", name="Gửi tệp giọng nói").tap()
    await expect(view.locator(".sound-box .refused")).to_contain_text("không phải tệp âm thanh", timeout=30_000)
    await expect(view.get_by_label("Nội dung để đọc")).to_have_value("Còn đây.")


async def test_pages_fit_a_phone_with_targets_for_a_thumb(hub: Running, view: Page) -> None:
    address = await new_draft(hub.http, "Mời bà con họp.")
    fields = await fields_of(hub.http, address)
    await hub.http.post(address, data={**fields, "do": "add:pause"})
    for path in ("/write", address):
        await view.goto(hub.url + path)
        assert not await view.evaluate(WIDE)
        assert await view.evaluate(SMALL) == []
    await view.set_viewport_size({"width": 320, "height": 480})
    assert not await view.evaluate(WIDE)


async def test_whole_way_without_scripts(hub: Running, browser: Browser) -> None:
    context = await browser.new_context(java_script_enabled=False, viewport=PHONE)
    await context.add_cookies([hub.cookie])
    page = await context.new_page()
    await page.goto(f"{hub.url}/write")
    await page.get_by_role("button", name="Soạn tin mới").click()
    await page.get_by_label("Tên bản tin").fill("Họp thôn")
    await page.get_by_label("Nội dung để đọc").fill("Mời bà con họp lúc 7 giờ.")
    await page.locator("button[value='add:pause']").click()
    await page.locator("button[value='up:2']").click()
    await expect(page.locator("#piece_1 legend")).to_contain_text("Khoảng lặng")
    await page.locator("button[value='read:2']").click()
    await expect(page.locator("#reading_2 .spoken")).to_contain_text("bảy giờ")
    await page.get_by_role("button", name="Chọn giờ và nơi phát").click()
    await until(lambda: len(hub.hub.bulletins.desk.open) == 1)
    assert "/bulletins/" in page.url
    await context.close()


async def test_what_was_typed_without_a_net_never_overwrites_what_another_wrote_meanwhile(
    hub: Running, browser: Browser
) -> None:
    address = await new_draft(hub.http, "Bài đầu.")
    context = await phone(browser, hub)
    page = await context.new_page()
    await page.goto(hub.url + address)
    await context.set_offline(True)
    await page.locator("textarea[data-words]").fill("Bài gõ ngoài đồng, không có mạng.")
    await expect(page.locator("#write_away")).to_be_visible()
    await page.close()  # the phone ends the page
    async with await as_person(hub, "hoa", Role.STAFF, "") as hoa:  # who also adds a pause before the text
        theirs = await fields_of(hoa, address)
        await hoa.post(address, data={**theirs, "s1.text": "Bài của Hoa.", "do": "add:pause"})
        await hoa.post(address, data={**await fields_of(hoa, address), "do": "up:2"})
    await context.set_offline(False)
    page = await context.new_page()
    await page.goto(hub.url + address)
    await expect(page.locator("#write_conflict")).to_contain_text("hoa vừa sửa bản này")
    await expect(page.locator("textarea[data-words]")).to_have_value("Bài của Hoa.")
    assert (await fields_of(hub.http, address))["s2.text"] == "Bài của Hoa."
    await page.get_by_role("button", name=MINE).click()
    await expect(page.locator("textarea[data-words]")).to_have_value("Bài gõ ngoài đồng, không có mạng.")
    assert "Bài của Hoa." in (await hub.http.get(address)).text  # kept beside
    await context.close()


async def test_own_saving_whose_answer_got_lost_is_no_conflict(hub: Running, browser: Browser) -> None:
    address = await new_draft(hub.http, "Bài đầu.")
    context = await phone(browser, hub)
    page = await context.new_page()

    async def answer_lost(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await page.goto(hub.url + address)
    await page.route(f"**{address}", answer_lost)
    await page.locator("textarea[data-words]").fill("Câu một.")
    await kept(hub, address, "Câu một.")
    await page.locator("textarea[data-words]").fill("Câu một. Câu hai.")  # the phone ends the page before this is sent
    await page.close()
    page = await context.new_page()
    await page.goto(hub.url + address)
    await kept(hub, address, "Câu một. Câu hai.")
    await expect(page.locator("textarea[data-words]")).to_have_value("Câu một. Câu hai.")
    assert not (await page.locator("#write_conflict").inner_text()).strip()
    await context.close()


async def test_whole_bulletin_is_heard_on_the_phone(hub: Running, view: Page) -> None:
    address = await new_draft(hub.http, "Kính mời bà con ra họp.")
    await view.goto(hub.url + address)
    await view.get_by_role("button", name="Nghe như ra loa").click()
    sound = view.locator("#write_whole audio")
    await sound.wait_for(timeout=60_000)
    await seen(view, "document.querySelector('#write_whole audio').currentTime > 0.2")
    assert await sound.evaluate("audio => audio.duration") > 3
    await sound.scroll_into_view_if_needed()
    assert not await view.evaluate(WIDE)


LABELS = """[...document.querySelectorAll('nav.bar > a > span, nav.bar summary > span')]
  .filter((e) => e.getBoundingClientRect().width > 2).length"""


async def test_at_very_large_text_the_page_is_not_wide_and_the_bar_not_high(hub: Running, view: Page) -> None:
    await view.goto(hub.url + await new_draft(hub.http, "Mời bà con họp."))
    assert await view.evaluate(LABELS) >= 3
    await view.evaluate("document.documentElement.style.fontSize = '36px'")
    await view.evaluate("document.querySelectorAll('main details').forEach((d) => { d.open = true; })")
    assert await view.evaluate(WIDE) is False
    assert await view.evaluate(LABELS) == 0
    bar = await view.locator("nav.bar").bounding_box()
    assert bar is not None
    assert bar["height"] < 90
    assert await view.locator("nav.bar a").first.inner_text() != "", "its word is there for who is read to"


async def test_a_text_that_is_read_keeps_the_policy_of_the_page(hub: Running, view: Page) -> None:
    """No style is written into the page: `view` fails otherwise."""
    await view.goto(hub.url + await new_draft(hub.http, "Mời bà con họp tại XQZ lúc 7 giờ."))
    await view.get_by_role("button", name="Đọc thử").first.tap()
    await expect(view.locator(".reading .spoken")).to_be_visible(timeout=30_000)
    await view.wait_for_timeout(300)  # htmx settles what it put there


TAP = """(button) => {
  addEventListener('submit', (event) => event.preventDefault()); // the hub never answers
  button.click();
  return [button.dataset.busy, button.getAttribute('aria-busy'), document.getElementById('busy').textContent];
}"""


async def test_a_tap_is_answered_on_its_button_before_the_hub_answers(hub: Running, view: Page) -> None:
    await view.goto(f"{hub.url}/write")
    said = await view.get_by_role("button", name="Soạn tin mới").evaluate(TAP)
    assert said == ["Đang gửi…", "true", "Đang gửi…"]
