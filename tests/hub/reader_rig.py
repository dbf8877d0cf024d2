"""A page as a screen reader has it: Chromium's accessibility tree, and what is wrong with it."""

import re
from dataclasses import dataclass

from playwright.async_api import Page

_LINE = re.compile(r'^\s*- \'?(?P<role>[a-z]+)(?: "(?P<name>(?:[^"\\]|\\.)*)")?(?P<more>[^:]*):?(?P<text>.*)$')
_LEVEL = re.compile(r"\[level=(\d)]")
CONTROLS = {"button", "checkbox", "combobox", "link", "radio", "searchbox", "slider", "spinbutton", "textbox", "switch"}
NAMED_IF_MANY = {"navigation", "region", "complementary"}
_LOST = """() => [...document.querySelectorAll('[aria-describedby], [aria-labelledby], [aria-controls], label[for]')]
    .flatMap(e => ['aria-describedby', 'aria-labelledby', 'aria-controls', 'for'].flatMap(
      name => (e.getAttribute(name) ?? '').split(/\\s+/).filter(id => id && !document.getElementById(id))
        .map(id => `${name}=${id} leads nowhere`)))"""
_TWICE = """() => [...document.querySelectorAll('[id]')].map(e => [e, e.getAttribute('id')])
    .filter(([e, id]) => document.getElementById(id) !== e).map(([, id]) => `id ${id} twice`)"""
_UNTOLD = """() => [...document.querySelectorAll('[aria-invalid=true]')]
    .filter(e => !(e.getAttribute('aria-describedby') ?? '').split(/\\s+/).some(
      id => document.getElementById(id)?.textContent.trim()))
    .map(e => `${e.name}: wrong, and nothing says why`)"""


@dataclass(frozen=True)
class Heard:
    """One thing that a reader says. `level`: of a heading, else 0."""

    role: str
    name: str
    level: int


async def heard(page: Page) -> list[Heard]:
    """Everything of the page, in its order."""
    found = []
    for line in (await page.locator("body").aria_snapshot()).splitlines():
        if match := _LINE.match(line):
            level = _LEVEL.search(match["more"])
            name = match["name"] or (match["text"].strip() if match["role"] in ("button", "link", "heading") else "")
            found.append(Heard(match["role"], name, int(level[1]) if level else 0))
    return found


async def wrong_with(page: Page) -> list[str]:
    """What somebody who does not see the page would miss; empty: nothing that can be told from its tree."""
    things = await heard(page)
    wrong = [f"{role}: {n} of them" for role in ("banner", "main") if (n := _count(things, role)) != 1]
    if len(tops := [each.name for each in things if each.level == 1]) != 1:
        wrong.append(f"h1: {tops}")
    levels = [(each.level, each.name) for each in things if each.role == "heading"]
    before = 0
    for level, name in levels:
        if level > before + 1:
            wrong.append(f"heading {name!r} of level {level} after one of level {before}")
        before = level
    wrong += [f"{each.role} without a name" for each in things if each.role in CONTROLS and not each.name]
    for role in NAMED_IF_MANY:
        names = [each.name for each in things if each.role == role]
        if len(names) > 1 and (not all(names) or len(set(names)) < len(names)):
            wrong.append(f"{role}: cannot be told apart: {names}")
    for script in (_LOST, _TWICE, _UNTOLD):
        wrong += await page.evaluate(script)
    return wrong


def _count(things: list[Heard], role: str) -> int:
    return sum(each.role == role for each in things)
