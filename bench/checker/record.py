"""What the events say: when the node was on, what its clock did, which bulletins it had, what it aired."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

FAR = datetime.max.replace(tzinfo=UTC)
EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Span:
    """From one instant of the node's clock to another; `seq`: number of the event with which it began."""

    begin: datetime
    end: datetime
    seq: int = 0

    def holds(self, at: datetime, slack: timedelta = timedelta(0)) -> bool:
        """Whether an instant lies within, or nearly."""
        return self.begin - slack <= at <= self.end + slack


@dataclass
class Version:
    """A bulletin as it stood on the calendar for a time: until it was cancelled or replaced."""

    bulletin: dict[str, Any]
    span: Span


@dataclass(frozen=True)
class Airing:
    """An event `aired`, and its number. `told`: when it was written, which is when it was over."""

    data: dict[str, Any]
    told: datetime
    seq: int

    @property
    def id(self) -> str:
        return str(self.data["id"])

    @property
    def state(self) -> str:
        return str(self.data["state"])

    @property
    def code(self) -> str | None:
        return self.data.get("code")

    @property
    def seconds(self) -> float:
        return float(self.data.get("seconds", 0))

    @property
    def planned(self) -> datetime | None:
        text = self.data.get("planned")
        return None if text is None else datetime.fromisoformat(text).astimezone(UTC)

    @property
    def started(self) -> datetime | None:
        us = self.data.get("started_us")
        return None if us is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)

    @property
    def heard(self) -> bool:
        return self.state in ("aired", "partly") and self.seconds > 0

    @property
    def whole(self) -> bool:
        """Nothing came between."""
        return not self.data.get("interruptions")


@dataclass
class Record:
    """All of it, in the order of the numbers."""

    airings: list[Airing] = field(default_factory=list)
    versions: dict[str, list[Version]] = field(default_factory=dict)
    off: list[Span] = field(default_factory=list)
    doubted: list[Span] = field(default_factory=list)
    steps: list[tuple[datetime, float]] = field(default_factory=list)
    ended: dict[str, list[datetime]] = field(default_factory=dict)
    """When an emergency was acknowledged or silenced."""
    bulk: list[dict[str, Any]] = field(default_factory=list)
    interrupted: list[dict[str, Any]] = field(default_factory=list)
    begin: datetime = FAR
    end: datetime = EVER


def read(events: Iterable[dict[str, Any]], calendar: list[dict[str, Any]]) -> tuple[Record, list[str]]:
    """Sort the events; also what was planned and stands in no calendar."""
    record, wrong = Record(), []
    left = {id_: [each for each in calendar if each["id"] == id_] for id_ in {each["id"] for each in calendar}}
    before: datetime | None = None
    doubted: datetime | None = None
    off: datetime | None = None
    since = 0
    for event in sorted(events, key=lambda each: each["seq"]):
        at, data = datetime.fromisoformat(event["at"]).astimezone(UTC), event.get("data", {})
        record.begin, record.end = min(record.begin, at), max(record.end, at)
        match event["type"]:
            case "started":
                off = before
            case "clock" if "trusted" in data:
                if data["trusted"] and doubted is not None:
                    record.doubted.append(Span(min(doubted, at), max(doubted, at), since))
                since = since if doubted is not None else event["seq"]
                doubted = None if data["trusted"] else (doubted or at)
                if data["trusted"] and off is not None:  # only now is it known how late it is
                    record.off.append(Span(off, at))
                    off = None
            case "clock" if data.get("code") == "clock.stepped":
                record.steps.append((at, float(data["seconds"])))
            case "emergency" if data.get("state") in ("acknowledged", "ended"):
                record.ended.setdefault(data["id"], []).append(at)
            case "aired":
                record.airings.append(Airing(data, at, event["seq"]))
            case "bulletin":
                wrong += _bulletin(record, left, str(event["about"]).partition("/")[2], at, data)
        before = at
    if off is not None:
        record.off.append(Span(off, FAR))
    if doubted is not None:
        record.doubted.append(Span(doubted, FAR, since))
    return record, wrong


def numbers(records: Iterable[dict[str, Any]]) -> list[str]:
    """Which numbers are missing or stand twice; a gap that is told is none."""
    found: set[int] = set()
    told: set[int] = set()
    wrong = []
    for record in records:
        if record["seq"] in found:
            wrong.append(f"number {record['seq']} stands twice")
        found.add(record["seq"])
        if record.get("type") == "gap":
            told |= {number for first, last in record["data"]["ranges"] for number in range(first, last + 1)}
    missing = set(range(min(found, default=1), max(found, default=0) + 1)) - found - told
    return [*wrong, f"numbers are missing: {sorted(missing)[:5]}"] if missing else wrong


def _bulletin(
    record: Record, left: dict[str, list[dict[str, Any]]], name: str, at: datetime, data: dict[str, Any]
) -> list[str]:
    versions = record.versions.setdefault(name, [])
    state = data.get("state")
    if state in ("planned", "cancelled") and versions and versions[-1].span.end == FAR:
        versions[-1].span = Span(versions[-1].span.begin, at)
    if state == "planned":
        if not left.get(name):
            return [f"{name} was planned at {at:%d %H:%M}, and stands in no calendar"]
        versions.append(Version(left[name].pop(0), Span(at, FAR)))
    if state == "missed":
        record.bulk.append({**data, "id": name})
    if state == "interrupted":
        record.interrupted.append({**data, "id": name})
    return []
