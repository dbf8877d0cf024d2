"""The pages of the air can be read and touched: sizes, contrast, width; on a phone, a wide screen, at large text."""

from datetime import timedelta
from pathlib import Path

import pytest
from air_rig import phone
from hub_rig import FakeNode, Running, now, until
from playwright.async_api import Page

from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import BulletinState, SpeakerState
from hub.air.emergency import Words
from hub.people.acting import acting

SMALL = """() => [...document.querySelectorAll('button, summary, input:not([type=hidden]), textarea, select, a')]
    .filter(e => !e.matches('.skip') && e.checkVisibility()).filter(e => { const r = e.getBoundingClientRect();
    return r.width && (r.height < 47.9 || r.width < 47.9); }).map(e => e.outerHTML.slice(0, 160))"""
TINY = """() => [...document.querySelectorAll('main *')].filter(e => e.innerText && parseFloat(
    getComputedStyle(e).fontSize) < 18).map(e => e.outerHTML.slice(0, 80))"""
PALE = """() => {
  const rgb = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = (c) => { const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92
    : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] === 1) return c; } return [255, 255, 255]; };
  return [...document.querySelectorAll('main *')].filter(e => e.checkVisibility() && !e.closest('svg') &&
    [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())).map(e => {
      const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
      return [(a + 0.05) / (b + 0.05), e.outerHTML.slice(0, 100)]; }).filter(([ratio]) => ratio < 7);
}"""
"""WCAG 2.2, contrast (enhanced): relative luminance of text against the nearest painted background."""


async def busy(hub: Running, node: FakeNode) -> list[str]:
    """Something of everything; the pages that show it."""
    fault = Fault.of("speech.no_engine", detail="x" * 60)
    start = now()
    state = {"id": "loa", "at": start, "actual": "playing", "playing": "b-1", "title": "Bản tin sáng có tên thật dài"}
    state |= {"since": start, "ends": start + timedelta(minutes=3), "heard": False, "queue": ("b-2",)}
    await node.state(SpeakerState.model_validate({**state, "fault": fault}))
    coming = BulletinState(id="b-2", at=start, actual="preparing", title="Tiếp", next=start + timedelta(hours=1))
    await node.state(coming)
    await until(lambda: ("bulletin", "b-2") in hub.hub.registry.nodes["29401/tram-bom"].states)
    account = hub.hub.accounts.by_login("quan-tri")
    assert account is not None
    with acting(account.person):
        words = Words("Xả lũ", "Hồ chứa đang xả lũ.", clear="Đã hết.")
        id_ = await hub.hub.air.emergencies.sound(words, ["29401/tram-bom"], 15)
    stop = await hub.http.post("/air/stop", data={"place": ""})
    pages = ["/air", "/air/mic", "/air/speak", "/air/emergency?use=seed-1", "/air/prepared?id=seed-1"]
    return [*pages, f"/air/emergency/{id_}", stop.headers["location"]]


async def looked_at(page: Page, path: str, width: int) -> None:
    for summary in await page.query_selector_all("main summary"):
        await summary.click()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert await page.evaluate(SMALL) == [], path
    assert await page.evaluate(TINY) == [], path
    assert await page.evaluate(PALE) == [], path


@pytest.mark.parametrize(("width", "height"), [(360, 640), (1280, 900), (200, 356)])
async def test_everything_can_be_read_and_touched(
    hub: Running, node: FakeNode, tmp_path: Path, width: int, height: int
) -> None:
    paths = await busy(hub, node)
    async with phone(hub, None) as page:
        await page.set_viewport_size({"width": width, "height": height})
        for path in paths:
            await page.goto(hub.url + path)
            await looked_at(page, path, width)
            await page.screenshot(path=tmp_path / f"{path.strip('/').replace('/', '-')[:40]}-{width}.png")
        await page.goto(f"{hub.url}/air/emergency?use=seed-1")
        await page.check("input[name^='at:']")
        await page.click("button[value=check]")
        await page.wait_for_selector("[data-hold]")
        await looked_at(page, "the second step", width)
        if width >= 360:
            await page.goto(f"{hub.url}/air?lang=en")
            await looked_at(page, "/air in English", width)
