"""`edge-agent demo` as a newcomer meets it: the real programs, and a real browser on a phone's screen."""

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from bench.rig import free_port
from edge_agent.cli.demo import _free_port

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_HERE = ZoneInfo("Asia/Ho_Chi_Minh")


@dataclass
class Demo:
    """A running demo."""

    folder: Path
    url: str
    printed: str

    def pid(self, node: str) -> int:
        found = re.search(rf"{node} .*?pid (\d+)", self.printed)
        assert found is not None, self.printed
        return int(found[1])

    def events(self, node: str, type_: str) -> list[dict[str, object]]:
        """What the node has put into its outbox, read through the broker."""
        lines = self.command("watch", node, "--json", "--for", "1").splitlines()
        bodies = [json.loads(line)["body"] for line in lines]
        return [r for body in bodies if body and "records" in body for r in body["records"] if r.get("type") == type_]

    def command(self, *argv: str, code: int = 0) -> str:
        env = {**os.environ, "EDGE_HUB": str(self.folder / "hub.yaml")}
        done = subprocess.run(
            [sys.executable, "-m", "edge_agent", *argv],
            capture_output=True,
            text=True,
            env=env,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module", params=["mosquitto"])
def demo(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Demo]:
    yield from run_demo(tmp_path_factory.mktemp("demo"), request.param)


def run_demo(folder: Path, broker: str) -> Iterator[Demo]:
    """Start a demo, wait until it names the page, and end it."""
    log = folder / "printed.txt"
    with log.open("wb") as output:
        child = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "edge_agent",
                "demo",
                "--folder",
                str(folder),
                "--broker",
                broker,
                "--port",
                str(free_port()),
            ],
            stdout=output,
            stderr=output,
        )
    try:
        wait_until(lambda: "http://" in log.read_text() or child.poll() is not None, 60)
        printed = log.read_text()
        found = re.search(r"http://127\.0\.0\.1:\d+/", printed)
        assert found is not None, printed
        yield Demo(folder, found[0], printed)
    finally:
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 0
    left = subprocess.run(["pgrep", "-f", str(folder)], capture_output=True, text=True, check=False).stdout
    assert left == "", f"the demo left processes: {left}"


def wait_until(true: Callable[[], object], limit_s: float) -> None:
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def page(demo: Demo) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_ARGUMENTS)
        context = browser.new_context(viewport={"width": 360, "height": 640}, locale="vi-VN")
        opened = context.new_page()
        enter(opened, demo)
        visit(opened, demo, "thon-dong")
        yield opened
        browser.close()


def enter(page: Page, demo: Demo, role: str = "Người quản trị") -> None:
    """One tap makes somebody of whoever opens the demo."""
    page.goto(demo.url)
    page.get_by_role("button", name=role).first.click()
    expect(page.locator("header .who")).to_be_visible()


def visit(page: Page, demo: Demo, node: str) -> None:
    """The page of a node, once the hub knows it."""
    for _ in range(60):
        answer = page.goto(f"{demo.url}nodes/26734/{node}")
        if answer is not None and answer.status == 200:
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"the hub does not know {node}")


def card(page: Page, name: str):  # type: ignore[no-untyped-def]
    return page.locator("article", has=page.get_by_role("heading", name=name))


def test_the_whole_way(demo: Demo, page: Page) -> None:
    """One visit: what a newcomer does within the first minutes, in one sitting because the demo is one."""
    east = card(page, "Cụm loa thôn Đông")
    expect(page.locator("article .presence.online")).to_have_count(1, timeout=15_000)
    due = _plan_for_the_next_minute(demo, east)
    _switch(demo, east)
    _speak(demo, page, east)
    _picture(east)
    _aired(demo, east, due)
    _unplugged(demo, page)


def _plan_for_the_next_minute(demo: Demo, east) -> datetime:  # type: ignore[no-untyped-def]
    due = (datetime.now(_HERE) + timedelta(seconds=70)).replace(second=0, microsecond=0)
    words = {"id": "thu", "title": "Bản tin thử", "text": "Đây là bản tin thử của xã.", "at": due.isoformat()}
    demo.command("send", "thon-dong", "bulletin.plan", f"bulletin={json.dumps(words)}")
    expect(east.locator(".bulletins li")).to_have_count(1, timeout=10_000)
    return due


def _switch(demo: Demo, east) -> None:  # type: ignore[no-untyped-def]
    lamp = east.locator("button.lamp", has_text="Đèn nhà văn hoá")
    expect(lamp).to_have_attribute("aria-pressed", "false")
    lamp.click()
    expect(lamp).to_have_attribute("aria-pressed", "true", timeout=10_000)
    state = demo.command("watch", "thon-dong", "--json", "--for", "1")
    light = next(json.loads(line)["body"] for line in state.splitlines() if "state/light/nha-van-hoa" in line)
    assert (light["actual"], light["why"]) == (100, "override")
    assert light["until"]


def _speak(demo: Demo, page: Page, east) -> None:  # type: ignore[no-untyped-def]
    east.locator("textarea[name=text]").first.fill("Kính mời bà con 7h30 sáng mai đi họp.")
    east.get_by_role("button", name="Đọc ngay").click()
    audio = east.locator("audio")
    expect(audio).to_have_count(1, timeout=40_000)
    expect(east.locator(".quote")).to_contain_text("bảy giờ ba mươi")
    address = demo.url.rstrip("/") + (audio.get_attribute("src") or "")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(address)  # nobody's business
    content = page.context.request.get(address).body()
    with wave.open(io.BytesIO(content)) as sound:
        assert sound.getframerate() == 48_000
        assert sound.getnframes() > 48_000


def _picture(east) -> None:  # type: ignore[no-untyped-def]
    picture = east.locator("img.picture")
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("naturalWidth", 1280, timeout=15_000)
    first = picture.get_attribute("src")
    expect(picture).not_to_have_attribute("src", first or "", timeout=15_000)


def _aired(demo: Demo, east, due: datetime) -> None:  # type: ignore[no-untyped-def]
    wait = (due - datetime.now(_HERE)).total_seconds()
    expect(east.locator(".bulletins li.aired")).to_have_count(1, timeout=(max(0, wait) + 30) * 1000)
    sounds = sorted((demo.folder / "thon-dong" / "drivers" / "horn").glob("*.wav"))
    if sounds:  # a machine with a sound card plays instead
        started = datetime.strptime(sounds[-1].name[:18], "%Y%m%dT%H%M%S.%f").replace(tzinfo=ZoneInfo("UTC"))
        assert abs((started - due).total_seconds()) < 1


def _unplugged(demo: Demo, page: Page) -> None:
    os.kill(demo.pid("thon-tay"), signal.SIGKILL)
    visit(page, demo, "thon-tay")
    west = card(page, "Cụm loa thôn Tây")
    presence = west.locator(".presence.offline")
    expect(presence).to_have_count(1, timeout=15_000)
    expect(presence).to_contain_text(re.compile(r"\d\d:\d\d"))
    for button in (west.locator("button.lamp").first,):
        button.click()
    expect(page.locator(".toast.bad").first).to_be_visible(timeout=30_000)


def test_a_second_demo_in_the_same_folder_is_refused(demo: Demo) -> None:
    demo.command("demo", "--folder", str(demo.folder), code=1)


def test_without_mosquitto(tmp_path: Path) -> None:
    """amqtt stands in: the same nodes, the same hub."""
    with contextlib.closing(run_demo(tmp_path, "amqtt")) as running:
        demo = next(running)
        out = demo.command("send", "thon-dong", "switch.override", "thing=nha-van-hoa", "level=100", "--json")
        assert json.loads(out)["ack"]["state"] == "done"


def test_a_demo_that_is_not_listening_yet_keeps_its_ports_from_another_one() -> None:
    port = free_port()
    with contextlib.ExitStack() as first, contextlib.ExitStack() as second:
        assert _free_port(port, first) == port
        assert _free_port(port, second) != port
    with contextlib.ExitStack() as third:
        assert _free_port(port, third) == port
