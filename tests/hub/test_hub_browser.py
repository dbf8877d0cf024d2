"""The page in a real browser: taps, typing while states arrive, absence, new nodes, both sizes."""

import asyncio
import hashlib
import subprocess
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hub_rig import TOKEN, FakeNode, Mosquitto, Running, config_for, event, free_port, now, sample, serving, until
from playwright.async_api import Browser, Page, async_playwright, expect

from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import BulletinState, LightState, SpeakerState
from edge_agent.contract.signature import Verifier

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
FFMPEG = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i"]
PICTURE = [*FFMPEG, "testsrc2=size=640x360", "-frames:v", "1", "-f", "mjpeg", "-"]
SOUND = [*FFMPEG, "sine=440:d=2", "-ar", "22050", "-f", "wav", "-bitexact", "-"]
LIGHT = "#n_29401_tram-bom_light_cong-thon"
SAY = "#n_29401_tram-bom_say_loa"


async def seen(page: Page, true: str, limit_s: float = 15) -> None:
    """Until an expression is true; the page's policy forbids the polling that playwright itself would do."""
    end = time.monotonic() + limit_s
    while not await page.evaluate(true):
        assert time.monotonic() < end, f"never: {true}"
        await asyncio.sleep(0.1)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        await chromium.close()


@pytest.fixture
async def view(browser: Browser, hub: Running) -> AsyncIterator[Page]:
    page = await browser.new_page(viewport={"width": 360, "height": 640}, locale="vi-VN")
    await page.context.add_cookies([hub.cookie])
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if "Content Security Policy" in m.text else None)
    await page.goto(f"{hub.url}/nodes/29401/tram-bom")
    yield page
    await page.close()
    assert problems == []


async def test_a_morning_at_the_console(hub: Running, node: FakeNode, view: Page, broker: Mosquitto) -> None:
    await expect(view.locator(LIGHT)).to_contain_text("Đang tắt")
    await view.fill(SAY, "Mời bà con thôn Đông")

    held = asyncio.Event()

    async def slowly(n: FakeNode, asked: Any) -> None:
        await held.wait()
        await n._switch_override(asked)

    node.replies["switch.override"] = slowly
    await view.click(LIGHT)
    await expect(view.locator(f"{LIGHT} .sending")).to_be_visible()
    await expect(view.locator(LIGHT)).to_contain_text("Đang tắt")  # not before the node says so
    held.set()
    await expect(view.locator(LIGHT)).to_contain_text("Đang sáng")
    await expect(view.locator(LIGHT)).to_contain_text("Bật tay bởi quan-tri đến")
    await expect(view.locator(f"{LIGHT} .sending")).to_be_hidden()
    await expect(view.locator(".toast.good")).to_contain_text("nút báo đã làm xong")

    for level in (0, 100, 0):
        await node.state(LightState(id="san-nha", at=now(), wanted=level, actual=level, why="rule"))
    await node.send(event(1, "started"))
    await expect(view.locator("#n_29401_tram-bom_events")).to_contain_text("Nút khởi động")
    await expect(view.locator(SAY)).to_have_value("Mời bà con thôn Đông")

    await view.click("text=Đọc ngay")
    await expect(view.locator("#n_29401_tram-bom_speaker_loa")).to_contain_text("Đang phát: Mời bà con thôn Đông")
    await expect(view.locator(SAY)).to_have_value("")
    await view.locator("[data-camera]").scroll_into_view_if_needed()
    await expect(view.locator("[data-taken]")).to_contain_text("Ảnh chụp lúc")

    await node.lose()
    await expect(view.locator("#n_29401_tram-bom_head")).to_contain_text("Mất kết nối từ")
    other = FakeNode(broker.port, node.verifier, node="cong-lang", title="Cổng làng")
    await view.goto(f"{hub.url}/nodes")
    await expect(view.locator("#n_29401_tram-bom_row")).to_contain_text("Mất kết nối từ")
    async with other:
        await expect(view.locator("#n_29401_cong-lang_row")).to_contain_text("Cổng làng")
        assert await view.locator(".node-row").count() == 2


async def test_answer_is_told_though_the_light_was_drawn_anew_meanwhile(
    hub: Running, node: FakeNode, view: Page
) -> None:
    held = asyncio.Event()

    async def refuse(n: FakeNode, asked: Any) -> None:
        await held.wait()
        await n.ack(asked, "rejected", fault=Fault.of("command.busy"))

    node.replies["switch.override"] = refuse
    await view.click(LIGHT)
    await expect(view.locator(f"{LIGHT} .sending")).to_be_visible()
    await node.state(LightState(id="cong-thon", at=now(), wanted=100, actual=100, why="rule"))
    await expect(view.locator(LIGHT)).to_contain_text("Đang sáng")
    held.set()
    await expect(view.locator(".toast.bad")).to_contain_text("quá nhiều lệnh chờ")


async def test_page_says_when_the_broker_goes_and_comes(
    hub: Running, node: FakeNode, view: Page, broker: Mosquitto
) -> None:
    broker.stop()
    await expect(view.locator("#hub-state")).to_contain_text("Trung tâm mất liên lạc với các nút", timeout=10_000)
    await view.click(LIGHT)
    await expect(view.locator(".toast.bad")).to_contain_text("Chưa gửi được")
    await view.click(".toast .close")
    await expect(view.locator(".toast")).to_have_count(0)
    broker.start()
    await expect(view.locator("#hub-state")).to_contain_text("Trung tâm liên lạc tốt", timeout=20_000)


async def test_page_comes_back_when_the_hub_does(broker: Mosquitto, browser: Browser, tmp_path: Path) -> None:
    config = config_for(tmp_path, broker.port, listen={"port": free_port()})
    page = await browser.new_page(viewport={"width": 360, "height": 640}, locale="vi-VN")
    async with serving(config) as hub:
        await page.context.add_cookies([hub.cookie])
        node = FakeNode(broker.port, Verifier({hub.hub.signer.key_id: hub.hub.signer.public}))
        await node.__aenter__()
        await page.goto(f"{hub.url}/nodes/29401/tram-bom")
        await expect(page.locator(LIGHT)).to_be_visible()
        await page.fill(SAY, "Câu đang viết dở")
    await expect(page.locator("#stale")).to_be_visible()
    await page.click(LIGHT)
    await expect(page.locator(".toast.bad")).to_contain_text("Trang đang mất kết nối")
    await node.state(LightState(id="cong-thon", at=now(), wanted=100, actual=100, why="rule"))
    async with serving(config):
        await expect(page.locator("#stale")).to_be_hidden(timeout=15_000)
        await expect(page.locator(".toast")).to_have_count(0)  # what it said holds no longer
        await expect(page.locator(LIGHT)).to_contain_text("Đang sáng")
        await expect(page.locator(SAY)).to_have_value("Câu đang viết dở")
        await page.close()
    await node.lose()


async def test_works_without_javascript(hub: Running, node: FakeNode, browser: Browser) -> None:
    context = await browser.new_context(java_script_enabled=False, locale="vi-VN")
    page = await context.new_page()
    await page.context.add_cookies([hub.cookie])
    await page.goto(f"{hub.url}/nodes/29401/tram-bom")
    await page.click(LIGHT)
    await expect(page.locator(".toast")).to_contain_text("nút báo đã làm xong")
    await expect(page.locator(LIGHT)).to_contain_text("Đang sáng")
    await context.close()


async def fill(node: FakeNode) -> None:
    """A day's worth of everything."""
    node.picture = subprocess.run(PICTURE, capture_output=True, check=True).stdout
    sound = subprocess.run(SOUND, capture_output=True, check=True).stdout
    digest = hashlib.sha256(sound).hexdigest()
    async with httpx.AsyncClient(timeout=30) as http:
        await http.put(f"{node.hub_url}/media/{digest}", content=sound, headers={"Authorization": f"Bearer {TOKEN}"})
    fault = Fault.of("light.switching_error", id="san-nha", wanted=100, actual=0)
    until_ = now() + timedelta(hours=3)
    await node.state(LightState(id="cong-thon", at=now(), wanted=100, actual=100, why="override", until=until_))
    await node.state(LightState(id="san-nha", at=now(), wanted=100, actual=0, why="program", until=until_, fault=fault))
    await node.state(
        SpeakerState(
            id="loa",
            at=now(),
            actual="idle",
            last_spoken="Mời bà con ra nhà văn hoá họp.",
            last_at=now(),
            last_sound=digest,
        )
    )
    missed = Fault.of("bulletin.missed_clock")
    for bulletin in (
        BulletinState(id="b1", at=now(), actual="ready", title="Bản tin sáng thôn Đông", next=until_),
        BulletinState(id="b2", at=now(), actual="missed", title="Tiêm phòng dại", last=now(), fault=missed),
    ):
        await node.state(bulletin)
    await node.send(
        event(1, "started", version="0.1.0"),
        event(2, "switched", "light/cong-thon", level=100, why="override", by="console"),
        event(3, "fault", "light/san-nha", code="light.switching_error", id="san-nha", wanted=100, actual=0),
        sample(4, cpu=12.5, memory=40, temperature=51.2, disk=33, outbox_waiting=0),
    )


@pytest.mark.parametrize(("width", "height"), [(360, 640), (1280, 800)])
async def test_nothing_is_too_small_or_sticks_out(
    hub: Running, node: FakeNode, browser: Browser, tmp_path: Path, width: int, height: int
) -> None:
    await node.furnish(rows=2)
    await fill(node)
    await until(lambda: getattr(hub.hub.ledger.accounts.get("29401/tram-bom"), "sample", None))
    page = await browser.new_page(viewport={"width": width, "height": height}, locale="vi-VN")
    await page.context.add_cookies([hub.cookie])
    await page.goto(f"{hub.url}/nodes/29401/tram-bom")
    await page.evaluate("document.querySelector('audio').load()")
    await page.locator("[data-camera]").scroll_into_view_if_needed()
    await seen(page, "document.querySelector('[data-camera]').naturalWidth === 640")
    await page.evaluate("document.querySelector('audio').preload = 'metadata'")
    await seen(page, "document.querySelector('audio').readyState >= 1")
    for summary in await page.query_selector_all("main summary"):
        await summary.click()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    small = await page.evaluate(
        """() => [...document.querySelectorAll(
        'main :is(button, summary, input:not([type=hidden]), textarea, select, a)')]
        .filter(e => { const r = e.getBoundingClientRect();
        return r.width && (r.height < 47.9 || r.width < 47.9); }).map(e => e.outerHTML.slice(0, 80))"""
    )
    assert small == []
    tiny = await page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter(e => e.innerText && parseFloat(
        getComputedStyle(e).fontSize) < 18).map(e => e.outerHTML.slice(0, 80))"""
    )
    assert tiny == []
    await page.screenshot(path=tmp_path / f"console-{width}.png", full_page=True)
    await page.close()


async def test_two_hundred_lights_stay_usable_on_a_phone(
    hub: Running, node: FakeNode, view: Page, tmp_path: Path
) -> None:
    await node.furnish(rows=200)
    await until(lambda: len(hub.hub.registry.nodes["29401/tram-bom"].states) >= 211, 20)
    card = view.locator("#n_29401_tram-bom")
    await expect(card.locator("summary", has_text="Đường trục thôn (201)")).to_be_visible(timeout=15_000)
    assert await view.evaluate("document.documentElement.scrollHeight") < 12_000  # folded: not 200 rows
    await expect(view.locator("#n_29401_tram-bom_light_den-150")).to_be_hidden()
    await view.locator(".alerts a", has_text="Đèn sân bóng").click()
    await expect(view.locator("#n_29401_tram-bom_light_san-bong")).to_be_visible()
    await view.locator("#n_29401_tram-bom_l_san-bong_30").click()
    await expect(view.locator("#n_29401_tram-bom_l_san-bong")).to_contain_text("Bật tay bởi quan-tri đến")
    await expect(view.locator("#n_29401_tram-bom_light_san-bong")).to_be_visible()  # its fold stays open
    await card.locator("summary", has_text="Đường trục thôn (201)").click()
    await expect(view.locator("#n_29401_tram-bom_light_den-150")).to_contain_text("Theo lịch đến")
    await card.evaluate("card => { card.dataset.shape = ''; card.dataset.before = '1'; }")
    await node.furnish(rows=201)  # another lamp: the card is drawn anew, and what is unfolded stays so
    await expect(card).not_to_have_attribute("data-before", "1", timeout=15_000)
    await expect(view.locator("#n_29401_tram-bom_light_den-150")).to_be_visible()
    await view.locator("#n_29401_tram-bom_g_truc-thon_off").click()
    await expect(view.locator("#n_29401_tram-bom_g_truc-thon")).to_contain_text("0/202 đang bật", timeout=15_000)
    assert await view.evaluate("document.documentElement.scrollWidth") <= 360
    await view.screenshot(path=tmp_path / "lights.png")


async def test_level_is_chosen_by_a_slider_that_states_do_not_move(hub: Running, node: FakeNode, view: Page) -> None:
    await node.furnish()
    slider = view.locator("#n_29401_tram-bom_l_san-bong_level")
    await view.locator("summary", has_text="Chỉnh độ sáng").click()
    await slider.fill("35")
    await expect(view.locator("output")).to_have_text("35 %")
    await node.state(LightState(id="san-bong", at=now(), wanted=80, actual=80, why="rule"))
    await expect(view.locator("#n_29401_tram-bom_light_san-bong")).to_contain_text("Đang sáng 80 %")
    await expect(slider).to_have_value("35")
    await view.locator("#n_29401_tram-bom_l_san-bong_set").click()
    await expect(view.locator("#n_29401_tram-bom_light_san-bong")).to_contain_text("Đang sáng 35 %")
    assert node.commands[-1].args.level == 35  # type: ignore[union-attr]
