"""A phone's browser speaks into its microphone, and real nodes' loudspeakers say it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from air_rig import RATE, SENT, agents, begun, bursts, likeness, onsets, phone, played, read_wave, there, write_wave
from hub_rig import FakeNode, Mosquitto, Running, until
from playwright.async_api import Page, expect

PLACES = (("dong-1", "Thôn Đông 1", "Thôn Đông"), ("tay-1", "Thôn Tây 1", "Thôn Tây"))
SOUND, TIMES = bursts(25)
NO_OPUS = "delete window.AudioEncoder;"


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wave(tmp_path_factory.mktemp("mic") / "voice.wav", SOUND)


@pytest.fixture
async def speakers(hub: Running, broker: Mosquitto, tmp_path: Path) -> AsyncIterator[dict[str, Path]]:
    with agents(tmp_path, broker.port, hub.hub.signer, *PLACES) as sounds:
        await there(hub, *sounds)
        yield sounds


async def is_in(page: Page, name: str, limit_s: float = 20) -> None:
    """Until the page says so."""
    await expect(page.locator(f"[data-mic][data-state={name}]")).to_be_visible(timeout=limit_s * 1000)


async def ready(page: Page, hub: Running, *places: str, before: str = "") -> None:
    """The microphone's page, its places chosen, the microphone on."""
    await page.add_init_script(SENT + before)
    await page.goto(f"{hub.url}/air/mic")
    for place in places:
        await page.check(f"input[name='at:{place}']")
    await page.click("[data-talk]")
    await is_in(page, "ready")


async def press(page: Page) -> None:
    """A finger goes down on the button, and stays."""
    button = page.locator("[data-talk]")
    await button.scroll_into_view_if_needed()
    box = await button.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.mouse.down()


@pytest.mark.parametrize("before", ["", NO_OPUS], ids=["opus", "samples"])
async def test_what_is_spoken_is_heard_on_all_chosen_clusters(
    hub: Running, speakers: dict[str, Path], microphone: Path, before: str
) -> None:
    async with phone(hub, microphone) as page:
        await ready(page, hub, "26734", before=before)
        await press(page)
        await is_in(page, "counting")
        await is_in(page, "speaking")
        await asyncio.sleep(6)
        await expect(page.locator("[data-rows]")).to_contain_text("Thôn Đông 1 đang phát", timeout=20_000)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        await page.mouse.up()
        await is_in(page, "ended", 30)
        await expect(page.locator("[data-status]")).to_have_text("Đã dừng. 2/2 cụm loa báo đã phát xong.")
        sent = await page.evaluate("window.sent")
    lengths = [bytes_ for _, _, _, bytes_ in sent]
    assert (max(lengths) > 900) is bool(before)  # plain samples, or Opus
    for folder in speakers.values():
        (path,) = played(folder)
        heard = read_wave(path)
        assert 5 <= len(heard) / RATE <= 12
        alike, _ = likeness(heard[RATE : 5 * RATE], SOUND)
        assert alike > 0.7, "other sounds than were spoken"
        # the instant at which that part of the file was spoken, by the page's own frames
        lags = mouth_to_horn(sent, heard, begun(path))
        assert lags, "no call was found in what was heard"
    starts = [begun(played(folder)[0]) for folder in speakers.values()]
    assert abs(starts[0] - starts[1]) < 0.05


def mouth_to_horn(sent: list[tuple[int, int, int, int]], heard: object, start: float) -> list[float]:
    """How much later each call is heard than it was spoken, seconds; by the page's own record of its frames."""
    spoken, quiet = [], 10
    for at_ms, _, below_db, _ in sent:
        if below_db < 40:
            if quiet >= 8:
                spoken.append(at_ms / 1000 - 0.02)
            quiet = 0
        else:
            quiet += 1
    lags = []
    for onset in onsets(heard):  # type: ignore[arg-type]
        before = [start + onset - at for at in spoken if 0.2 < start + onset - at < 1.5]
        lags += before[-1:]
    return lags


async def test_long_speech_by_two_taps_in_one_area_only(
    hub: Running, speakers: dict[str, Path], microphone: Path
) -> None:
    async with phone(hub, microphone) as page:
        await ready(page, hub, "26734//thon-tay")
        await page.check("[data-latch]")
        await page.tap("[data-talk]")
        await is_in(page, "speaking")
        await expect(page.locator("[data-left]")).to_contain_text("1:5")
        await asyncio.sleep(2)
        await page.tap("[data-talk]")
        await is_in(page, "ended", 30)
        await expect(page.locator("[data-status]")).to_have_text("Đã dừng. 1/1 cụm loa báo đã phát xong.")
    assert len(played(speakers["26734/tay-1"])) == 1
    assert played(speakers["26734/dong-1"]) == []


async def test_letting_go_before_the_count_is_over_says_nothing(hub: Running, node: FakeNode, microphone: Path) -> None:
    async with phone(hub, microphone) as page:
        await ready(page, hub)  # one area: it is chosen already
        await press(page)
        await is_in(page, "counting")
        await page.mouse.up()
        await is_in(page, "ended", 30)
    assert [c.do for c in node.commands if c.do.startswith("live.")] == ["live.start", "live.stop"]


async def test_page_that_is_put_away_falls_silent(hub: Running, node: FakeNode, microphone: Path) -> None:
    async with phone(hub, microphone) as page:
        await ready(page, hub)
        await page.check("[data-latch]")
        await page.tap("[data-talk]")
        await is_in(page, "speaking")
        await page.evaluate(
            "Object.defineProperty(document, 'hidden', {value: true});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
        await until(lambda: node.commands[-1].do == "live.stop", 20)
        await is_in(page, "ended", 30)


async def test_leaving_the_page_ends_it(hub: Running, node: FakeNode, microphone: Path) -> None:
    async with phone(hub, microphone) as page:
        await ready(page, hub)
        await page.check("[data-latch]")
        await page.tap("[data-talk]")
        await is_in(page, "speaking")
        await page.goto(f"{hub.url}/air")
        await until(lambda: node.commands[-1].do == "live.stop", 20)


async def test_nothing_chosen_is_said_and_nothing_is_sent(
    hub: Running, node: FakeNode, broker: Mosquitto, microphone: Path
) -> None:
    async with phone(hub, microphone) as page:
        await ready(page, hub)
        await page.uncheck("input[name='at:29401//thon-dong']")
        await press(page)
        await expect(page.locator("[data-status]")).to_have_text("Chưa chọn nơi có loa để nói.")
        await page.mouse.up()
    assert not [c for c in node.commands if c.do.startswith("live.")]


async def test_microphone_that_is_not_there_or_not_allowed_is_said(hub: Running, node: FakeNode) -> None:
    async with phone(hub, None) as page:
        await page.goto(f"{hub.url}/air/mic")
        await page.click("[data-talk]")
        await expect(page.locator("[data-status]")).to_contain_text("micrô", timeout=15_000)
        await is_in(page, "off")
        words = await page.inner_text("[data-status]")
        assert "Máy này không có micrô" in words or "chưa được phép" in words or "Không bật được" in words


async def test_browser_that_gives_no_microphone_is_shown_other_ways(hub: Running, node: FakeNode) -> None:
    async with phone(hub, None) as page:
        await page.add_init_script("Object.defineProperty(navigator, 'mediaDevices', {value: undefined});")
        await page.goto(f"{hub.url}/air/mic")
        await expect(page.locator("[data-insecure]")).to_be_visible()
        await expect(page.locator("[data-insecure]")).to_contain_text("https")
        await expect(page.locator("[data-desk]")).to_be_hidden()
        await expect(page.locator("[data-insecure] a").last).to_have_attribute("href", "/air/speak")
