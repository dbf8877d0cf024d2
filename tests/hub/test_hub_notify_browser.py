"""The day of who looks after messages, on a phone-sized screen: a channel, a try, a silent cluster, quiet hours."""

from pathlib import Path

from hub_rig import FakeNode, Mosquitto, config_for, now, serving, until
from notify_rig import Hook, hook
from playwright.async_api import Page, async_playwright, expect
from test_hub_browser import CHROMIUM, FLAGS

from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import SpeakerState
from edge_agent.contract.signature import Verifier
from edge_agent.contract.switched import LightState

AT_ONCE = {"settle_s": 0, "gather_s": 0, "local_services": True}
PHONE = {"width": 360, "height": 640}


async def dark(node: FakeNode, light: str) -> None:
    fault = Fault.of("fault.lampFailure", id=light, value="0 W")
    await node.state(LightState(id=light, at=now(), wanted=100, actual=100, why="program", fault=fault))


async def leave_in_peace(page: Page, begin: str, end: str) -> None:
    """The channel's hours of quiet, chosen anew as a thumb does; none with empty words."""
    await page.goto(page.url.split("?")[0])
    await page.get_by_text("Đổi cách báo").tap()
    form = page.locator("details[open] form")
    await form.get_by_label("Từ giờ").fill(begin)
    await form.get_by_label("Đến giờ").fill(end)
    await form.get_by_role("button", name="Lưu").tap()
    await expect(page.get_by_text("Đã lưu kênh Trực điện")).to_be_visible()


async def test_a_channel_is_made_tried_told_of_and_left_in_peace(broker: Mosquitto, tmp_path: Path) -> None:
    async with hook() as there, serving(config_for(tmp_path, broker.port, notify=AT_ONCE)) as hub:
        signer = hub.hub.signer
        async with (
            FakeNode(broker.port, Verifier({signer.key_id: signer.public})) as node,
            async_playwright() as playwright,
        ):
            browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
            page = await browser.new_page(viewport=PHONE, has_touch=True, locale="vi-VN")
            page.set_default_timeout(30_000)
            await page.context.add_cookies([hub.cookie])
            await page.goto(f"{hub.url}/notify")
            await made_and_tried(page, there)
            await told_of(page, node, there)
            await left_in_peace(page, node, there)
            assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
            await page.screenshot(path=tmp_path / "notify.png", full_page=True)
            await browser.close()


async def made_and_tried(page: Page, there: Hook) -> None:
    await page.get_by_text("Dịch vụ nhắn tin (SMS, Zalo)", exact=True).tap()
    form = page.locator("details[open] form")
    await form.get_by_label("Địa chỉ nhận tin của dịch vụ").fill(there.url.replace("json", "http"))
    await form.get_by_label("Tên kênh").fill("Trực điện")
    await form.get_by_label("Báo việc ở đâu").select_option("29401")
    await form.get_by_role("button", name="Thêm kênh").tap()
    await expect(page.get_by_text("Đã thêm kênh Trực điện")).to_be_visible()
    await page.get_by_role("button", name="Gửi thử").tap()
    await until(lambda: there.got, 30)
    assert "Tin thử" in there.got[0]["title"]


async def told_of(page: Page, node: FakeNode, there: Hook) -> None:
    """A cluster that was not heard: who is on duty reads which, and the page shows what they were told."""
    await node.state(SpeakerState(id="loa", at=now(), actual="idle", heard=False))
    await until(lambda: len(there.got) > 1, 60)
    assert "1 loa không nghe thấy tiếng" in there.got[1]["title"] and "Trạm bơm Đông" in there.bodies[1]
    await page.reload()
    await expect(page.get_by_role("main")).to_contain_text("1 loa không nghe thấy tiếng")


async def left_in_peace(page: Page, node: FakeNode, there: Hook) -> None:
    """What happens in the hours of quiet comes afterwards, in one message."""
    await leave_in_peace(page, "00:00", "23:59")
    for light in ("cong-thon", "san-bong"):
        await dark(node, light)
    await page.goto(page.url.split("/notify")[0])
    await expect(page.locator("#home-wrong")).to_contain_text("Trạm bơm Đông")
    await page.go_back()
    assert len(there.got) == 2
    await leave_in_peace(page, "", "")
    await until(lambda: len(there.got) > 2, 60)
    assert "2 đèn hoặc thiết bị hỏng" in there.got[2]["title"]
    assert "Đèn cổng thôn" in there.bodies[2] and "san-bong" in there.bodies[2]
