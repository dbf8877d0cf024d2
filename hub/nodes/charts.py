"""The history of a node's health, drawn as SVG on the server: no script, no library, prints well."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from edge_agent.contract.records import Sample
from edge_agent.contract.sentences import Language
from edge_agent.contract.units import METRICS, unit_of
from hub.sentences import Speaker, digits
from hub.times import local

WIDTH, HEIGHT = 600, 140
LEFT, BOTTOM = 4, 4
SHOWN = ("temperature", "cpu", "memory", "disk", "wifi_signal", "link_rtt", "outbox_waiting", "under_voltage")
_BOUNDS = {"cpu": (0.0, 100.0), "memory": (0.0, 100.0), "disk": (0.0, 100.0), "under_voltage": (0.0, 1.0)}
"""Axes that do not follow the values; the others hold them with some room, not below nought if none is."""
GAP = timedelta(minutes=15)
"""Where samples are further apart than this, the line is broken: nothing is known there."""
UNITS = {"Cel": "°C", "1": "", "dB[mW]": "dBm"}


@dataclass(frozen=True, slots=True)
class Chart:
    """`lines`: points of each unbroken line in the picture's own units; `said`: the same in words."""

    name: str
    title: str
    said: str
    low: str
    high: str
    lines: tuple[str, ...]
    since: str
    until: str


def charts(samples: Sequence[Sample], speak: Speaker) -> tuple[Chart, ...]:
    """One chart for each thing that was measured. `samples`: oldest first."""
    found = []
    for name in SHOWN:
        points = [(sample.at, sample.values[name]) for sample in samples if name in sample.values]
        if len(points) > 1:
            found.append(_chart(name, points, speak))
    return tuple(found)


def value(name: str, amount: float, language: Language) -> str:
    """`51,2 °C`."""
    unit = unit_of(name)
    return f"{digits(amount, language)} {UNITS.get(unit, unit)}".strip()


def called(name: str, language: Language) -> str:
    """What a measured thing is called."""
    metric = METRICS[name]
    return metric.vi if language == "vi" else metric.en


def _chart(name: str, points: list[tuple[datetime, float]], speak: Speaker) -> Chart:
    amounts = [amount for _, amount in points]
    low, high = _BOUNDS.get(name, _around(amounts))
    said = speak.t(
        "node.chart_said",
        last=value(name, amounts[-1], speak.language),
        low=value(name, min(amounts), speak.language),
        high=value(name, max(amounts), speak.language),
    )
    return Chart(
        name=name,
        title=called(name, speak.language),
        said=said,
        low=value(name, low, speak.language),
        high=value(name, high, speak.language),
        lines=tuple(_lines(points, low, high)),
        since=_clock(points[0][0], speak),
        until=_clock(points[-1][0], speak),
    )


def _around(amounts: Sequence[float]) -> tuple[float, float]:
    low, high = min(amounts), max(amounts)
    room = max((high - low) * 0.1, abs(high) * 0.02, 0.5)
    least = round(low - room, 1)
    return max(least, 0.0) if low >= 0 else least, round(high + room, 1)


def _lines(points: list[tuple[datetime, float]], low: float, high: float) -> Iterable[str]:
    begin, end = points[0][0], points[-1][0]
    across = max((end - begin).total_seconds(), 1.0)
    line: list[str] = []
    before = begin
    for at, amount in points:
        if at - before > GAP and line:
            yield " ".join(line)
            line = []
        before = at
        x = LEFT + (WIDTH - 2 * LEFT) * (at - begin).total_seconds() / across
        share = min(max((amount - low) / (high - low or 1.0), 0.0), 1.0)
        line.append(f"{x:.1f},{HEIGHT - BOTTOM - (HEIGHT - 2 * BOTTOM) * share:.1f}")
    yield " ".join(line if len(line) > 1 else line * 2)


def _clock(at: datetime, speak: Speaker) -> str:
    return f"{local(at, speak.zone):%H:%M %d/%m}"
