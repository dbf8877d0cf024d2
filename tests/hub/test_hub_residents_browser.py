"""A resident's phone, and the pages of who answers, in a real browser: report a lamp without a script, read, listen."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from bulletins_rig import EAST, Cluster, cluster, known, someone, tomorrow
from hub_rig import Mosquitto, Running, config_for, event, now, serving, until
from looks_rig import look, shots_folder
from playwright.async_api import Browser, async_playwright
from test_hub_residents import jpeg

from hub.people.rights import Role
from hub.residents.notices import Cut, Line
from hub.residents.places import code_of

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture
async def hub(broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Running]:
    async with serving(config_for(tmp_path, broker.port, residents={"public": True})) as running:
        yield running


@pytest.fixture
async def pole(hub: Running, broker: Mosquitto) -> AsyncIterator[Cluster]:
    made = cluster(hub, broker.port, "cum-dong", "Cụm Đông", "Thôn Đông", (20.50, 105.90))
    async with made:
        await known(hub, made)
        yield made


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield chromium
        await chromium.close()


async def furnished(hub: Running, pole: Cluster) -> None:
    """An announcement that was aired, one for tomorrow, a cut, numbers to call."""
    part = hub.hub.residents
    await part.notices.call((Line("Công an xã", "0351 234 567"), Line("Điện lực", "1900 6769")))
    begins = now() + timedelta(hours=20)
    await part.notices.write(Cut("", begins, begins + timedelta(hours=3), EAST, "Xóm chùa, xóm chợ", "Sửa trạm"))
    async with someone(hub, "lan", Role.STAFF) as staff, someone(hub, "minh", Role.APPROVER) as approver:
        draft = await staff.draft("Mời bà con đi họp tại nhà văn hoá thôn lúc bảy giờ tối. Xin đến đúng giờ.")
        await staff.planned(draft, tomorrow(17), EAST)
        await staff.sounds(draft)
        await approver.act(draft, "approve")
    await until(lambda: pole.plans)
    aired = {"speaker": "loa", "title": "Họp thôn", "class": "ordinary", "authority": "commune", "state": "aired"}
    started = {"started_us": round(now().timestamp() * 1e6), "seconds": 12}
    await pole.send(event(1, "aired", "speaker/loa", id=draft.id, **aired, **started))


@pytest.mark.parametrize(("width", "height"), [(360, 640), (1280, 900)])
async def test_a_resident_reports_a_lamp_without_a_script_and_staff_answer(
    hub: Running, pole: Cluster, browser: Browser, tmp_path: Path, width: int, height: int
) -> None:
    await furnished(hub, pole)
    size, shots = {"width": width, "height": height}, shots_folder(tmp_path)
    context = await browser.new_context(viewport=size, locale="vi-VN", has_touch=width < 600, java_script_enabled=False)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(f"{hub.url}/xa?p={code_of('29401/cum-dong')}")
    await page.get_by_role("link", name="Báo hỏng, phản ánh").click()
    assert await page.get_by_label("Ở đâu?").locator("option:checked").text_content() == "Cụm Đông"
    await page.get_by_label("Đèn hỏng").check()
    await page.get_by_label("Viết vài lời").fill("Đèn trước cổng chùa tắt từ hôm qua")
    photo = {"name": "anh.jpg", "mimeType": "image/jpeg", "buffer": jpeg(1600, 1200)}
    await page.get_by_label("Ảnh chụp").set_input_files([photo])  # type: ignore[list-item]
    await page.get_by_role("button", name="Gửi phản ánh").click()
    number = await page.locator(".number strong").text_content()
    assert number and "Đã nhận" in await page.content()
    await context.close()
    wrong: dict[str, list[str]] = {}
    context = await browser.new_context(viewport=size, locale="vi-VN", has_touch=width < 600)  # type: ignore[arg-type]
    for path in ("/xa", "/xa/report", f"/xa/reports/{number}", "/xa/cameras"):
        page = await context.new_page()
        if problems := await look(page, hub.url, path, shots):
            wrong[path] = problems
        await page.close()
    await context.add_cookies([hub.cookie])
    staff = ("", "/notices", "/posters", f"/{number}")
    for path in (f"/reports-of-residents{rest}" for rest in staff):
        page = await context.new_page()
        if problems := await look(page, hub.url, path, shots):
            wrong[path] = problems
        await page.close()
    await context.close()
    assert not wrong, "\n".join(f"{path}: {each}" for path, problems in wrong.items() for each in problems)
