"""How good the way to the broker is: a round trip every second for two minutes, over the agent's own connection."""

import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

from edge_agent.acceptance.found import Found, Progress, joined, told
from edge_agent.local.client import LocalAgent
from edge_agent.telemetry import wifi

SECONDS = 120.0
_EVERY_S = 1.0
MOST_LOST = 0.02
MOST_MS = 1000.0
"""Median of the round trips; with more, a lamp follows its button after seconds."""
WEAK_DBM = -75.0
_ROUTES = Path("/proc/net/route")
_NETWORKS = Path("/sys/class/net")


@dataclass(slots=True)
class _Trips:
    """What came back. `ms`: of each that did."""

    sent: int = 0
    ms: list[float] = field(default_factory=list)
    connections: list[int] = field(default_factory=list)

    def add(self, answer: dict[str, object]) -> None:
        self.sent += 1
        if isinstance(answer.get("ms"), int | float):
            self.ms.append(float(str(answer["ms"])))
        self.connections.append(int(str(answer["connections"])))

    @property
    def drops(self) -> int:
        """How often the connection was made anew."""
        return max(self.connections) - min(self.connections) if self.connections else 0


def measure(agent: LocalAgent, seconds: float, progress: Progress) -> Found:
    """Go to and fro for so long. Raises AgentAway, Refusal."""
    trips, began = _Trips(), time.monotonic()
    while (passed := time.monotonic() - began) < seconds or not trips.sent:
        trips.add(agent.ask("ping"))
        progress(min(1.0, passed / seconds))
        time.sleep(max(0.0, min(_EVERY_S, seconds - (time.monotonic() - began))))
    return _judged(trips, seconds)


def _judged(trips: _Trips, seconds: float) -> Found:
    lost = trips.sent - len(trips.ms)
    figures = {"seconds": seconds, "sent": float(trips.sent), "lost": float(lost), "drops": float(trips.drops)}
    way = network()
    signal = wifi().get("wifi_signal") if way == "wifi" else None
    if signal is not None:
        figures["wifi_dbm"] = signal
    by = told(f"accept.by_{way}") if signal is None else told("accept.by_wifi_signal", signal=signal)
    if not trips.ms:
        return Found(False, joined(told("accept.link_none"), by), "accept.link_none", figures)
    ordered = sorted(trips.ms)
    median, worst = statistics.median(ordered), ordered[-1]
    figures |= {
        "median_ms": round(median, 1),
        "p95_ms": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 1),
        "worst_ms": round(worst, 1),
    }
    counts = {"sent": trips.sent, "lost": lost, "median": round(median, 1), "worst": round(worst, 1)}
    words = joined(told("accept.link", **counts), by)
    if trips.drops:
        return Found(False, joined(words, told("accept.link_drops", count=trips.drops)), "accept.link_drops", figures)
    if lost > MOST_LOST * trips.sent or median > MOST_MS:
        return Found(False, joined(words, told("accept.link_poor")), "accept.link_poor", figures)
    if signal is not None and signal < WEAK_DBM:
        return Found(False, joined(words, told("accept.link_weak")), "accept.link_weak", figures)
    return Found(True, words, None, figures)


def network(routes: Path = _ROUTES, networks: Path = _NETWORKS) -> str:
    """By what the default route goes: `wifi`, `mobile`, `cable`, or `none` where there is no such route."""
    try:
        rows = [line.split() for line in routes.read_text().splitlines()[1:]]
    except OSError:
        return "none"
    found = sorted((int(row[6]), row[0]) for row in rows if len(row) > 6 and row[1] == "00000000")
    if not found:
        return "none"
    name = found[0][1]
    if (networks / name / "wireless").exists():
        return "wifi"
    return "mobile" if name.startswith(("wwan", "ppp", "usb", "wwp")) else "cable"
