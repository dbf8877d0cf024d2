"""The page of the fault panel: the command in one process, the cabinet in this one, a real browser between them."""

import asyncio
import http.client
import json
import logging
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import yaml
from playwright.async_api import Browser, Page, async_playwright, expect

from drivers.clock import SystemClock
from drivers.contract import DriverContext, DriverFault
from drivers.simulated.cabinet import SimulatedCabinet
from drivers.simulated.config import OF_A_LINE, OF_THE_CABINET
from drivers.simulated.faults import OF_CABINET, OF_LINES, OF_SENSORS
from edge_agent.cli.panelpage import told

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]
PHONE: Any = {"width": 360, "height": 640}
LINES = {
    "den-1": {"watts": 400},
    "bom": {"name": "<b>Bơm</b> & van", "kind": "pump", "watts": 1500, "litres_per_minute": 60},
}


def node(folder: Path) -> Path:
    path = folder / "node.yaml"
    config = {
        "node": {
            "commune": "26734",
            "name": "n",
            "title": "Thôn <Đông>",
            "position": {"latitude": 21, "longitude": 106},
        },
        "storage": {"path": str(folder / "state")},
        "broker": {"url": "mqtt://127.0.0.1:1"},
        "command_keys": [{"id": "k", "public": "A" * 43}],
        "drivers": [{"id": "tu", "driver": "simulated-cabinet", "lines": LINES}],
        "lights": [{"id": "cong-lang", "name": "Đèn cổng làng", "line": "tu/den-1"}],
    }
    path.write_text(yaml.safe_dump(config, allow_unicode=True))
    return path


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """A served panel, which ends cleanly when it is interrupted."""
    argv = [sys.executable, "-m", "edge_agent", "panel", str(node(tmp_path)), "--http", "0", "--json"]
    process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield json.loads(await asyncio.wait_for(process.stdout.readline(), 60))["url"]
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 60) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
async def cabinet(tmp_path: Path) -> AsyncIterator[SimulatedCabinet]:
    folder = tmp_path / "state" / "drivers" / "tu"
    folder.mkdir(parents=True)
    context = DriverContext("tu", SystemClock(), logging.getLogger("test"), folder)
    config = SimulatedCabinet.Config.model_validate({"lines": LINES, "look_every_s": 0.05})
    async with SimulatedCabinet(config, context) as cabinet:
        await cabinet.switch("den-1", True)
        yield cabinet


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield chromium
        await chromium.close()


def card(page: Page, thing: str) -> Any:
    return page.locator(f"[data-thing='tu/{thing}']")


def ask(url: str, path: str = "/", *, form: Mapping[str, str] | str | None = None, **headers: str) -> tuple[int, str]:
    """One request as a program makes it; a header's underscores are hyphens."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    text = form if isinstance(form, str) or form is None else urlencode(form)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request("GET" if form is None else "POST", path, text, named)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


async def asked(url: str, path: str = "/", **more: Any) -> tuple[int, str]:
    return await asyncio.to_thread(ask, url, path, **more)


async def token_of(url: str) -> str:
    _, text = await asked(url)
    found = re.search(r'name="token" value="([^"]+)"', text)
    assert found is not None
    return found[1]


async def test_a_trainer_breaks_and_mends_with_a_phone(url: str, cabinet: SimulatedCabinet, browser: Browser) -> None:
    page = await browser.new_page(viewport=PHONE, locale="vi-VN")
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    await page.goto(url)
    await expect(page.locator("h1")).to_have_text("Thôn <Đông>")
    await expect(page.locator("#status")).to_contain_text("Nút đang chạy")
    lamp, door, warmth = card(page, "den-1"), card(page, "door"), card(page, "temperature")
    await expect(lamp.locator("> summary")).to_contain_text("Đèn cổng làng")
    await expect(card(page, "bom").locator("> summary")).to_contain_text("<b>Bơm</b> & van")
    await expect(lamp.locator("> summary .now")).to_have_text("lệnh bật, tiếp điểm đóng, 400 W")

    await cabinet.switch("den-1", False)  # seen without a touch
    await expect(lamp.locator("> summary .now")).to_have_text("lệnh tắt, tiếp điểm mở, 0 W", timeout=20_000)

    await lamp.locator("> summary").click()
    welded = lamp.get_by_role("button", name="Dính tiếp điểm")
    await cabinet.switch("den-1", True)
    await welded.click()
    await expect(welded).to_have_attribute("aria-pressed", "true")
    await cabinet.switch("den-1", False)
    await expect(lamp.locator("> summary .now")).to_have_text("lệnh tắt, tiếp điểm đóng, 400 W", timeout=20_000)
    await expect(lamp.locator("> summary .fault")).to_have_text("Đang giả hỏng: Dính tiếp điểm")
    assert (await cabinet.measure("den-1_contact")).value == 1

    await door.locator("> summary").click()
    await door.get_by_role("button", name="Mở cửa").click()
    await expect(door.locator("> summary .now")).to_have_text("mở")
    await warmth.locator("> summary").click()
    await warmth.locator("input[type=number]").fill("38.5")
    await page.keyboard.press("Enter")
    await expect(warmth.locator("> summary .now")).to_have_text("38,5 °C")
    assert (await cabinet.measure("temperature")).value == 38.5

    await lamp.locator(".mend").first.click()
    await expect(lamp.locator("> summary .now")).to_have_text("lệnh tắt, tiếp điểm mở, 0 W", timeout=20_000)
    await expect(door.locator("> summary .now")).to_have_text("mở")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    sizes = [await each.bounding_box() for each in await page.locator("button:visible, input:visible").all()]
    assert all(size is not None and size["height"] >= 48 for size in sizes)
    await page.get_by_role("button", name="Sửa hết").click()
    await expect(page.locator(".broken")).to_have_count(0)
    assert (await cabinet.measure("door")).value == 0
    assert problems == []
    await page.close()


async def test_a_number_that_cannot_be_is_refused_in_words_and_changes_nothing(
    url: str, cabinet: SimulatedCabinet, browser: Browser
) -> None:
    page = await browser.new_page(viewport=PHONE)
    await page.goto(url)
    before = (await cabinet.measure("tank")).value
    await card(page, "tank").locator("> summary").click()
    await card(page, "tank").get_by_role("button", name="Báo số này").click()
    await expect(page.locator("#problem")).to_contain_text("cần một số")
    assert (await cabinet.measure("tank")).value == pytest.approx(before, abs=1)
    await page.close()


async def test_it_works_without_a_script_and_in_english(url: str, cabinet: SimulatedCabinet, browser: Browser) -> None:
    context = await browser.new_context(java_script_enabled=False, viewport=PHONE)
    page = await context.new_page()
    await page.goto(url)
    await page.get_by_role("link", name="English").click()
    own = card(page, "bom_flow")
    await card(page, "bom").locator("> summary").click()
    await card(page, "bom").locator(".own > summary").click()
    await own.locator("> summary").click()
    await own.get_by_role("button", name="Silent").click()
    await page.wait_for_url("**open=tu%2Fbom_flow**")
    await expect(own.get_by_role("button", name="Silent")).to_have_attribute("aria-pressed", "true")
    await expect(own.locator(".now")).to_have_text("no value")
    with pytest.raises(DriverFault):
        await cabinet.measure("bom_flow")
    await page.get_by_role("button", name="Mend all").click()
    await expect(page.locator(".broken")).to_have_count(0)
    await context.close()


async def test_a_node_that_does_not_run_can_be_broken_beforehand(url: str) -> None:
    form = {"token": await token_of(url), "change": "tu/den-1=dead"}
    status, text = await asked(url, "/set", form=form, Accept="application/json")
    state = json.loads(text)
    assert (status, state["running"], state["cells"]["tu/den-1"]["set"]) == (200, False, "tu/den-1=dead")
    assert "Nút chưa chạy" in state["status"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example:80"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Sec_Fetch_Site": "same-origin"}, 303),
        ({}, 303),
    ],
)
async def test_a_foreign_page_breaks_nothing(
    url: str, cabinet: SimulatedCabinet, tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    token = await token_of(url)
    file = tmp_path / "state" / "drivers" / "tu" / "panel.json"
    for wrong in (
        {"change": "clear"},
        {"change": "tu/door=open", "token": token[:-1]},
        {"token": "ạ", "change": "clear"},
    ):
        assert (await asked(url, "/set", form=wrong))[0] == 403
    assert not file.exists()
    form = {"change": "tu/door=open", "token": token}
    assert (await asked(url, "/set", form=form, **headers))[0] == status
    assert file.exists() is (status == 303)


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/nothing", None, 404),
        ("/../../etc/passwd", None, 404),
        ("/panel.py", None, 404),
        ("/nothing", {"change": "clear"}, 404),
        ("/?" + "&".join(["a=1"] * 50), None, 400),
        ("/set", "x" * 5000, 413),
        ("/set", {"change": "tu/den-9=dead"}, 400),
        ("/set", {"change": "tu/den-1"}, 400),
        ("/set", {"change": "tu/temperature=value", "number": "nan"}, 400),
        ("/set", {}, 400),
    ],
)
async def test_what_is_not_understood_is_refused_and_it_goes_on(
    url: str, path: str, form: dict[str, str] | str | None, status: int
) -> None:
    if isinstance(form, dict):
        form = {"token": await token_of(url), **form}
    found, text = await asked(url, path, form=form)
    assert (found, len(text) > 5) == (status, True)
    assert (await asked(url))[0] == 200


async def test_many_silent_connections_end_and_each_answer_has_its_policy(url: str) -> None:
    parts = urlsplit(url)
    idle = [socket.create_connection((parts.hostname, parts.port)) for _ in range(40)]
    for each in idle:
        each.close()

    async def again() -> int:
        while True:
            try:
                return (await asked(url))[0]
            except (OSError, http.client.HTTPException):
                await asyncio.sleep(0.1)

    assert await asyncio.wait_for(again(), 60) == 200
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    for path in ("/", "/state", "/panel.js", "/panel.css", "/nothing"):
        await asyncio.to_thread(connection.request, "GET", path)
        answer = await asyncio.to_thread(connection.getresponse)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
        answer.read()
    connection.close()


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        argv = [sys.executable, "-m", "edge_agent", "panel", str(node(tmp_path)), "--http", port]
        process = await asyncio.create_subprocess_exec(*argv, stderr=asyncio.subprocess.PIPE)
        _, err = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, port in err.decode()) == (1, True)


def test_every_fault_and_part_has_words_in_both_languages() -> None:
    for kind in (*OF_LINES, *OF_CABINET.values(), *OF_SENSORS):
        assert told("vi", f"panel.kind.{kind}", amount=1) != told("en", f"panel.kind.{kind}", amount=1)
    for part in {*OF_A_LINE, *OF_THE_CABINET}:
        assert told("vi", f"panel.part.{part}") and told("en", f"panel.part.{part}")
