"""Holds what was aired against what should have been: each instance once, in time, lawful, or missed for a reason."""

import itertools
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bench.checker.expect import Instance, instances
from bench.checker.hours import Hours
from bench.checker.record import Airing, Record, Span, Version, numbers, read

_LATE = timedelta(seconds=3)
_EARLY = timedelta(seconds=0.05)
_CUT = ("speaker.", "bulletin.interrupted", "bulletin.dropped", "bulletin.cancelled", "hours.window", "hours.weekday")
_OVERLAP = timedelta(seconds=0.2)


def check(events: Iterable[dict[str, Any]], calendar: dict[str, Any]) -> list[str]:
    """All that is wrong, as sentences; none: everything was aired as it should. Telemetry counts for the numbers."""
    records = list(events)
    events = [each for each in records if "type" in each]
    zone = ZoneInfo(calendar.get("zone", "Asia/Ho_Chi_Minh"))
    record, wrong = read(events, calendar["bulletins"])
    hours = Hours(calendar.get("hours") or {}, zone)
    judge = _Judge(record, hours, zone, calendar)
    return [*numbers(records), *wrong, *judge.all()]


class _Judge:
    def __init__(self, record: Record, hours: Hours, zone: ZoneInfo, calendar: dict[str, Any]) -> None:
        self.record = record
        self.hours = hours
        self.zone = zone
        self.lengths: dict[str, float] = calendar.get("seconds") or {}
        outages = calendar.get("outages") or {}
        self.outages = {
            kind: [Span(*(datetime.fromisoformat(each) for each in span)) for span in spans]
            for kind, spans in outages.items()
        }
        self.left = list(record.airings)

    def all(self) -> Iterator[str]:
        for name, versions in self.record.versions.items():
            for version in versions:
                for instance in instances(version.bulletin, version.span.begin, self.record.end, self.zone):
                    if instance.at < version.span.end:
                        yield from self._instance(name, version, instance)
        yield from (
            f"{self._name(each)}: nobody planned it" for each in self.left if each.planned and each.id in self._known
        )
        yield from self.hours.unlawful(self.record.airings)
        yield from self._together()

    @property
    def _known(self) -> set[str]:
        return set(self.record.versions)

    def _instance(self, name: str, version: Version, instance: Instance) -> Iterator[str]:
        at, bulletin = instance.at, version.bulletin
        about = f"{name} of {at.astimezone(self.zone):%d/%m %H:%M}"
        found = [each for each in self.left if each.id == name and each.planned == at]
        self.left = [each for each in self.left if each not in found]
        if len(found) > 1 and found[0].code == "bulletin.missed_clock":
            yield from self._missed(about, found.pop(0), bulletin, at)  # told by a wrong clock; the true instant came
        if not found:
            yield from self._silent(about, version, at)
        elif len(found) > 1:
            yield f"{about}: told {len(found)} times: {', '.join(each.state for each in found)}"
        elif found[0].state == "missed":
            yield from self._missed(about, found[0], bulletin, at)
        else:
            yield from self._heard(about, found[0], bulletin, at)

    def _silent(self, about: str, version: Version, at: datetime) -> Iterator[str]:
        late = timedelta(seconds=float(version.bulletin.get("catch_up_s", 300))) + _LATE
        waiting = at + late + timedelta(hours=2) > min(version.span.end, self.record.end)
        name = version.bulletin["id"]
        bulk = any(
            each["id"] == name and datetime.fromisoformat(each["first"]) <= at <= datetime.fromisoformat(each["at"])
            for each in self.record.bulk
        )
        if not waiting and not bulk:
            yield f"{about}: nothing was told of it"

    def _heard(self, about: str, airing: Airing, bulletin: dict[str, Any], at: datetime) -> Iterator[str]:
        started, emergency = airing.started, bulletin.get("class") == "emergency"
        window = timedelta(seconds=float(bulletin.get("catch_up_s", 300))) + _LATE
        if started is None:
            yield f"{about}: {airing.state}, and no start is told"
            return
        if not at - _EARLY <= started <= at + window:
            yield f"{about}: began at {started.astimezone(self.zone):%H:%M:%S}, beyond its time to catch up"
        # what was over before the doubt began is not in it, whatever the clock was set to; nor what was claimed by then
        doubts = [span for span in self.record.doubted if span.begin < at - _LATE and span.seq < airing.seq]
        before = any(each["id"] == airing.id and _at(each["at"]) == at for each in self.record.interrupted)
        if not emergency and not before and any(span.begin < started < span.end for span in doubts):
            yield f"{about}: aired while nobody vouched for the clock"
        wordless = airing.code == "emergency.no_voice" and self._outage("voice", started)
        if airing.state == "partly" and not (airing.code or "").startswith(_CUT) and not wordless:
            yield f"{about}: cut short without a reason ({airing.code})"
        length = self.lengths.get(airing.id)
        if airing.state == "aired" and length is not None and not emergency and airing.seconds < length - 1.5:
            yield f"{about}: {airing.seconds} of {length} seconds were heard, and it is called aired"
        if emergency:
            yield from self._emergency(about, airing, bulletin, started)

    def _emergency(self, about: str, airing: Airing, bulletin: dict[str, Any], started: datetime) -> Iterator[str]:
        ends = [each for each in self.record.ended.get(airing.id, ()) if each >= started]
        cancelled = [version.span.end for version in self.record.versions[airing.id] if version.span.end > started]
        until = datetime.fromisoformat(bulletin["repeat_until"]) if bulletin.get("repeat_until") else None
        last = until if until is not None and until > started else started + timedelta(hours=1)
        end = min([*ends, *cancelled, last])
        cycle = self.lengths.get(airing.id, 30) + float(bulletin.get("repeat_every_s", 10)) + 10
        if airing.told < min(end, self.record.end) - timedelta(seconds=cycle):
            yield f"{about}: fell silent at {airing.told:%H:%M:%S} although nobody had acknowledged it"
        # it lasts as long as was asked for, whatever the clock is set to meanwhile
        steps = timedelta(seconds=sum(by for when, by in self.record.steps if by > 0 and started < when <= airing.told))
        if airing.told > end + timedelta(seconds=2 * cycle) + self._off(end, airing.told) + steps:
            yield f"{about}: went on until {airing.told:%H:%M:%S}, after its end at {end:%H:%M:%S}"
        lasted = (airing.told - started - self._off(started, airing.told)).total_seconds()
        if airing.data.get("repetitions", 1) < lasted / cycle - 3:
            yield f"{about}: {airing.data.get('repetitions', 1)} repetitions in {lasted:.0f} s"

    def _off(self, begin: datetime, end: datetime) -> timedelta:
        parts = [min(end, span.end) - max(begin, span.begin) for span in self.record.off]
        return sum((part for part in parts if part > timedelta(0)), timedelta(0))

    def _missed(self, about: str, airing: Airing, bulletin: dict[str, Any], at: datetime) -> Iterator[str]:
        code, off = airing.code or "-", self.record.off
        late = timedelta(seconds=float(bulletin.get("catch_up_s", 300)))
        slack = _LATE + timedelta(seconds=60)
        if code.startswith("hours."):
            attempt = min(max(at, airing.told), at + late + _LATE)
            right = self.hours.forbids(attempt, self.lengths.get(airing.id), airing, self.record.airings)
        else:
            right = {
                "bulletin.interrupted": lambda: any(span.begin - slack <= at + late and at <= span.end for span in off),
                "bulletin.missed_late": lambda: any(span.holds(at, slack) for span in off),
                "bulletin.missed_clock": lambda: self._doubted(at, airing.told),
                "bulletin.missed_step": lambda: any(
                    when - timedelta(seconds=abs(by)) - slack <= at <= when + slack for when, by in self.record.steps
                ),
                "bulletin.missed_busy": lambda: self._busy(airing, at),
                "bulletin.missed_cancelled": lambda: True,
                "bulletin.missed_voice": lambda: self._outage("voice", at),
                "bulletin.missed_sound": lambda: self._outage("voice", at),
                "bulletin.missed_speaker": lambda: self._outage("speaker", at),
                "speaker.stopped": lambda: True,
            }.get(code, lambda: False)()
        if not right:
            yield f"{about}: missed as {code}, and nothing in the events bears that out"

    def _doubted(self, at: datetime, told: datetime) -> bool:
        steps = timedelta(seconds=sum(abs(by) for _, by in self.record.steps) + 90)
        return any(span.holds(at, steps) or span.holds(told, steps) for span in self.record.doubted)

    def _busy(self, airing: Airing, at: datetime) -> bool:
        others = [each for each in self.record.airings if each is not airing and each.heard]
        beside = [each for each in others if each.data.get("speaker") == airing.data.get("speaker")]
        return any(each.started is not None and each.started <= airing.told and each.told >= at for each in beside)

    def _outage(self, kind: str, at: datetime) -> bool:
        return any(span.holds(at, timedelta(minutes=6)) for span in self.outages.get(kind, ()))

    def _together(self) -> Iterator[str]:
        """No two at once at one speaker. What was interrupted leaves the air to others, so it is not counted."""
        spans = [
            (each.data["speaker"], each.started, each.started + timedelta(seconds=each.seconds), each)
            for each in self.record.airings
            if each.started is not None and each.heard and each.whole and each.data.get("class") != "emergency"
        ]
        stepped = [when for when, _ in self.record.steps]
        spans.sort(key=lambda span: (span[0], span[1]))
        for (speaker, begin, end, one), (next_speaker, next_begin, _, other) in itertools.pairwise(spans):
            set_back = any(begin - timedelta(hours=3) < when < end + timedelta(hours=3) for when in stepped)
            if speaker == next_speaker and next_begin < end - _OVERLAP and not set_back:
                yield f"{self._name(one)} and {self._name(other)} were on air together"

    def _name(self, airing: Airing) -> str:
        planned = airing.planned
        return airing.id if planned is None else f"{airing.id} of {planned.astimezone(self.zone):%d/%m %H:%M}"


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
