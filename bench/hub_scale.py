"""A hub with ten thousand nodes and 500 messages a second: `python -m bench.hub_scale [--nodes N] [--seconds S]`.

Limits: the list, search, filters and the day's overview at the 95th percentile under 200 ms, memory under 400 MB, less
than half a core. Pages are asked for one after the other, as one person does, while one page stays open and live.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import yaml

from bench.rig import broker, free_port, process, wait_for_port

PAGES = {
    "list": "/nodes",
    "page 200": "/nodes?page=200",
    "search": "/nodes?q=thon+doai+so+12",
    "filter": "/nodes?show=faults",
    "area": "/nodes?place=10042%2F%2Fthon-dong",
    "overview": "/",
    "node": "/nodes/10042/cum-42",
}
LIMIT_MS, LIMIT_MB, LIMIT_CORE, RATE = 200.0, 400.0, 0.5, 500
SETTLE_S = 120.0


@dataclass
class Timing:
    """Milliseconds of the answers of each page."""

    of: dict[str, list[float]] = field(default_factory=dict)

    def ask(self, http: httpx.Client) -> None:
        """Each page once."""
        for name, path in PAGES.items():
            began = time.perf_counter()
            answer = http.get(path)
            self.of.setdefault(name, []).append((time.perf_counter() - began) * 1000)
            if answer.status_code != 200 and name != "node":
                raise RuntimeError(f"{path}: HTTP {answer.status_code}")

    def lines(self) -> list[str]:
        """A row for each page."""
        rows = []
        for name, times in self.of.items():
            middle, late = statistics.median(times), sorted(times)[max(0, -(-len(times) * 95 // 100) - 1)]
            word = "" if late < LIMIT_MS else f"  OVER {LIMIT_MS:.0f}"
            rows.append(f"  {name:<10} p50 {middle:6.0f} ms   p95 {late:6.0f} ms   of {len(times)}{word}")
        return rows


def main() -> int:
    """Run, print, and say by the exit status whether all limits were kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hub-scale-")))
        port = stack.enter_context(broker(folder))
        _load(port, "retained", asked.nodes)
        print(f"{asked.nodes} nodes stand at the broker")
        url, config = _configure(folder, port, asked.nodes)
        link = _administrator(config)
        hub = stack.enter_context(process(*_hub("run", str(config)), log=folder / "hub.log"))
        began = time.monotonic()
        try:
            wait_for_port(int(url.rpartition(":")[2]), 60)
        except TimeoutError:
            print((folder / "hub.log").read_text()[-2000:])
            raise
        with httpx.Client(base_url=url, timeout=60, follow_redirects=True) as http:
            _sign_in(http, link)
            return _measure(http, psutil.Process(hub.pid), port, asked, began)


def _measure(http: httpx.Client, hub: psutil.Process, port: int, asked: argparse.Namespace, began: float) -> int:
    flood = Timing()
    while _known(http) < asked.nodes and time.monotonic() - began < SETTLE_S:
        flood.ask(http)
    print(f"{_known(http)} nodes known {time.monotonic() - began:.1f} s after the start; pages meanwhile:")
    print("\n".join(flood.lines()))
    stop = threading.Event()
    watching = threading.Thread(target=_watch, args=(str(http.base_url), dict(http.cookies), stop), daemon=True)
    watching.start()
    time.sleep(3)
    quiet = _cpu(hub, 5.0)
    load = subprocess.Popen(_load_argv(port, "stream", asked.nodes, RATE, asked.seconds + 5))
    time.sleep(3)
    before, at = _used(hub), time.monotonic()
    time.sleep(asked.seconds / 2)
    core = (_used(hub) - before) / (time.monotonic() - at)
    timing, until = Timing(), time.monotonic() + asked.seconds / 2
    while time.monotonic() < until:
        timing.ask(http)
        time.sleep(0.2)
    load.wait(60)
    stop.set()
    memory = hub.memory_info().rss / 1e6
    print(
        f"at {RATE} messages/s, one page live: {core:.2f} core ({quiet:.2f} without messages), {memory:.0f} MB; pages:"
    )
    print("\n".join(timing.lines()))
    late = any("OVER" in line for line in timing.lines())
    return 1 if late or core > LIMIT_CORE or memory > LIMIT_MB else 0


def _watch(url: str, cookies: dict[str, str], stop: threading.Event) -> None:
    with (
        httpx.Client(base_url=url, cookies=cookies, timeout=60) as http,
        http.stream("GET", "/nodes/live") as answer,
    ):
        for _ in answer.iter_bytes():
            if stop.is_set():
                return


def _known(http: httpx.Client) -> int:
    found = re.search(r"/(\d+) nút đang kết nối", http.get("/nodes").text)
    return int(found[1]) if found else 0


def _used(hub: psutil.Process) -> float:
    used = hub.cpu_times()
    return float(used.user + used.system)


def _cpu(hub: psutil.Process, seconds: float) -> float:
    before = _used(hub)
    time.sleep(seconds)
    return (_used(hub) - before) / seconds


def _load_argv(port: int, what: str, nodes: int, *more: float) -> list[str]:
    return [sys.executable, "-m", "bench.hub_load", str(port), what, str(nodes), *map(str, more)]


def _load(port: int, what: str, nodes: int) -> None:
    subprocess.run(_load_argv(port, what, nodes), check=True)


def _hub(*argv: str) -> list[str]:
    return [sys.executable, "-m", "hub", *argv]


def _configure(folder: Path, port: int, nodes: int) -> tuple[str, Path]:
    page = free_port()
    raw = {
        "name": "Tỉnh thử",
        "data": str(folder / "data"),
        "listen": {"port": page},
        "broker": {"url": f"mqtt://127.0.0.1:{port}"},
        "limits": {"nodes": nodes},
    }
    path = folder / "hub.yaml"
    path.write_text(yaml.safe_dump(raw, allow_unicode=True))
    return f"http://127.0.0.1:{page}", path


def _administrator(config: Path) -> str:
    """The one-time address by which the bench signs in."""
    who = ("--login", "bench", "--name", "Bench", "--role", "installer", "--place", "", "--link")
    told = subprocess.run(_hub("people", "add", str(config), *who), check=True, capture_output=True, text=True).stdout
    found = re.search(r"(/\S*\?\S+|/\S*/\S+)\s*$", told.strip())
    if found is None:
        raise RuntimeError(f"no link in: {told}")
    return found[1]


def _sign_in(http: httpx.Client, link: str) -> None:
    answer = http.post(link)
    if answer.url.path != "/":
        raise RuntimeError(f"not signed in: {answer.url}")


if __name__ == "__main__":
    sys.exit(main())
