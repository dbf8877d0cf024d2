"""How the console feels on an old phone: `python -m bench.hub_feel [--quick]`.

First page: each role's home, and the sign-in, with an empty cache, by Chromium's own throttling: 3G as WebPageTest has
it (1.6 Mbit/s down, 768 kbit/s up, 300 ms from a request to its answer) and slow 3G (400 kbit/s, 400 ms), the processor
slowed 4 times. Limits: 2.5 s on 3G until all of the page is painted, 120 kB over the wire.

Taps: every button and link of the pages, the processor slowed 6 times, the hub's answer withheld. Limit: 100 ms from
the finger's end until the picture on the screen has changed by what says "on its way".

Chromium's throttling delays each request, but not the opening of a connection: on real 3G that is one round trip more.
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Browser, BrowserContext, Route, sync_playwright

from bench.hub_load import COMMUNES, retained
from bench.rig import broker, free_port, process, wait_for_port

COMMUNE, NODES = "10000", 20
NETWORKS = {"3G": (1600, 768, 300), "slow 3G": (400, 400, 400)}
"""Kilobits a second down and up, milliseconds."""
ROLES = ("administrator", "staff", "approver", "area_head", "viewer", "installer", "ioc")
LIMIT_S, LIMIT_KB, LIMIT_MS = 2.5, 120.0, 100.0
PAGES = (
    *("/", "/bulletins", "/write", "/approve", "/air", "/air/speak", "/air/mic", "/air/emergency", "/lights"),
    *(f"/lights/{COMMUNE}/thon-dong", f"/nodes/{COMMUNE}/cum-0", "/cameras", "/alerts", "/calendar", "/aired"),
    *("/reports", "/nodes", "/map", "/people", "/people/invite", "/audit", "/me", "/tokens", "/notify"),
    *("/reports-of-residents", "/bulletins/week"),
)
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PHONE: Any = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True, "locale": "vi-VN"}
PAINTED = """() => new Promise(done => {
  const seen = () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0;
  new PerformanceObserver(list => {
    const last = list.getEntries().at(-1);
    done([seen(), last.startTime, performance.getEntriesByType('navigation')[0].loadEventEnd]);
  }).observe({ type: 'largest-contentful-paint', buffered: true });
  setTimeout(() => done([seen(), seen(), performance.getEntriesByType('navigation')[0].loadEventEnd]), 3000);
})"""
TAP = """(what) => new Promise(done => {
  let changed = false;
  new MutationObserver(() => { changed = true; }).observe(document.documentElement,
    { subtree: true, childList: true, characterData: true, attributes: true });
  const began = performance.now();
  const look = () => requestAnimationFrame(() => {
    if (changed || document.querySelector(':invalid:focus')) setTimeout(() => done(performance.now() - began));
    else if (performance.now() - began < 3000) look();
    else done(-1);
  });
  what.click();
  look();
})"""
"""From the click until the frame in which something has changed is drawn, in milliseconds; -1: nothing in 3 s."""
TAPPED = "main :is(button, summary, a.button, .doing a, .node-row a), nav.bar > a"


@dataclass(frozen=True)
class First:
    """A first page: kilobytes over the wire, requests, seconds until something, and until all of it is painted."""

    page: str
    kb: float
    requests: int
    first_s: float
    whole_s: float


def main() -> int:
    """Run, print, and say by the exit status whether the limits were kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one role, a few pages")
    quick = parser.parse_args().quick
    with commune() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        kept = first_pages(browser, url, ROLES[:1] if quick else ROLES)
        kept &= taps(browser, url, PAGES[:4] if quick else PAGES)
        browser.close()
    return 0 if kept else 1


@contextmanager
def commune() -> Iterator[str]:
    """A hub with the nodes of one commune and somebody of each role; its address."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hub-feel-")))
        port = stack.enter_context(broker(folder))
        _fill(port)
        page = free_port()
        people = [
            {
                "login": f"bench-{role}",
                "name": f"Bà {role}",
                "role": role,
                "place": {"administrator": "", "area_head": f"{COMMUNE}//thon-dong"}.get(role, COMMUNE),
            }
            for role in ROLES
        ]
        raw = {
            "name": "Xã thử",
            "data": str(folder / "data"),
            "listen": {"port": page},
            "broker": {"url": f"mqtt://127.0.0.1:{port}"},
            "demo": {"people": people},
        }
        config = folder / "hub.yaml"
        config.write_text(yaml.safe_dump(raw, allow_unicode=True))
        stack.enter_context(process(sys.executable, "-m", "hub", "run", str(config), log=folder / "hub.log"))
        wait_for_port(page, 60)
        url = f"http://127.0.0.1:{page}"
        _until_known(url)
        yield url


def _fill(port: int) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "bench-feel")
    client.connect("127.0.0.1", port)
    client.loop_start()
    said = [client.publish(*one[:2], 1, one[2]) for n in range(NODES) for one in retained(n * COMMUNES)]
    for one in said:
        one.wait_for_publish(10)
    client.loop_stop()
    client.disconnect()


def _cookies(url: str, role: str) -> list[Any]:
    """What a browser of theirs holds."""
    with httpx.Client(base_url=url, timeout=30, headers={"Origin": url}) as http:
        http.post("/demo", data={"login": f"bench-{role}"})
        return [{"name": name, "value": value, "url": url} for name, value in http.cookies.items()]


def _until_known(url: str) -> None:
    cookies = {one["name"]: one["value"] for one in _cookies(url, "administrator")}
    with httpx.Client(base_url=url, cookies=cookies, timeout=30) as http:
        for _ in range(120):
            if re.search(rf"/{NODES} nút đang kết nối", http.get("/nodes").text):
                return
            time.sleep(0.5)
    raise RuntimeError("the hub does not know the nodes")


def first_pages(browser: Browser, url: str, roles: tuple[str, ...]) -> bool:
    """Measure and print; whether the limits were kept."""
    kept = True
    _first(browser, url, "", "/sign-in?by=password", "", "3G")  # the browser's own start is none of ours
    for network, (down, up, wait) in NETWORKS.items():
        print(f"first page, {network} ({down} and {up} kbit/s, {wait} ms), processor slowed 4 times, nothing cached:")
        pages = [("sign-in", "/sign-in?by=password", "")] + [(f"home of {role}", "/", role) for role in roles]
        for name, path, role in pages:
            seen = _first(browser, url, name, path, role, network)
            over = seen.kb > LIMIT_KB or (network == "3G" and seen.whole_s > LIMIT_S)
            kept = kept and not over
            sizes = f"{seen.page:<24} {seen.kb:6.1f} kB in {seen.requests:2} requests"
            print(f"  {sizes}   {seen.first_s:5.2f} s to {seen.whole_s:5.2f} s{'  OVER' if over else ''}")
    return kept


def _first(browser: Browser, url: str, name: str, path: str, role: str, network: str) -> First:
    context = browser.new_context(**PHONE)
    if role:
        context.add_cookies(_cookies(url, role))
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    received: list[float] = []
    devtools.on("Network.loadingFinished", lambda e: received.append(float(e["encodedDataLength"])))
    devtools.send("Network.enable")
    down, up, wait = NETWORKS[network]
    throttle = {"offline": False, "latency": wait, "downloadThroughput": down * 125, "uploadThroughput": up * 125}
    devtools.send("Network.emulateNetworkConditions", throttle)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto(url + path, wait_until="load")
    first, whole, _ = page.evaluate(PAINTED)
    page.wait_for_timeout(500)
    context.close()
    return First(name, sum(received) / 1000, len(received), first / 1000, whole / 1000)


def taps(browser: Browser, url: str, pages: tuple[str, ...]) -> bool:
    """Tap everything that can be tapped, while the hub does not answer; whether each tap was answered in time."""
    context = browser.new_context(**PHONE)
    context.add_cookies(_cookies(url, "administrator"))
    times: dict[str, float] = {}
    for path in pages:
        times |= _taps_of(context, url, path)
    context.close()
    late = {what: ms for what, ms in times.items() if ms > LIMIT_MS}
    known = sorted(ms for ms in times.values() if ms != float("inf"))
    print(f"{len(times)} buttons and links on {len(pages)} pages, processor slowed 6 times, the hub silent:")
    print(
        f"  answered on the screen after {statistics.median(known):.0f} ms in the middle, {known[-1]:.0f} ms at worst"
    )
    for what, ms in late.items():
        print(f"  OVER {LIMIT_MS:.0f} ms: {what}: {'nothing is seen' if ms == float('inf') else f'{ms:.0f} ms'}")
    return not late


def _taps_of(context: BrowserContext, url: str, path: str) -> dict[str, float]:
    page = context.new_page()
    page.goto(url + path)
    kinds: dict[str, int] = {}
    every = page.locator(TAPPED)
    for number in range(every.count()):
        what = every.nth(number)
        if what.is_visible() and what.is_enabled():
            kinds.setdefault(what.evaluate("e => e.tagName + ' ' + e.innerText.trim().replace(/\\s+/g, ' ')"), number)
    page.close()
    return {f"{path} {kind[:60]}": _tap(context, url + path, number) for kind, number in kinds.items()}


def _tap(context: BrowserContext, address: str, number: int) -> float:
    """Milliseconds; infinite when nothing was seen. What the tap asks for never gets an answer."""
    page = context.new_page()
    page.goto(address)
    devtools = context.new_cdp_session(page)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": 6})
    page.wait_for_timeout(600)  # what comes live at the beginning is no answer to a tap
    what = page.locator(TAPPED).nth(number).element_handle()
    held: list[Route] = []

    def hold(request: Route) -> None:
        held.append(request)

    page.route("**", hold)
    took = float(what.evaluate(TAP))
    for request in held:
        request.abort()
    page.close()
    return took if took >= 0 else float("inf")


if __name__ == "__main__":
    sys.exit(main())
