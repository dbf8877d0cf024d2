"""The days of who comes to the console for one thing: each from the sign-in to what a node reports, on a phone.

One demo for all: real broker, real agents, simulated cabinets. What must not be there is counted as well. Pictures of
each day are kept in the folder that `DAY_PICTURES` names.
"""

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from phone_rig import SLOW, Phone, new_page
from playwright.sync_api import Browser, expect, sync_playwright
from test_e2e_demo import _ARGUMENTS, Demo, run_demo, wait_until

pytestmark = pytest.mark.long

PASSWORD = "lúa chín vàng đồng"
EAST = "Cụm loa thôn Đông"
WEST = ("Thôn Tây", "Cụm loa thôn Tây", "Cụm loa chợ Tây")
"""What nobody of the eastern village may read anywhere."""
ALL_OF_ADMINISTRATORS = ("/people", "/people/invite", "/audit", "/tokens", "/notify", "/map/26734/fit")


class Somebody(Phone):
    """Who comes for one thing."""

    def go(self, name: str) -> None:
        """By the bar under the thumb, through `Thêm` if it is there."""
        bar = self.page.locator("nav.bar")
        if not bar.locator("> a", has_text=name).count():
            bar.locator("summary").tap()
        bar.get_by_role("link", name=name, exact=True).tap()

    def enter(self, login: str) -> None:
        """As somebody of the demo."""
        self.page.goto(f"{self.demo.url}demo")
        self.page.locator(f"form:has(input[value='{login}']) button").tap()
        expect(self.page.locator("header .who")).to_be_visible(timeout=SLOW)

    def ways(self) -> set[str]:
        """Where the bar and its menu lead."""
        return set(self.page.locator("nav.bar a").evaluate_all("all => all.map(a => new URL(a.href).pathname)"))

    def read(self) -> str:
        """All words of the page, folded ones too."""
        return str(self.page.evaluate("document.body.textContent"))

    def closed(self, *paths: str) -> None:
        """None of these pages opens, and none of the refusals says more than that."""
        for path in paths:
            answer = self.page.request.get(self.demo.url.rstrip("/") + path)
            assert answer.status in (403, 404), path
            assert EAST not in answer.text(), path

    def speak(self, text: str) -> None:
        """A notice, read now wherever they may."""
        self.go("Trang chính")
        self.follow("Nói ra loa")
        self.follow("Đọc thông báo ngay")
        self.page.get_by_label("Nội dung cần đọc").fill(text)
        offered = self.main().get_by_role("checkbox")
        for place in range(offered.count()):
            offered.nth(place).check()
        self.press("Đọc ngay")
        expect(self.main()).to_contain_text("1/1 cụm loa", timeout=SLOW)

    def picture(self, name: str) -> None:
        self.page.wait_for_load_state("load")  # style sheets too
        assert self.page.evaluate("document.documentElement.scrollWidth") <= 360, f"{name} runs over the side"
        self.page.wait_for_timeout(400)  # for what is drawn last
        self.page.screenshot(path=self.album / f"{name}.png")

    def sounds(self, node: str) -> int:
        """How many sounds have left the horn of a node."""
        return len(list((self.demo.folder / node / "drivers" / "horn").glob("*.wav")))


@dataclass
class Days:
    """The demo, and phones that see nothing but it."""

    demo: Demo
    browser: Browser
    album: Path
    phones: list[Somebody] = field(default_factory=list)
    guests: int = 0

    def phone(self) -> Somebody:
        """A new one, 360 pixels wide."""
        phone = Somebody(self.demo, new_page(self.browser), self.album)
        phone.keep_to_this_machine()
        self.phones.append(phone)
        return phone

    def invited(self, name: str, role: str, place: str) -> Somebody:
        """The administrator makes a card; who got it opens it, chooses a password, leaves, and comes in with it."""
        office, own = self.phone(), self.phone()
        office.enter("quan-tri")
        office.go("Người dùng")
        office.follow("Mời người mới")
        office.page.get_by_label("Họ và tên").fill(name)
        office.page.get_by_label("Vai trò", exact=True).select_option(role)
        office.page.get_by_label("Ở đâu", exact=True).select_option(place)
        office.press("Tạo thẻ mời")
        link = office.page.locator(".invitation .secret").inner_text().strip()
        self.guests += 1
        number = f"09{self.guests:08d}"
        own.page.goto(link)
        own.page.get_by_label("Số điện thoại").fill(number)
        own.page.get_by_label("Mật khẩu mới").fill(PASSWORD)
        own.press("Nhận lời mời")
        expect(own.page.locator("header .who")).to_contain_text(name, timeout=SLOW)
        own.page.locator("nav.bar summary").tap()
        own.page.locator("nav.bar").get_by_role("button", name="Đăng xuất").tap()
        expect(own.page.get_by_role("heading", name="Vào với vai trò")).to_be_visible(timeout=SLOW)
        own.page.goto(f"{self.demo.url}sign-in?by=password")
        own.page.get_by_label("Số điện thoại").fill(number)
        own.page.get_by_label("Mật khẩu").fill(PASSWORD)
        own.press("Vào")
        expect(own.page.locator("header .who")).to_contain_text(name, timeout=SLOW)
        office.page.context.close()
        return own


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    wanted = os.environ.get("DAY_PICTURES")
    album = Path(wanted) if wanted else tmp_path_factory.mktemp("pictures")
    album.mkdir(parents=True, exist_ok=True)
    for demo in run_demo(tmp_path_factory.mktemp("days"), "mosquitto"):
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_ARGUMENTS)
            days = Days(demo, browser, album)
            _until_all_are_there(days)
            yield days
            browser.close()


@pytest.fixture
def days(house: Days) -> Iterator[Days]:
    yield house
    problems = [problem for phone in house.phones for problem in phone.problems]
    for phone in house.phones:
        phone.page.context.close()
    house.phones.clear()
    assert problems == []


def _until_all_are_there(days: Days) -> None:
    phone = days.phone()
    phone.enter("quan-tri")
    expect(phone.page.locator("header")).to_contain_text("3/3 nút đang kết nối", timeout=SLOW)
    phone.page.context.close()
    days.phones.clear()


def test_the_day_of_an_area_head(days: Days) -> None:
    """Three big things; lights, a notice and the gate's camera of the own village, and not a word of the other one."""
    head = days.phone()
    head.enter("dong")
    doing = head.main().locator(".doing a")
    expect(doing).to_have_count(3)
    expect(head.page.locator("header")).to_contain_text("1/1 nút đang kết nối", timeout=SLOW)
    head.picture("area-head-1-home")
    seen = head.read()

    head.follow("Đèn")
    lamp = head.main().locator("button.lamp", has_text="Đèn nhà văn hoá")
    expect(lamp).to_have_attribute("aria-pressed", "false", timeout=SLOW)
    lamp.tap()
    expect(lamp).to_have_attribute("aria-pressed", "true", timeout=SLOW)
    head.picture("area-head-2-light")
    assert head.state("thon-dong", "light", "nha-van-hoa")["actual"] == 100
    seen += head.read()
    lamp.tap()
    expect(lamp).to_have_attribute("aria-pressed", "false", timeout=SLOW)

    before = {node: head.sounds(node) for node in ("thon-tay", "cho-tay")}
    head.speak("Mời bà con thôn Đông ra nhà văn hoá.")
    head.picture("area-head-3-notice")
    head.go("Đang phát")
    expect(head.main()).to_contain_text("micrô nghe thấy", timeout=SLOW)
    head.picture("area-head-4-heard")
    assert head.sounds("thon-dong") > 0 or "drivers/horn" not in head.demo.printed
    assert {node: head.sounds(node) for node in before} == before, "the other village heard nothing"
    seen += head.read()

    head.go("Trang chính")
    head.follow("Camera")
    head.follow("Xem trực tiếp")
    expect(head.page.locator(".watcher")).to_have_attribute("data-state", "live", timeout=SLOW)
    head.picture("area-head-5-camera")
    seen += head.read()
    assert [name for name in WEST if name in seen] == []
    assert head.ways() & {"/people", "/reports", "/approve", "/reports-of-residents"} == set()
    head.closed(*ALL_OF_ADMINISTRATORS, "/approve", "/reports", "/nodes/26734/thon-tay", "/lights/26734/thon-tay")


def test_the_day_of_an_administrator(days: Days) -> None:
    """Somebody new comes and goes within a minute; the whole village's lights; who did it stands in the log."""
    new = days.invited("Đỗ Thị Mới", "staff", "26734//thon-tay")
    new.page.goto(f"{days.demo.url}lights")
    expect(new.main().locator("button.lamp").first).to_be_visible(timeout=SLOW)
    office = days.phone()
    office.enter("quan-tri")
    assert {"/people", "/reports", "/nodes", "/approve"} <= office.ways()
    office.picture("administrator-1-home")
    office.go("Đèn")
    office.follow("Thôn Tây")
    office.page.locator("#lights-panel").get_by_role("button", name="Tắt 10 phút").tap()
    expect(office.page.locator("#lights-panel")).to_contain_text("2/2 nút báo đã làm xong", timeout=SLOW)
    expect(office.page.locator("#lights-panel")).to_contain_text("Tắt 10 phút: ")
    office.picture("administrator-2-village")
    for node, light in (("thon-tay", "duong-tay"), ("cho-tay", "cho")):
        said = office.state(node, "light", light)
        assert (said["actual"], said["why"]) == (0, "override")

    office.go("Người dùng")
    office.follow("Đỗ Thị Mới")
    expect(office.page.get_by_role("heading", name="Đỗ Thị Mới")).to_be_visible(timeout=SLOW)
    office.picture("administrator-3-person")
    office.main().locator("summary", has_text="Khoá tài khoản").tap()
    office.press("Khoá ngay")
    new.main().locator("button.lamp").first.tap()
    expect(new.page).to_have_url(re.compile("/(sign-in|demo)"), timeout=SLOW)
    office.go("Người dùng")
    office.follow("Nhật ký thao tác")
    expect(office.main()).to_contain_text("Đỗ Thị Mới", timeout=SLOW)
    office.picture("administrator-4-log")


def test_the_day_of_an_installer(days: Days) -> None:
    """A lamp left on by hand in its cabinet is found, looked at, mended and seen well; nothing to speak with."""
    fitter = days.invited("Hoàng Văn Lắp", "installer", "26734")
    panel = ("panel", str(days.demo.folder / "thon-dong.yaml"))
    expect(fitter.page.locator("#home-wrong")).to_contain_text("Mọi thứ đều tốt", timeout=SLOW)
    days.demo.command(*panel, "nha-van-hoa=hand")
    wrong = fitter.page.locator("#home-wrong").get_by_role("link", name=EAST)
    expect(wrong).to_be_visible(timeout=SLOW)
    fitter.picture("installer-1-home")
    seen = fitter.read()
    wrong.tap()
    expect(fitter.page.locator(".alerts li")).to_have_count(1, timeout=SLOW)
    fitter.picture("installer-2-fault")
    days.demo.command(*panel, "nha-van-hoa=ok")
    expect(fitter.page.locator(".alerts li")).to_have_count(0, timeout=SLOW)
    lamp = fitter.main().locator("button.lamp", has_text="Đèn nhà văn hoá")
    expect(lamp).to_have_attribute("aria-pressed", "false", timeout=SLOW)
    lamp.tap()
    expect(lamp).to_have_attribute("aria-pressed", "true", timeout=SLOW)
    fitter.picture("installer-3-mended")
    assert fitter.state("thon-dong", "light", "nha-van-hoa")["actual"] == 100
    lamp.tap()
    expect(lamp).to_have_attribute("aria-pressed", "false", timeout=SLOW)
    assert fitter.main().locator("textarea").count() == 0
    for words in ("Đọc ngay", "Phát tin khẩn cấp", "Soạn bản tin"):
        assert words not in seen + fitter.read()
    assert fitter.ways() & {"/bulletins", "/air", "/people", "/reports", "/alerts", "/approve"} == set()
    fitter.closed(*ALL_OF_ADMINISTRATORS, "/air/speak", "/air/mic", "/air/emergency", "/write", "/approve", "/reports")


def test_the_day_of_a_viewer(days: Days) -> None:
    """Sees at once what is said in the own village, and nothing that could be pressed."""
    viewer = days.invited("Ngô Thị Xem", "viewer", "26734//thon-dong")
    expect(viewer.page.locator("#home-on_air")).to_contain_text("Không loa nào đang phát", timeout=SLOW)
    viewer.picture("viewer-1-home")
    head = days.phone()
    head.enter("dong")
    head.speak("Mời bà con xem lịch phát ở bảng tin của thôn. " * 3)
    expect(viewer.page.locator("#home-on_air")).to_contain_text(EAST, timeout=SLOW)
    viewer.picture("viewer-2-heard")
    seen = ""
    for way in sorted(viewer.ways()):
        viewer.page.goto(days.demo.url.rstrip("/") + way)
        seen += viewer.read()
        acts = "all => all.filter(f => f.method === 'post' && f.getAttribute('action') !== '/sign-out' "
        acts += "&& !f.getAttribute('action').startsWith('/me/')).map(f => f.outerHTML.slice(0, 90))"
        assert viewer.page.locator("form").evaluate_all(acts) == [], way
    assert [name for name in WEST if name in seen] == []
    assert viewer.ways() == {"/", "/calendar", "/aired", "/nodes", "/me"}
    viewer.closed(*ALL_OF_ADMINISTRATORS, "/lights", "/cameras", "/write", "/air", "/alerts", "/reports")


def test_the_day_of_an_operations_centre(days: Days) -> None:
    """Counts and papers for its people, a token for its program; it reads what nodes report and can do nothing."""
    centre = days.invited("Trung tâm tỉnh", "ioc", "26734")
    days.demo.command("send", "thon-dong", "speak", "text=Trung tâm đọc được dòng này.")
    expect(centre.page.locator("#home-numbers")).to_contain_text("Đang kết nối", timeout=SLOW)
    centre.picture("centre-1-home")
    centre.go("Đã phát")
    months = centre.main().get_by_role("link", name=re.compile("CSV"))
    expect(months.first).to_be_visible(timeout=SLOW)
    centre.picture("centre-2-aired")
    with centre.page.expect_download() as coming:
        months.first.tap()
    rows = list(csv.reader(io.StringIO(Path(coming.value.path()).read_text("utf-8-sig"))))
    assert len(rows) > 0
    assert centre.ways() & {"/air", "/lights", "/cameras", "/people", "/bulletins", "/alerts"} == set()
    centre.closed(*ALL_OF_ADMINISTRATORS, "/air", "/write", "/lights", "/cameras", "/approve")

    office = days.phone()
    office.enter("quan-tri")
    office.page.goto(f"{days.demo.url}tokens")
    office.main().locator("summary", has_text="Cho thêm một phần mềm vào").tap()
    office.page.get_by_label("Tên phần mềm, hoặc nơi dùng").fill("Trung tâm tỉnh")
    office.page.get_by_label("Xem trạng thái và lịch").check()
    office.page.get_by_label("Ở đâu", exact=True).select_option("26734")
    office.press("Tạo mã truy cập")
    token = office.page.locator(".secret").inner_text().strip()
    office.picture("centre-3-token")
    with httpx.Client(
        timeout=30, base_url=f"{days.demo.url}api/v1", headers={"Authorization": f"Bearer {token}"}
    ) as program:
        states = program.get("/nodes/26734/thon-dong/states").json()
        assert "nha-van-hoa" in json.dumps(states)
        lit = program.post("/nodes/26734/thon-dong/switch", json={"thing": "nha-van-hoa", "level": 100, "seconds": 60})
        assert lit.status_code == 403
    wait_until(lambda: centre.state("thon-dong", "light", "nha-van-hoa")["actual"] == 0, 30)
