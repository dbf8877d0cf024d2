"""Five minutes of a newcomer with a phone in the demo: by the words on the buttons, each result looked for where it is.

With `GUIDE_PICTURES=folder` (`scripts/guide` does it) the pictures of docs/guide are made on the way.
"""

import io
import os
import re
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from phone_rig import SLOW, Phone, new_page
from PIL import Image
from playwright.sync_api import Locator, expect, sync_playwright
from test_e2e_demo import _ARGUMENTS, run_demo, wait_until

MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
"""A microphone that beeps."""
CLUSTERS = {"thon-dong": "Cụm loa thôn Đông", "thon-tay": "Cụm loa thôn Tây", "cho-tay": "Cụm loa chợ Tây"}
WEST = ("thon-tay", "duong-tay"), ("thon-tay", "san-bong"), ("cho-tay", "cho")
"""The lights of the village that is made dark."""
TITLE = "Họp thôn"


class Walk(Phone):
    """Somebody with a phone in a demo."""

    def go(self, name: str) -> None:
        """By the bar under the thumb."""
        self.page.locator("nav.bar").get_by_role("link", name=name).tap()

    def enter(self, role: str) -> None:
        self.page.get_by_role("button", name=role).first.tap()
        expect(self.page.locator("header .who")).to_be_visible(timeout=SLOW)

    def leave(self) -> None:
        self.page.locator("nav.bar summary").tap()
        self.page.locator("nav.bar").get_by_role("button", name="Đăng xuất").tap()
        expect(self.page.get_by_role("heading", name="Vào với vai trò")).to_be_visible(timeout=SLOW)

    def picture(self, name: str, at: Locator | None = None) -> None:
        """What the phone shows now, `at` as far up as can be; small enough for a page of a guide."""
        assert self.page.evaluate("document.documentElement.scrollWidth") <= 360, f"{name} runs over the side"
        if at is not None:
            at.first.evaluate("e => { e.scrollIntoView({ block: 'start' }); scrollBy(0, -12); }")
        self.page.wait_for_timeout(600)  # for what is drawn last: pictograms, the bar of a sound
        shown = Image.open(io.BytesIO(self.page.screenshot()))
        shown.convert("RGB").quantize(96).save(self.album / f"{name}.png", optimize=True)

    def horns(self) -> dict[str, list[Path]]:
        """The sounds that left each horn that is a file."""
        names = [name for name in CLUSTERS if name != "thon-dong" or "drivers/horn" in self.demo.printed]
        return {name: sorted((self.demo.folder / name / "drivers" / "horn").glob("*.wav")) for name in names}


@pytest.fixture
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    wanted = os.environ.get("GUIDE_PICTURES")
    album = Path(wanted) if wanted else tmp_path_factory.mktemp("pictures")
    for demo in run_demo(tmp_path_factory.mktemp("walk"), "mosquitto"):
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*_ARGUMENTS, *MICROPHONE])
            walk = Walk(demo, new_page(browser), album)
            walk.keep_to_this_machine()
            yield walk
            browser.close()
        assert walk.problems == []


def test_what_a_newcomer_does_in_five_minutes(walk: Walk) -> None:
    """One sitting: what is aired is planned first, and what takes its time goes on meanwhile."""
    _come_in(walk)
    _write(walk)
    heard_s = _listen(walk)
    _plan(walk)
    _approve(walk)
    _lights(walk)
    _watch(walk)
    _aired(walk, heard_s)
    _speak(walk)
    _who_did_not_answer(walk)


def _come_in(walk: Walk) -> None:
    walk.page.goto(walk.demo.url)
    expect(walk.page.get_by_role("heading", name="Vào với vai trò")).to_be_visible(timeout=SLOW)
    walk.picture("01-vai-tro")
    walk.enter("Cán bộ truyền thanh")
    expect(walk.page.locator("header")).to_contain_text("3/3 nút đang kết nối", timeout=SLOW)
    walk.picture("02-trang-chinh")


def _write(walk: Walk) -> None:
    walk.follow("Soạn bản tin")
    walk.press("Soạn tin mới")
    walk.page.get_by_label("Tên bản tin").fill(TITLE)
    walk.page.get_by_label("Nội dung để đọc").fill("Kính mời bà con 7h30 sáng mai đến nhà văn hoá họp thôn.")
    expect(walk.page.locator("#write_state")).to_contain_text("Đã lưu lúc", timeout=SLOW)
    walk.picture("03-soan-tin", walk.page.locator("fieldset", has=walk.page.get_by_label("Nội dung để đọc")))


def _listen(walk: Walk) -> float:
    """As it will sound. Gives its seconds."""
    walk.press("Nghe thử")
    sound = walk.main().locator("audio").first
    expect(sound).to_be_visible(timeout=SLOW)
    sound.evaluate("a => a.play()")
    walk.page.wait_for_function("() => document.querySelector('main audio').currentTime > 1", timeout=SLOW)
    expect(walk.main()).to_contain_text("bảy giờ ba mươi")
    walk.picture("04-nghe-thu", walk.page.locator(".reading:not(:empty)"))
    return float(sound.evaluate("a => a.duration"))


def _plan(walk: Walk) -> None:
    walk.press("Chọn giờ và nơi phát")
    day = walk.page.get_by_role("button", name="Sớm nhất").get_attribute("data-date") or ""
    walk.press("Sớm nhất")
    for area in ("Thôn Đông", "Thôn Tây"):
        walk.main().get_by_role("checkbox", name=area, exact=True).tap()
    expect(walk.page.locator("#plan_said")).to_contain_text("Phát ở 3 cụm loa", timeout=SLOW)
    expect(walk.page.locator(".sentence")).to_contain_text("/".join(reversed(day.split("-"))))
    walk.picture("05-gio-va-noi", walk.main().get_by_text("Phát ở đâu?"))
    walk.press("Gửi duyệt")
    expect(walk.main()).to_contain_text("Chờ duyệt", timeout=SLOW)


def _approve(walk: Walk) -> None:
    """Nobody approves what they wrote: the demo has somebody for it."""
    walk.leave()
    walk.enter("Người duyệt")
    walk.picture("06-cho-duyet")
    walk.follow(TITLE)
    sign = walk.main().get_by_role("button", name="Đã nghe, duyệt phát")
    expect(sign).to_be_visible(timeout=SLOW)
    sound = walk.main().locator("audio").last
    sound.evaluate("a => a.play()")
    expect(sound).to_have_js_property("ended", True, timeout=SLOW)
    walk.picture("07-duyet", walk.main().locator("article"))
    sign.tap()
    expect(walk.main()).to_contain_text("Không có bản tin nào chờ duyệt", timeout=SLOW)
    walk.leave()
    walk.enter("Cán bộ truyền thanh")


def _lights(walk: Walk) -> None:
    walk.go("Đèn")
    walk.follow("Thôn Tây")
    panel = walk.page.locator("#lights-panel")
    panel.get_by_role("button").filter(has_text=re.compile("^Bật$")).tap()
    expect(walk.page.get_by_text("3/3 đèn đang sáng")).to_be_visible(timeout=SLOW)
    panel.get_by_role("button", name="Tắt 10 phút").tap()
    expect(walk.page.get_by_text("0/3 đèn đang sáng").first).to_be_visible(timeout=SLOW)
    walk.picture("08-tat-den", panel)
    for node, light in WEST:
        said = walk.state(node, "light", light)
        assert (said["actual"], said["why"]) == (0, "override")
        assert said["until"]


def _watch(walk: Walk) -> None:
    walk.go("Trang chính")
    walk.follow("Camera")
    walk.follow("Xem trực tiếp")
    expect(walk.page.locator(".watcher")).to_have_attribute("data-state", "live", timeout=SLOW)
    before = walk.page.locator(".watcher video").evaluate("v => v.currentTime")
    walk.page.wait_for_function(
        "before => document.querySelector('.watcher video').currentTime > before + 2", arg=before, timeout=SLOW
    )
    walk.picture("09-camera", walk.page.locator("#camera-name"))


def _aired(walk: Walk, heard_s: float) -> None:
    """It leaves all three horns, and what left them is as long as what was heard before."""
    walk.go("Đang phát")
    row = walk.page.locator(".cluster", has_text=CLUSTERS["thon-dong"])
    expect(row).to_contain_text(f"“{TITLE}”", timeout=4 * SLOW)
    expect(row).to_contain_text("micrô nghe thấy", timeout=SLOW)
    walk.picture("10-dang-phat", row)
    wait_until(lambda: all(walk.horns().values()), 60)
    for name, sounds in walk.horns().items():
        assert _loud_s(sounds[0]) > heard_s / 2, name
        assert walk.state(name, "speaker", "loa")["actual"] in ("idle", "playing")


def _loud_s(path: Path) -> float:
    """Seconds of a sound in which there is something to hear."""
    with wave.open(str(path)) as sound:
        rate = sound.getframerate()
        level = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(float)
    blocks = level[: len(level) // 480 * 480].reshape(-1, 480)
    return float((np.sqrt((blocks**2).mean(axis=1)) > 100).sum() * 480 / rate)


def _speak(walk: Walk) -> None:
    before = walk.horns()
    walk.page.evaluate("scrollTo(0, 0)")
    walk.follow("Nói trực tiếp ra loa")
    walk.main().get_by_role("checkbox", name="Tất cả").tap()
    walk.press("Bật micrô")
    talk = walk.main().get_by_role("button", name="Nhấn giữ để nói")
    expect(talk).to_be_visible(timeout=SLOW)
    talk.scroll_into_view_if_needed()
    box = talk.bounding_box()
    assert box is not None
    walk.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    walk.page.mouse.down()
    expect(walk.main()).to_contain_text("ĐANG NÓI RA LOA", timeout=SLOW)
    expect(walk.page.locator("[data-rows]")).to_contain_text("đang phát", timeout=SLOW)
    walk.page.wait_for_timeout(3_000)  # so long is spoken
    walk.page.wait_for_function("() => document.querySelector('[data-meter]').value > 10", timeout=SLOW)
    walk.picture("11-noi-truc-tiep")
    walk.page.mouse.up()
    expect(walk.page.locator("[data-status]")).to_contain_text("Đã dừng. 3/3 cụm loa báo đã phát xong", timeout=SLOW)
    for name, sounds in walk.horns().items():
        (spoken,) = set(sounds) - set(before[name])
        assert _loud_s(spoken) > 0.1, name


def _who_did_not_answer(walk: Walk) -> None:
    walk.go("Trang chính")
    silent = walk.page.locator("#home-silent")
    expect(silent).to_contain_text(CLUSTERS["cho-tay"], timeout=SLOW)
    expect(silent).not_to_contain_text(CLUSTERS["thon-tay"])
    walk.picture("12-cum-im-lang", silent)
    silent.get_by_role("link", name=CLUSTERS["cho-tay"]).tap()
    expect(walk.page.get_by_role("heading", name=CLUSTERS["cho-tay"], exact=True)).to_be_visible(timeout=SLOW)
    expect(walk.main()).to_contain_text("Micrô không nghe thấy lần phát cuối", timeout=SLOW)
    walk.picture("13-xem-cum", walk.page.get_by_role("heading", name=f"Loa: {CLUSTERS['cho-tay']}"))
