"""Live view: from a camera's pixels to a phone's screen, and what weak links make of it.

    python -m bench.camera_live [--seconds 30] [--drift MINUTES] [--only NAME ...] [--json]

A camera that writes the wall clock into its picture -> agent -> mosquitto -> hub -> Chromium of a phone's size, which
reads the clock out of each frame that it shows. All real, on loopback; `up` and `down` are weak links of the node and
of the viewer (kbit/s, delay each way in ms). `first` is from the opening of the WebSocket to the first picture when
nobody watched before, `again` when somebody does.
"""

import argparse
import contextlib
import json
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from bench.rig import COMMUNE, NODE, agent, broker, free_port, node_config, percentile, process, wait_for_port, workshop
from bench.rtsp.rig import TestCamera, Throttle
from bench.rtsp.streams import BLOCKS
from bench.tap import hub_config, signed_in, until_known
from hub.config import load
from hub.keys import signer
from hub.people.sessions import COOKIE

CAMERA = "gate"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]
SETTLE_S = 6.0
"""Before a measurement begins."""

SPY = f"""() => {{
  const root = document.querySelector(".watcher"), video = root.querySelector("video");
  const canvas = document.createElement("canvas"), paint = canvas.getContext("2d", {{ willReadFrequently: true }});
  const seen = window.seen = [];
  const read = () => {{
    const now = Date.now(), width = canvas.width = video.videoWidth;
    canvas.height = 1;
    paint.drawImage(video, 0, 8, width, 1, 0, 0, width, 1);
    const {{ data }} = paint.getImageData(0, 0, width, 1), block = Math.floor(width / {BLOCKS});
    let ms = 0;
    for (let bit = 0; bit < {BLOCKS}; bit++) {{
      if (data[4 * (bit * block + (block >> 1))] > 128) ms += 2 ** bit;
    }}
    seen.push([now, now - ms, root.watcher.edge.ahead]);
    video.requestVideoFrameCallback(read);
  }};
  video.requestVideoFrameCallback(read);
}}"""
FIRST = """
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...all) { super(...all); window.opened ??= performance.now(); }
  };
  document.addEventListener("DOMContentLoaded", () => {
    const video = document.querySelector("video");
    video?.requestVideoFrameCallback(() => { window.first = performance.now() - window.opened; });
  });
"""


@dataclass(frozen=True)
class Case:
    """One way to look. Rates in kbit/s, delays each way in ms; limits in ms."""

    name: str
    stream: str = "sub"
    up: tuple[float, float] | None = None
    down: tuple[float, float] | None = None
    median_ms: float | None = None
    p95_ms: float | None = None
    worst_ms: float | None = None


CASES = (
    Case("loopback", median_ms=250, p95_ms=400),
    Case("loopback-main", "main", median_ms=250, p95_ms=400),
    Case("up-400", up=(400, 60), p95_ms=500),
    Case("down-400", down=(400, 60), p95_ms=500),
    Case("up-half", up=(125, 30), worst_ms=2500),
    Case("down-half", down=(125, 30), worst_ms=2500),
)


@dataclass(frozen=True)
class Result:
    """Milliseconds from the camera's clock to the screen."""

    name: str
    frames: int
    fps: float
    median_ms: float
    p95_ms: float
    worst_ms: float
    ends_ms: tuple[float, float]
    """Median of the first and of the last tenth: whether it drifts."""
    first_ms: float | None
    again_ms: float | None
    limit: str
    good: bool


def main() -> None:
    """Measure, print, exit 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--drift", type=float, default=0, metavar="MINUTES", help="measure the halved links so long")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends what was started, too
    results = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for case in CASES:
            if asked.only and case.name not in asked.only:
                continue
            seconds = asked.drift * 60 if asked.drift and case.worst_ms else asked.seconds
            results.append(_measured(case, chromium, seconds))
            if not asked.json:
                _show(results[-1], len(results) == 1)
        chromium.close()
    if asked.json:
        print(json.dumps([asdict(result) for result in results], indent=2))
    sys.exit(0 if all(result.good for result in results) else 1)


def _measured(case: Case, chromium: Browser, seconds: float) -> Result:
    with _stack(case) as (url, secret):
        page, first = _opened(chromium, url, secret, case.stream)
        again = None
        if case.up is None and case.down is None:
            other, again = _opened(chromium, url, secret, case.stream)
            other.close()
        page.evaluate(SPY)
        time.sleep(SETTLE_S)
        page.evaluate("() => { window.seen.length = 0; }")
        time.sleep(seconds)
        seen: list[list[float]] = page.evaluate("() => window.seen")
        page.close()
    return _result(case, seen, seconds, first, again)


def _opened(chromium: Browser, url: str, secret: str, stream: str) -> tuple[Page, float | None]:
    """A page that plays, and how long its first picture took from the opening of the WebSocket."""
    page = chromium.new_page(viewport={"width": 360, "height": 640}, locale="vi-VN")
    page.context.add_cookies([{"name": COOKIE, "value": secret, "url": url}])
    page.add_init_script(FIRST)
    page.goto(url)
    first, end = None, time.monotonic() + 20
    while first is None and time.monotonic() < end:
        time.sleep(0.1)
        first = page.evaluate("() => window.first ?? null")
    if stream == "main":
        page.click("[data-sharp]")
    return page, first


def _result(case: Case, seen: list[list[float]], seconds: float, first: Any, again: Any) -> Result:
    late = [row[1] for row in seen if -1000 < row[1] < 60_000]
    if len(late) < 3:
        return Result(case.name, len(late), 0, 0, 0, 0, (0, 0), first, again, "no pictures", False)
    tenth = max(1, len(late) // 10)
    ends = (percentile(late[:tenth], 0.5), percentile(late[-tenth:], 0.5))
    median, p95, worst = percentile(late, 0.5), percentile(late, 0.95), max(late)
    limits = [(median, case.median_ms, "median"), (p95, case.p95_ms, "p95"), (worst, case.worst_ms, "worst")]
    words = ", ".join(f"{name} <= {limit:.0f}" for _, limit, name in limits if limit)
    good = all(value <= limit for value, limit, _ in limits if limit)
    return Result(case.name, len(late), len(late) / seconds, median, p95, worst, ends, first, again, words, good)


def _show(result: Result, head: bool) -> None:
    if head:
        print(
            " " * 14,
            *(f"{word:>8}" for word in ("frames/s", "median", "p95", "worst", "begin", "end", "first", "again")),
        )
    values = (result.median_ms, result.p95_ms, result.worst_ms, *result.ends_ms, result.first_ms, result.again_ms)
    words = (f"{'-' if value is None else round(value):>8}" for value in values)
    print(f"{result.name:14}", f"{result.fps:8.1f}", *words, " ok" if result.good else "NOT", result.limit, flush=True)


@contextlib.contextmanager
def _stack(case: Case) -> Iterator[tuple[str, str]]:
    """Everything between the camera and the browser; yields the page's address, and the cookie of an open session."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(workshop())
        camera = stack.enter_context(TestCamera("clock", "clocksub"))
        port = stack.enter_context(broker(folder))
        uplink = stack.enter_context(Throttle(port, *case.up, up=True)).port if case.up else port
        http = _hub(stack, folder, port)
        watched = {"id": CAMERA, "name": "Gate", "url": camera.url("clock"), "sub_url": camera.url("clocksub")}
        key = signer(load(folder / "hub.yaml").signing_key)
        config = node_config(folder, uplink, key, cameras=[watched])
        stack.enter_context(agent(folder, config))
        until_known(http, f"/api/v1/nodes/{COMMUNE}/{NODE}")
        seen = stack.enter_context(Throttle(http, *case.down)).port if case.down else http
        time.sleep(3)  # until the camera streams
        yield f"http://127.0.0.1:{seen}/nodes/{COMMUNE}/{NODE}/cameras/{CAMERA}", signed_in(folder / "hub.yaml", http)


def _hub(stack: contextlib.ExitStack, folder: Path, broker_port: int) -> int:
    port = free_port()
    path = hub_config(folder, broker_port, port)
    stack.enter_context(process(sys.executable, "-m", "hub", "run", str(path), log=folder / "hub.log"))
    wait_for_port(port)
    return port


if __name__ == "__main__":
    main()
