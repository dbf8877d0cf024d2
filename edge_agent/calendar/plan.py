"""Lawful hours while planning: the coming weeks are aired on paper, in order, and what would be refused is told."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from edge_agent.calendar.hours import Session, book, fault_of, judge, next_lawful
from edge_agent.calendar.occurrences import Occurrence, between
from edge_agent.calendar.policy import Policy
from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.errors import Fault
from edge_agent.contract.segments import Chime, Live, Pause, Relay, Segment, Text

Planned = tuple[Bulletin, float | None]
"""A bulletin and its length in seconds; None: not known, its beginning alone is judged."""
S_PER_WORD = 0.3
"""Measured with espeak-ng at its usual 150 words a minute on a notice without numbers: 0.285, pauses included."""
_S_PER_CHIME = 3.0


@dataclass(frozen=True, slots=True)
class Violation:
    """An instance that the hours would refuse."""

    bulletin: str
    at: datetime
    rule: str
    fault: Fault
    next_lawful: datetime | None


def check_plan(
    policy: Policy,
    bulletin: Bulletin,
    duration_s: float | None,
    others: Iterable[Planned],
    *,
    now: datetime,
    zone: ZoneInfo,
    days: int = 60,
) -> list[Violation]:
    """What the hours would refuse in the coming days because of this bulletin: its own instances, and those of others
    whose minutes it would use up. Empty: all is lawful.
    """
    rest = [planned for planned in others if planned[0].id != bulletin.id]
    if bulletin.class_ == "emergency" or bulletin.class_ in policy.exempt:
        return []
    anyway = {(each.bulletin, each.at) for each in check_all(policy, rest, now=now, zone=zone, days=days)}
    found = check_all(policy, [*rest, (bulletin, duration_s)], now=now, zone=zone, days=days)
    return [each for each in found if (each.bulletin, each.at) not in anyway]


def check_all(
    policy: Policy, plans: Iterable[Planned], *, now: datetime, zone: ZoneInfo, days: int = 60
) -> list[Violation]:
    """What the hours would refuse of a whole calendar in the coming days, earliest first."""
    bound = [each for each in plans if each[0].class_ != "emergency" and each[0].class_ not in policy.exempt]
    if policy == Policy(exempt=policy.exempt) or not bound:
        return []
    seconds = {bulletin.id: length for bulletin, length in bound}
    instances = between((bulletin for bulletin, _ in bound), now, now + timedelta(days=days), zone)
    return list(_refused(policy, instances, seconds, zone))


def _refused(
    policy: Policy, instances: list[Occurrence], seconds: dict[str, float | None], zone: ZoneInfo
) -> Iterator[Violation]:
    sessions: list[Session] = []
    free = None  # when the speaker is: what comes before waits for its turn
    for each in instances:
        local = each.at.astimezone(zone)
        begin = local if free is None else max(local, free)
        if free is None or begin.date() != free.date():
            sessions = []
        length = seconds[each.bulletin]
        rule, allowed_s = judge(policy, begin, length, sessions)
        if rule is None:
            book(policy, sessions, begin, length or 0)
            free = begin + timedelta(seconds=length or 0)
            continue
        coming = next_lawful(policy, begin, length, sessions)
        fault = fault_of(policy, rule, begin, length, allowed_s, coming)
        yield Violation(each.bulletin, each.at, rule, fault, coming and coming.astimezone(each.at.tzinfo))


def estimate_s(bulletin: Bulletin) -> float | None:
    """How long a bulletin will be on air, in seconds, judged by its words; None where a recording's length is unknown.

    A rough figure for planning: the node counts what it really airs.
    """
    lengths = [_segment_s(segment) for segment in bulletin.parts()]
    return None if None in lengths else sum(length or 0 for length in lengths)


def _segment_s(segment: Segment) -> float | None:
    """A recording tells its bytes, not its length."""
    if isinstance(segment, Text):
        digits = sum(letter.isdigit() for letter in segment.text)
        return (len(segment.text.split()) + digits) * S_PER_WORD
    if isinstance(segment, Pause | Relay | Live):
        return segment.seconds
    return _S_PER_CHIME if isinstance(segment, Chime) else None
