"""Walks the pages of a hub by its own routes and links, and looks at each as a person with a phone would."""

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hub_rig import Running
from playwright.async_api import Page
from starlette.routing import Route

AXE = Path(__file__).parents[2] / "hub" / "node_modules" / "axe-core" / "axe.min.js"
NAMES = {"commune": "29401", "node": "tram-bom", "camera": "cong"}
MOST_OF_A_KIND = 3
"""Links that differ only in names and queries lead to pages that are made alike."""

SMALL = """() => [...document.querySelectorAll('button, summary, input:not([type=hidden]), textarea, select, a')]
    .filter(e => e.checkVisibility({ visibilityProperty: true }) && !e.matches('.skip'))
    .filter(e => { const r = (e.closest('label') ?? e).getBoundingClientRect();
      return r.width && r.height && (r.height < 47.9 || r.width < 47.9); })
    .map(e => e.outerHTML.slice(0, 120))"""
TINY = """() => [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && [...e.childNodes].some(
    n => n.nodeType === 3 && n.textContent.trim()) && parseFloat(getComputedStyle(e).fontSize) < 17.9)
    .map(e => e.outerHTML.slice(0, 120))"""
WIDE = """() => [document.documentElement.scrollWidth, innerWidth, ...[...document.querySelectorAll('body *')]
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && e.checkVisibility()
      && !e.closest('[data-scrolls]')).slice(0, 3).map(e => e.outerHTML.slice(0, 100))]"""
UNFOLD = "document.querySelectorAll('main details').forEach(d => { d.open = true; })"


def starts(hub: Running) -> list[str]:
    """Addresses of the hub that can be opened by GET with the names of the test's node."""
    found = []
    for route in hub.hub.app.routes:
        if isinstance(route, Route) and "GET" in (route.methods or ()):
            path = re.sub(r"{(\w+)(:\w+)?}", lambda m: NAMES.get(m[1], m[0]), route.path)
            if "{" not in path:
                found.append(path)
    return found


async def pages(hub: Running) -> list[str]:
    """All pages that can be reached from there, a few of each kind."""
    waiting, seen, kinds, found = starts(hub), set(), {}, []  # type: ignore[var-annotated]
    while waiting:
        path = waiting.pop(0)
        kind = re.sub(r"[0-9a-f-]{8,}|\d+", "#", path.partition("?")[0])
        if path in seen or kinds.get(kind, 0) >= MOST_OF_A_KIND or path.startswith("/static/"):
            continue
        seen.add(path)
        html = await _html(hub, path)
        if html:
            kinds[kind] = kinds.get(kind, 0) + 1
            found.append(path)
            waiting += [link.replace("&amp;", "&") for link in re.findall(r'<a [^>]*href="(/[^"#]*)"', html)]
    return found


async def _html(hub: Running, path: str) -> str:
    async with hub.http.stream("GET", path, headers={"Sec-Fetch-Mode": "navigate"}) as answer:
        kind = answer.headers.get("content-type", "")
        if answer.status_code != 200 or not kind.startswith("text/html"):
            return ""
        text = (await answer.aread()).decode()
    return text if "<main" in text else ""


async def look(page: Page, url: str, path: str, shots: Path) -> list[str]:
    """Open a page; what is wrong with it."""
    width = page.viewport_size["width"]  # type: ignore[index]
    wrong: list[str] = []

    def heard(words: str) -> None:
        wrong.append(words[:200])

    said = page.on  # one listener a page: it is closed after the look
    said("pageerror", lambda error: heard(f"script: {error}"))
    said("console", lambda m: heard(f"console: {m.text}") if m.type == "error" else None)
    host = urlsplit(url).netloc
    said("request", lambda r: heard(f"foreign: {r.url}") if urlsplit(r.url).netloc not in ("", host) else None)
    await page.goto(url + path, wait_until="load")
    await page.evaluate(UNFOLD)
    wrong += [f"small: {each}" for each in await page.evaluate(SMALL)]
    wrong += [f"tiny: {each}" for each in await page.evaluate(TINY)]
    wrong += await _wide(page, "wide")
    name = re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-") or "home"
    await page.screenshot(path=shots / f"{name[:80]}-{width}.png", full_page=True)
    wrong += await _axe(page)
    if width < 600:
        await page.evaluate("document.documentElement.style.fontSize = '36px'")  # text at 200 %
    else:
        await page.set_viewport_size({"width": width // 2, "height": 450})  # the whole page at 200 %
    wrong += await _wide(page, "wide at 200 %")
    return wrong


async def _wide(page: Page, word: str) -> list[str]:
    whole, window, *parts = await page.evaluate(WIDE)
    return [f"{word}: {whole} > {window} px {parts}"] if whole > window else []


async def _axe(page: Page) -> list[str]:
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = await page.evaluate(
        """async () => (await axe.run(document, { resultTypes: ['violations'] })).violations
            .filter(v => ['serious', 'critical'].includes(v.impact))
            .map(v => ({ id: v.id, where: v.nodes.slice(0, 3).map(n => n.html.slice(0, 120)) }))"""
    )
    return [f"axe {each['id']}: {each['where']}" for each in found]


def shots_folder(otherwise: Path) -> Path:
    """Where pictures of the pages go: `HUB_SHOTS`, if that is set."""
    folder = Path(os.environ.get("HUB_SHOTS", otherwise))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
