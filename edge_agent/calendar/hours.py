"""Lawful hours: whether something may be on air, how long, how loud, and if not, by which rule and when it may."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from edge_agent.contract.bulletins import Bulletin, BulletinClass
from edge_agent.contract.errors import Fault


@dataclass(frozen=True, slots=True)
class Policy:
    """What is lawful, all in local time. Made by `edge_agent.calendar.policy.policy_of` from the configuration.

    `windows` in minutes after midnight, the end not within; none: any time. None in the others: unlimited.
    `volumes`: (from, to, per cent), `from` > `to` over midnight. `exempt`: classes that hours do not bind.
    """

    windows: tuple[tuple[int, int], ...] = ()
    session_s: float | None = None
    sessions_per_day: int | None = None
    weekdays: frozenset[int] | None = None
    volumes: tuple[tuple[int, int, float], ...] = ()
    exempt: frozenset[BulletinClass] = frozenset({"priority"})


@dataclass(frozen=True, slots=True)
class Aired:
    """Something that was on air; the caller keeps those of today."""

    at: datetime
    seconds: float
    class_: BulletinClass = "ordinary"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something may begin at an instant. `rule` is the code of `fault`, such as `hours.window`."""

    allowed: bool
    rule: str | None
    fault: Fault | None
    next_lawful: datetime | None
    """When it may begin instead, UTC; None where it is allowed, or never is."""
    max_volume: float
    """Per cent."""
    allowed_s: float | None
    """How long something may be on air that begins at this instant; None: no limit."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An instance that the hours would refuse."""

    bulletin: str
    at: datetime
    rule: str
    fault: Fault
    next_lawful: datetime | None


def permit(
    policy: Policy,
    class_: BulletinClass,
    now: datetime,
    duration_s: float | None,
    ledger_of_today: Sequence[Aired],
    zone: ZoneInfo,
) -> Verdict:
    """Judge what would begin now. `duration_s` None: not known, so only its beginning is judged (see `allowed_s`)."""
    raise NotImplementedError


def max_volume(policy: Policy, class_: BulletinClass, now: datetime, zone: ZoneInfo) -> float:
    """How loud something of this class may be now, per cent."""
    raise NotImplementedError


def check_plan(
    policy: Policy,
    bulletin: Bulletin,
    duration_s: float | None,
    others: Iterable[tuple[Bulletin, float | None]],
    *,
    now: datetime,
    zone: ZoneInfo,
    days: int = 60,
) -> list[Violation]:
    """What the hours would refuse in the coming days because of this bulletin: its own instances, and those of others
    whose minutes it would use up. Empty: all is lawful.
    """
    raise NotImplementedError
