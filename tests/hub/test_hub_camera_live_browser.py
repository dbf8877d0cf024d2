"""The camera's page in a real browser of a phone's size: live, late, lost, hidden, sharp, and what cannot be played."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hub_rig import FakeNode, Mosquitto, Running, now, until
from playwright.async_api import Browser, Page, async_playwright, expect
from watch_rig import LiveNode, film, frames_of

from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import CameraState

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]
PAGE = "/nodes/29401/tram-bom/cameras/cong"
TIME = "document.querySelector('video').currentTime"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return frames_of(film(tmp_path_factory.mktemp("film")))


@pytest.fixture
async def live(node: FakeNode, pictures: list[Any]) -> AsyncIterator[LiveNode]:
    sending = LiveNode(node, {"sub": pictures, "main": pictures})
    yield sending
    await sending.stop()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield chromium
        await chromium.close()


@pytest.fixture
async def view(browser: Browser, hub: Running, live: LiveNode) -> AsyncIterator[Page]:
    page = await browser.new_page(viewport={"width": 360, "height": 640}, locale="vi-VN")
    await page.context.add_cookies([hub.cookie])
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if "Content Security Policy" in m.text else None)
    yield page
    await page.close()
    assert problems == []


def state(page: Page, name: str) -> Any:
    return page.locator(f".watcher[data-state={name}]")


async def plays(page: Page, limit_s: float = 15) -> None:
    """Until the video has moved on."""
    before, end = await page.evaluate(TIME), time.monotonic() + limit_s
    while await page.evaluate(TIME) < before + 0.5:
        assert time.monotonic() < end, "the picture stands"
        await asyncio.sleep(0.1)


async def test_from_the_card_to_the_live_picture(hub: Running, live: LiveNode, view: Page) -> None:
    await view.goto(f"{hub.url}/cameras")
    await view.click("text=Xem trực tiếp")
    await expect(view).to_have_url(hub.url + PAGE)
    await expect(state(view, "live")).to_be_visible()
    await expect(view.locator(".badge")).to_contain_text("Đang xem trực tiếp")
    await expect(view.locator("video")).to_be_visible()
    await plays(view)
    assert await view.evaluate("document.querySelector('.watcher').watcher.edge.ahead") < 2
    width = await view.evaluate("document.documentElement.scrollWidth")
    assert width <= 360
    for button in await view.locator(".watcher button:visible, .camera .back a").all():
        box = await button.bounding_box()
        assert box is not None
        assert box["height"] >= 48
    await view.close()
    await until(lambda: not live.on)


async def test_sharper_and_back(hub: Running, live: LiveNode, view: Page) -> None:
    await view.goto(hub.url + PAGE)
    await expect(view.locator(".watcher[data-stream=sub]")).to_be_visible()
    await view.click("text=Nét hơn")
    await expect(view.locator(".watcher[data-stream=main]")).to_be_visible()
    await expect(view.locator("[data-sharp]")).to_have_attribute("aria-pressed", "true")
    await plays(view)
    await until(lambda: live.on == {"main"})


async def test_a_camera_with_one_stream_offers_no_other(hub: Running, live: LiveNode, view: Page) -> None:
    del live.films["sub"]
    await view.goto(hub.url + PAGE)
    await plays(view)
    await expect(view.locator("[data-sharp]")).to_be_hidden()


async def test_when_pictures_stop_it_says_so_and_goes_on_by_itself(hub: Running, live: LiveNode, view: Page) -> None:
    await view.goto(hub.url + PAGE)
    await plays(view)
    live.change = lambda piece: None
    await expect(state(view, "lost")).to_be_visible(timeout=10_000)
    await expect(view.locator(".badge")).to_contain_text("Mất hình")
    live.change = lambda piece: piece
    await expect(state(view, "live")).to_be_visible(timeout=10_000)
    await plays(view)


async def test_a_refusal_is_told_in_a_sentence(hub: Running, live: LiveNode, view: Page) -> None:
    live.refuse = Fault.of("camera.unreachable", id="cong", detail="no route")
    await view.goto(hub.url + PAGE)
    await expect(view.locator(".why")).to_be_visible()
    await expect(view.locator(".why")).not_to_be_empty()
    live.refuse = None
    await expect(state(view, "live")).to_be_visible(timeout=10_000)
    await expect(view.locator(".why")).to_be_hidden()


async def test_a_camera_that_is_off_is_told_in_a_sentence(hub: Running, live: LiveNode, view: Page) -> None:
    live.change = lambda piece: None
    off = Fault.of("camera.unreachable", detail="10.0.0.20")
    await live.node.state(CameraState(id="cong", at=now(), actual="retrying", fault=off, watched=1))
    await view.goto(hub.url + PAGE)
    await expect(view.locator(".why")).to_contain_text("Không tới được camera")
    await expect(view.locator(".badge")).to_contain_text("đang nối lại")
    await expect(view.locator("#camera_state")).not_to_contain_text("đang được xem")
    live.change = lambda piece: piece
    await expect(state(view, "live")).to_be_visible(timeout=10_000)
    await expect(view.locator(".why")).to_be_hidden()


async def test_the_badge_leaves_the_corner_free_where_cameras_write_their_clock(
    hub: Running, live: LiveNode, view: Page
) -> None:
    await view.goto(hub.url + PAGE)
    await expect(state(view, "live")).to_be_visible()
    screen, badge = [await view.locator(name).bounding_box() for name in (".screen", ".badge")]
    assert screen is not None
    assert badge is not None
    assert badge["y"] > screen["y"] + screen["height"] / 2


async def test_the_node_goes_and_comes(hub: Running, live: LiveNode, view: Page) -> None:
    await view.goto(hub.url + PAGE)
    await plays(view)
    await live.stop()
    await live.node.lose()
    await expect(view.locator(".why")).to_contain_text("Nút đang mất kết nối", timeout=15_000)
    await live.node.__aenter__()
    await expect(state(view, "live")).to_be_visible(timeout=15_000)
    await plays(view)


async def test_hidden_pages_take_nothing(hub: Running, live: LiveNode, view: Page) -> None:
    await view.goto(hub.url + PAGE)
    await plays(view)
    hide = "(yes) => { Object.defineProperty(document, 'hidden', { value: yes, configurable: true });"
    await view.evaluate(hide + " document.dispatchEvent(new Event('visibilitychange')); }", True)
    await until(lambda: not live.on)
    await view.evaluate(hide + " document.dispatchEvent(new Event('visibilitychange')); }", False)
    await plays(view)


async def test_what_cannot_be_played_is_shown_as_stills(hub: Running, live: LiveNode, view: Page) -> None:
    def strange(piece: Any) -> Any:
        return dataclasses.replace(piece, codec="hvc1.1.6.L93.B0")

    await view.add_init_script("MediaSource.isTypeSupported = (type) => type.includes('avc1');")
    live.change = strange
    await view.goto(hub.url + PAGE)
    await expect(state(view, "stills")).to_be_visible()
    await expect(view.locator(".why")).to_contain_text("chỉ chiếu ảnh chụp")
    await until(lambda: not live.on)
    before = len([c for c in live.node.commands if c.do == "camera.snapshot"])
    await until(lambda: len([c for c in live.node.commands if c.do == "camera.snapshot"]) > before)


async def test_a_sharp_stream_that_cannot_be_played_goes_back_to_the_small_one(
    hub: Running, live: LiveNode, view: Page
) -> None:
    def strange(piece: Any) -> Any:
        return dataclasses.replace(piece, codec="hvc1.1.6.L93.B0") if piece.stream == "main" else piece

    await view.add_init_script("MediaSource.isTypeSupported = (type) => type.includes('avc1');")
    live.change = strange
    await view.goto(hub.url + PAGE)
    await plays(view)
    await view.click("text=Nét hơn")
    await expect(view.locator(".why")).to_contain_text("H.265")
    await expect(view.locator(".watcher[data-stream=sub]")).to_be_visible()
    await plays(view)


async def test_another_size_in_mid_stream_goes_on(hub: Running, live: LiveNode, view: Page, tmp_path: Path) -> None:
    await view.goto(hub.url + PAGE)
    await plays(view)
    await live.stop()
    live.films["sub"] = frames_of(film(tmp_path, size="640x360", name="larger.mp4"))
    end = time.monotonic() + 20
    while await view.evaluate("document.querySelector('video').videoWidth") != 640:
        assert time.monotonic() < end
        await asyncio.sleep(0.1)
    await plays(view)


async def test_the_state_below_the_picture_is_kept_up(
    hub: Running, live: LiveNode, view: Page, broker: Mosquitto
) -> None:
    await view.goto(hub.url + PAGE)
    told = view.locator("#camera_state")
    await expect(told).to_contain_text("Đang có hình")
    await live.node.state(
        CameraState(
            id="cong",
            at=now(),
            actual="streaming",
            recording=True,
            picture="covered",
            picture_since=now(),
            clock_error_s=-3700,
            days_left=12.4,
            oldest=now(),
            watched=1,
            moving=True,
        )
    )
    for words in ("Ống kính bị che", "chậm 62 phút", "Lưu được 12 ngày", "Đang có chuyển động", "Xem lại được từ"):
        await expect(told).to_contain_text(words)
    noise = Fault.of("camera.garbage", detail="noise")
    await live.node.state(CameraState(id="cong", at=now(), actual="streaming", recording=True, fault=noise))
    await expect(told.locator("p.bad")).to_contain_text("không xem được")
    await live.node.state(CameraState(id="cong", at=now(), actual="streaming", picture="covered", picture_since=now()))
    await view.goto(hub.url + PAGE + "?lang=en")
    await expect(told).to_contain_text("The lens is covered")
    await expect(view.locator(".badge")).to_contain_text("Live")


async def test_a_camera_that_there_is_not(hub: Running, live: LiveNode) -> None:
    assert (await hub.http.get(PAGE.replace("cong", "khong"))).status_code == 404
    assert (await hub.http.get(PAGE.replace("cong", "khong") + "/state")).status_code == 404
