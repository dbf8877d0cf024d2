"""The demo's camera as a newcomer with a phone meets it: live, then what moved, then a clip of it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from test_e2e_demo import _ARGUMENTS, Demo, card, enter, run_demo, visit

WALK_S = 40
"""In the film somebody walks by so often."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    yield from run_demo(tmp_path_factory.mktemp("cameras"), "mosquitto")


@pytest.fixture(scope="module")
def page(demo: Demo) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_ARGUMENTS)
        opened = browser.new_context(viewport={"width": 360, "height": 640}, locale="vi-VN").new_page()
        enter(opened, demo)
        visit(opened, demo, "thon-dong")
        yield opened
        browser.close()


def test_from_the_live_view_to_a_clip_of_what_moved(page: Page) -> None:
    east = card(page, "Cụm loa thôn Đông")
    watch = east.get_by_role("link", name="Xem trực tiếp")
    expect(watch).to_be_visible(timeout=20_000)
    watch.click()
    _live(page)
    _moved(page)
    _clip(page)


def _live(page: Page) -> None:
    watcher, video = page.locator(".watcher"), page.locator(".watcher video")
    expect(watcher).to_have_attribute("data-state", "live", timeout=20_000)
    expect(video).to_have_js_property("videoWidth", 640, timeout=10_000)
    before = video.evaluate("v => v.currentTime")
    page.wait_for_function("before => document.querySelector('.watcher video').currentTime > before + 2", arg=before)
    page.get_by_role("button", name="Nét hơn").click()
    expect(video).to_have_js_property("videoWidth", 1280, timeout=20_000)


def _moved(page: Page) -> None:
    """Somebody walks through the gate; the event has its zone and its picture."""
    address = page.url
    events = page.locator("#lookback ol.moved > li")
    for _ in range(2 * WALK_S // 5 + 6):
        page.goto(f"{address}/lookback")
        if events.count() and "đang chuyển động" not in events.first.inner_text():
            break
        page.wait_for_timeout(5_000)
    expect(events.first).to_contain_text("Đường")
    assert page.locator("#lookback rect.video").count() >= 1
    assert page.locator("#lookback rect.mark").count() >= 1
    events.first.locator("summary").click()
    picture = events.first.locator("img.picture")
    expect(picture).to_have_js_property("naturalWidth", 640, timeout=20_000)


def _clip(page: Page) -> None:
    """The node cuts it, sends it to the hub, and the phone plays it."""
    event = page.locator("#lookback ol.moved > li").first
    event.locator("button.main").click()
    video = event.locator(".clip video")
    expect(video).to_have_count(1, timeout=40_000)
    page.wait_for_function("v => v.readyState >= 1 && v.duration > 5", arg=video.element_handle())
    assert video.evaluate("v => [v.videoWidth, v.videoHeight]") == [1280, 720]
