"""A box is accepted at its pole: by a phone of 360 pixels and by a terminal, with good hardware and with bad."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from acceptance_rig import NODE, TOPICS, Box, box, doctor
from playwright.sync_api import Browser, Page, expect, sync_playwright

from bench.rig import Sender
from camera.clip import make_clip
from edge_agent.contract.birth import SignedBirth
from edge_agent.local import births

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]
SLOW = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("film") / "gate.mp4", seconds=12, width=320, height=180, fps=10)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, film: Path) -> Iterator[Box]:
    with box(tmp_path_factory.mktemp("box"), film) as made:
        yield made


class Phone:
    """A finger on the page."""

    def __init__(self, browser: Browser, url: str, album: Path | None = None, **more: Any) -> None:
        screen: Any = {"width": 360, "height": 640}
        context = browser.new_context(viewport=screen, has_touch=True, is_mobile=True, locale="vi-VN", **more)
        context.set_default_timeout(SLOW)
        self.page: Page = context.new_page()
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda said: self.problems.append(said.text) if said.type == "error" else None)
        self.album, self.shots = album, 0
        self.page.goto(url)

    def press(self, name: str) -> None:
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).tap()

    def next(self) -> None:
        with self.page.expect_navigation():
            self.page.get_by_role("link", name="Bước tiếp ›").tap()

    def reads(self, *words: str) -> None:
        for each in words:
            expect(self.page.locator("main")).to_contain_text(each, timeout=SLOW)
        self.look()

    def look(self) -> None:
        """Everything fits on the screen, and fingers hit it."""
        self.page.wait_for_load_state()
        assert self.page.evaluate("document.documentElement.scrollWidth") <= 360
        sizes = [each.bounding_box() for each in self.page.locator("button:visible, input:visible, nav a").all()]
        assert all(size is None or size["height"] >= 48 for size in sizes)
        if self.album is not None:
            self.shots += 1
            self.page.screenshot(path=str(self.album / f"{self.shots:02}.png"), full_page=True)


def test_a_phone_walks_through_the_whole_acceptance(good: Box, browser: Browser, tmp_path: Path) -> None:
    sender = Sender(good.port, [TOPICS.event])
    with doctor(good) as (_, url):
        phone = Phone(browser, url, tmp_path)
        phone.reads("Bước 1 trong 8", "Ai nghiệm thu")
        phone.page.get_by_label("Tên người lắp").fill("Nguyễn Văn Lắp <i>")
        phone.page.get_by_label("Vĩ độ").fill("21,0312")
        phone.press("Ghi lại")
        phone.next()
        phone.press("Phát tiếng thử")
        phone.reads("Nghe được tiếng thử", "nghe rõ tiếng thử không?")
        assert phone.page.locator("svg rect").count() == 32
        phone.press("Có")
        phone.reads("Đạt")
        phone.next()
        phone.reads("Đèn: Đèn <cổng>")
        phone.press("Bật")
        phone.reads("phản hồi cũng báo bật", "400 W", "Đèn có sáng không?")
        phone.press("Có")
        phone.press("Tắt")
        phone.reads("phản hồi cũng báo tắt", "Đèn đã tắt chưa?")
        phone.press("Có")
        phone.reads("Đạt")
        phone.next()
        phone.press("Bật")
        phone.reads("Không có phản hồi")
        phone.press("Không")  # the bulb is missing: only eyes can tell
        phone.press("Tắt")
        phone.press("Có")
        phone.reads("Có lỗi")
        phone.next()
        phone.press("Xem hình")
        phone.reads("Hình 320×180")
        assert phone.page.locator("img").evaluate("image => image.naturalWidth") == 320
        phone.press("Có")
        phone.next()
        phone.press("Bắt đầu đo")
        phone.reads("mất 0; thường", "Đạt")
        phone.next()
        phone.page.get_by_text("Không làm được bước này?").tap()
        phone.page.get_by_label("Lý do bỏ qua").fill("không có mạng giờ")
        phone.press("Bỏ qua bước này")
        phone.reads("Bỏ qua: không có mạng giờ")
        phone.next()
        phone.press("Bắt đầu đo")
        phone.reads("Thẻ nhớ còn trống")
        phone.next()
        expect(phone.page.locator("ol.all li")).to_have_count(8)
        phone.press("Ký và gửi biên bản")
        phone.reads("Đã gửi biên bản về trung tâm", "chưa có chữ ký")
        assert phone.problems == []
    signed, record = good.kept()
    body = json.loads(sender.wait(TOPICS.event, b'"installed"', 30)[1])
    [event] = [each for each in body["records"] if each["type"] == "installed"]
    assert event["data"] == {"record": signed.record} and len(json.dumps(event)) < 64_000
    assert (record.node, record.installer, record.position.latitude) == (NODE, "Nguyễn Văn Lắp <i>", 21.0312)
    assert record.position_by == "hand"
    results = {(step.kind, step.id): step.result for step in record.steps}
    assert results["light", "cong"] == results["speaker", "horn"] == results["camera", "cong-cam"] == "ok"
    assert (results["light", "san"], results["clock", None]) == ("faulty", "skipped")
    assert record.faulty >= 1 and record.steps[4].picture
    kept = json.loads((good.state / "drivers" / "horn" / "calibration.json").read_text())
    assert -40 < kept["gain_db"] < 20 and abs(kept["delay_ms"] - 20) < 30
    sender.close()


def test_a_code_opens_once_and_nobody_else_comes_in(good: Box, browser: Browser) -> None:
    with doctor(good) as (process, url):
        assert process.stdout is not None
        first = Phone(browser, url)
        first.reads("Bước 1 trong 8")
        second_code = json.loads(process.stdout.readline())["url"]
        other = Phone(browser, url)  # the code was used
        other.reads("Mã không đúng hoặc đã dùng", "Trang này cần mã")
        answer = other.page.request.post(re.sub("/open.*", "/do", url), form={"act": "begin", "step": "1"})
        assert answer.status == 403
        other.page.get_by_label("Mã mở trang").fill(second_code.rpartition("=")[2].upper())
        other.press("Mở")
        other.reads("Bước 1 trong 8")
        stale = other.page.request.post(re.sub("/open.*", "/do", url), form={"act": "begin", "step": "1", "token": "x"})
        assert stale.status == 403
        foreign = other.page.request.get(re.sub("/open.*", "/", url), headers={"Host": "evil.example"})
        assert foreign.status == 421
        policy = other.page.request.get(re.sub("/open.*", "/", url)).headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        other.page.get_by_role("link", name="English").tap()
        other.reads("Step 1 of 8")
        third_code = json.loads(process.stdout.readline())["url"]
        plain = Phone(browser, f"{third_code}&lang=vi", java_script_enabled=False)
        plain.page.goto(re.sub("/open.*", "/?step=6", url))
        plain.press("Bắt đầu đo")
        plain.reads("trust: assume", "Đạt")  # the page looks again by itself


def test_a_horn_that_is_late_or_silent_is_found(tmp_path: Path, browser: Browser) -> None:
    ear = {"id": "ear", "driver": "simulated-microphone", "hears": "horn", "delay_s": 0.5}
    drivers = [{"id": "horn", "driver": "file-speaker"}, ear]
    with box(tmp_path, drivers=drivers, sensors=[], lights=[]) as made, doctor(made) as (_, url):
        phone = Phone(browser, f"{url}&lang=vi")
        phone.next()
        phone.press("Phát tiếng thử")
        phone.reads("Trễ quá 250 ms")
        phone.press("Có")
        phone.reads("Có lỗi")
        made.break_("ear", "dead")
        phone.press("Làm lại bước này")
        phone.press("Phát tiếng thử")
        phone.reads("Micro không nghe thấy tiếng thử")
        phone.press("Không")
        phone.reads("Có lỗi")


def test_without_an_agent_and_without_a_phone_the_terminal_asks(tmp_path: Path) -> None:
    with box(tmp_path, runs=False, drivers=[], sensors=[], lights=[], speakers=[]) as made:
        births.keep(made.state, SignedBirth(record="{}"))  # of an acceptance whose agent had gone
        sender = Sender(made.port, [TOPICS.event])
        argv = [sys.executable, "-m", "edge_agent", "--lang", "en", "doctor", str(made.config), "--install"]
        options = ["--no-page", "--json", "--link-seconds", "2"]
        answers = "Lan\n\n\n" + "y\nn\n" * 3  # each step: do it; not once more, should it be faulty
        done = subprocess.run(
            [*argv, *options], input=answers, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        sender.wait(TOPICS.event, b'"record":"{}"', 20)
        sender.wait(TOPICS.event, b"Lan", 20)
        sender.close()
    record = json.loads(json.loads(done.stdout)["record"])
    assert record["installer"] == "Lan" and record["position_by"] == "configuration"
    assert [step["kind"] for step in record["steps"]] == ["place", "link", "clock", "power"]
    assert record["steps"][1]["stages"][0]["figures"]["lost"] == 0
    assert "No agent runs" in done.stderr and (made.state / "birth" / "record.json").exists()
