"""The console's pages of the air with real agents: a notice on two clusters together, an emergency and its end."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from air_rig import RATE, agents, begun, phone, played, read_wave, there
from hub_rig import Mosquitto, Running, until
from playwright.async_api import expect

PLACES = (("dong-1", "Thôn Đông 1", "Thôn Đông"), ("tay-1", "Thôn Tây 1", "Thôn Tây"))


@pytest.fixture
async def speakers(hub: Running, broker: Mosquitto, tmp_path: Path) -> AsyncIterator[dict[str, Path]]:
    with agents(tmp_path, broker.port, hub.hub.signer, *PLACES) as sounds:
        await there(hub, *sounds)
        yield sounds


async def test_notice_is_heard_on_both_clusters_at_one_instant(hub: Running, speakers: dict[str, Path]) -> None:
    async with phone(hub, None) as page:
        await page.goto(f"{hub.url}/air")
        await page.click("text=Đọc thông báo ngay")
        await page.fill("textarea[name=text]", "Mời bà con ra nhà văn hoá họp.")
        await page.check("input[name='at:26734']")
        await page.click("button.main")
        await expect(page.locator("#round")).to_contain_text("2/2 cụm loa đã nhận", timeout=30_000)
        await expect(page.locator("#round")).to_contain_text("2 đã phát hết", timeout=60_000)
    first, second = (played(folder)[-1] for folder in speakers.values())
    assert abs(begun(first) - begun(second)) < 0.05
    assert np.array_equal(read_wave(first), read_wave(second))


@pytest.mark.long
async def test_emergency_is_held_for_sounds_everywhere_and_ends(hub: Running, speakers: dict[str, Path]) -> None:
    async with phone(hub, None) as page:
        await page.goto(f"{hub.url}/air")
        await page.click("text=Phát tin khẩn cấp")
        await page.click("text=Diễn tập báo động")
        await page.check("input[name='at:26734']")
        await page.click("button[value=check]")
        await expect(page.locator(".will")).to_contain_text("2 cụm loa: Thôn Đông, Thôn Tây")
        hold = page.locator("[data-hold]")
        await hold.scroll_into_view_if_needed()
        box = await hold.bounding_box()
        assert box is not None
        await page.mouse.move(box["x"] + 40, box["y"] + 30)
        await page.mouse.down()
        await asyncio.sleep(0.5)
        await page.mouse.up()  # let go too early: nothing
        await expect(hold).to_contain_text("Giữ 2 giây để phát")
        assert hub.hub.air.emergencies.all == ()
        await page.mouse.down()
        await expect(page.locator("#emergency")).to_contain_text("2/2 cụm loa đang hú", timeout=40_000)
        await page.mouse.up()
        await until(lambda: all(len(played(folder)) >= 2 for folder in speakers.values()), 60)  # the siren, the words
        await page.click("button#emergency-clear")
        await expect(page.locator("#emergency")).to_contain_text("0/2 cụm loa đang hú", timeout=30_000)
        await expect(page.locator("#emergency")).to_contain_text("đã dừng")
        before = {place: len(played(folder)) for place, folder in speakers.items()}
        await until(lambda: all(len(played(f)) > before[p] for p, f in speakers.items()), 60)  # the all-clear
        await asyncio.sleep(12)  # it would have been repeated by now
        assert all(len(played(folder)) == before[place] + 1 for place, folder in speakers.items())
    siren = read_wave(played(speakers["26734/dong-1"])[0])
    assert len(siren) / RATE > 5
    assert float(np.abs(siren).max()) > 0.2


async def test_two_taps_without_javascript_do_it_too(hub: Running, speakers: dict[str, Path]) -> None:
    async with phone(hub, None) as page:
        context = await page.context.browser.new_context(java_script_enabled=False)  # type: ignore[union-attr]
        await context.add_cookies([hub.cookie])
        bare = await context.new_page()
        await bare.goto(f"{hub.url}/air/emergency?use=seed-6")
        await bare.check("input[name='at:26734//thon-dong']")
        await bare.click("button[value=check]")
        await bare.check("input[name=sure]")
        await bare.click("button[value=send]")
        await until(lambda: hub.hub.air.emergencies.all)
        await until(lambda: played(speakers["26734/dong-1"]), 30)
        await bare.reload()
        await bare.click("button#emergency-clear")
        await expect(bare.locator(".emergency")).to_contain_text("đã báo yên")
    assert played(speakers["26734/tay-1"]) == []
