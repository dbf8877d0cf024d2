"""From a word that nobody knows to the words on the pole: the real hub, the real nodes, a real browser."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, expect, sync_playwright
from test_e2e_demo import _ARGUMENTS, _HERE, Demo, card, enter, run_demo, visit, wait_until

UNKNOWN = "Kính mời bà con ra nhà XQZ họp lúc 7h30."


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    yield from run_demo(tmp_path_factory.mktemp("reading"), "mosquitto")


@pytest.fixture
def east(demo: Demo) -> Iterator[Locator]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_ARGUMENTS)
        page = browser.new_context(viewport={"width": 360, "height": 640}, locale="vi-VN").new_page()
        enter(page, demo)
        visit(page, demo, "thon-dong")
        expect(page.locator("article .presence.online")).to_have_count(1, timeout=15_000)
        yield card(page, "Cụm loa thôn Đông")
        browser.close()


def aired(demo: Demo) -> list[dict[str, Any]]:
    """What the first node says that it has spoken, from the records that the hub keeps."""
    with contextlib.closing(sqlite3.connect(demo.folder / "hub" / "hub.sqlite3")) as kept:
        query = "SELECT body FROM records WHERE address LIKE '%/thon-dong' AND type = 'aired'"
        return [json.loads(body)["data"] for (body,) in kept.execute(query)]


def test_the_pole_says_what_was_chosen_and_nobody_is_asked_twice(demo: Demo, east: Locator) -> None:
    form = east.locator("form", has=east.page.get_by_role("button", name="Đọc ngay"))
    form.locator("textarea").fill(UNKNOWN)
    form.get_by_role("button", name="Đọc ngay").click()
    expect(form.locator("fieldset.ask")).to_contain_text("“XQZ” đọc thế nào?")
    assert aired(demo) == []

    form.locator("input[name='q0.own']").fill("xưởng quy dương")
    form.get_by_label("Nhớ cho lần sau").check()
    form.get_by_role("button", name="Đọc ngay").last.click()  # the one below the question
    expect(east.page.locator(".toast.good").first).to_contain_text("Đã nhớ cách đọc XQZ: xưởng quy dương")
    wait_until(lambda: aired(demo), 60)
    (data,) = aired(demo)
    assert "ra nhà xưởng quy dương họp lúc bảy giờ ba mươi" in data["spoken"]
    assert "guessed" not in data
    assert "xưởng quy dương" in (demo.folder / "hub" / "dictionary.yaml").read_text(encoding="utf-8")
    expect(east.locator(".quote")).to_contain_text("xưởng quy dương")

    form.locator("textarea").fill(f"Lần nữa. {UNKNOWN}")
    form.get_by_role("button", name="Đọc ngay").click()
    wait_until(lambda: len(aired(demo)) == 2, 60)
    assert all("xưởng quy dương" in data["spoken"] for data in aired(demo))
    expect(east.locator("fieldset.ask")).to_have_count(0)


def test_the_node_itself_refuses_a_bulletin_that_nobody_was_asked_about(demo: Demo) -> None:
    at = (datetime.now(_HERE) + timedelta(hours=1)).isoformat()
    bulletin = f'{{"id": "b-x", "title": "x", "text": "Mời bà con ra KWJ.", "at": "{at}"}}'
    answer = json.loads(demo.command("send", "thon-dong", "bulletin.plan", f"bulletin={bulletin}", "--json", code=1))
    assert answer["ack"]["state"] == "rejected"
    assert answer["ack"]["fault"]["code"] == "speech.unclear"
    assert "KWJ" in answer["ack"]["fault"]["vi"]
