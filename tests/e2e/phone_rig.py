"""Somebody's phone in a demo, that sees nothing but this machine."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, Request, Route
from test_e2e_demo import Demo

SLOW = 60_000
"""Milliseconds that a busy machine may take for what takes a second."""


@dataclass
class Phone:
    """What a finger does on it. `problems`: scripts that failed, addresses elsewhere that were asked."""

    demo: Demo
    page: Page
    album: Path
    problems: list[str] = field(default_factory=list)

    def main(self) -> Locator:
        return self.page.get_by_role("main")

    def press(self, name: str) -> None:
        self.main().get_by_role("button", name=name).first.tap()

    def follow(self, name: str) -> None:
        """A link of the page itself."""
        self.main().get_by_role("link", name=name).first.tap()

    def state(self, node: str, kind: str, id_: str) -> dict[str, Any]:
        """What the node says of something of its own, read through the broker."""
        lines = self.demo.command("watch", node, "--json", "--for", "1").splitlines()
        found = [json.loads(line)["body"] for line in lines if f"state/{kind}/{id_}" in line]
        assert found, f"{node} says nothing of {kind} {id_}"
        return dict(found[-1])

    def keep_to_this_machine(self) -> None:
        """What the page asks of others is refused, and written down."""

        def judge(route: Route, request: Request) -> None:
            if urlsplit(request.url).hostname == "127.0.0.1":
                route.continue_()
            else:
                self.problems.append(request.url)
                route.abort()

        self.page.context.route(re.compile("^https?:"), judge)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))


def new_page(browser: Browser) -> Page:
    """360 pixels wide, for fingers, in Vietnamese."""
    context = browser.new_context(
        viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True, locale="vi-VN"
    )
    return context.new_page()
