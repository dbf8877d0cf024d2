"""When bulletins are due: RFC 5545 in local wall time, bounded whatever the rule says."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from core_examples import bulletin
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.bulletins.calendar import next_after, occurrences

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
AT = datetime(2026, 11, 23, 5, 30, tzinfo=ZONE)  # a Monday
BEFORE = AT - timedelta(seconds=1)


def due(rule: str | None, count: int = 6, after: datetime = BEFORE, zone: ZoneInfo = ZONE, **more) -> list[str]:
    recurrence = {"rule": rule, **more} if rule else None
    planned = bulletin(at=AT, recurrence=recurrence)
    return [f"{at.astimezone(zone):%m-%d %H:%M}" for at in islice(occurrences(planned, after, zone), count)]


def test_once() -> None:
    assert due(None) == ["11-23 05:30"]
    assert due(None, after=AT) == []


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=DAILY", ["11-23 05:30", "11-24 05:30", "11-25 05:30"]),
        ("FREQ=DAILY;INTERVAL=3", ["11-23 05:30", "11-26 05:30", "11-29 05:30"]),
        ("FREQ=WEEKLY;BYDAY=MO,WE,FR", ["11-23 05:30", "11-25 05:30", "11-27 05:30", "11-30 05:30"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", ["11-24 05:30", "12-08 05:30", "12-22 05:30"]),
        ("FREQ=DAILY;BYHOUR=5,17", ["11-23 05:30", "11-23 17:30", "11-24 05:30", "11-24 17:30"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", ["11-30 05:30", "12-31 05:30", "01-31 05:30", "02-28 05:30"]),
        ("FREQ=MONTHLY;BYDAY=1SU", ["12-06 05:30", "01-03 05:30", "02-07 05:30"]),
        ("FREQ=YEARLY;BYMONTH=9;BYMONTHDAY=2", ["09-02 05:30", "09-02 05:30"]),
        ("FREQ=HOURLY;INTERVAL=6", ["11-23 05:30", "11-23 11:30", "11-23 17:30", "11-23 23:30", "11-24 05:30"]),
    ],
)
def test_rules(rule: str, expected: list[str]) -> None:
    assert due(rule, len(expected)) == expected


def test_count_and_until() -> None:
    assert due("FREQ=DAILY;COUNT=3") == ["11-23 05:30", "11-24 05:30", "11-25 05:30"]
    assert due("FREQ=DAILY;COUNT=3", after=AT + timedelta(days=1)) == ["11-25 05:30"]
    assert due("FREQ=DAILY;COUNT=3", after=AT + timedelta(days=30)) == []
    # 05:30 in Viet Nam is 22:30 of the day before in UTC, in which UNTIL is written; it includes its own instant
    assert due("FREQ=DAILY;UNTIL=20261124T223000Z") == ["11-23 05:30", "11-24 05:30", "11-25 05:30"]
    assert due("FREQ=DAILY;UNTIL=20261124T222959Z") == ["11-23 05:30", "11-24 05:30"]
    assert due("FREQ=DAILY;UNTIL=20200101T000000Z") == []


def test_exceptions_are_left_out_and_still_count() -> None:
    left_out = [(AT + timedelta(days=1)).isoformat()]
    assert due("FREQ=DAILY;COUNT=3", **{"except": left_out}) == ["11-23 05:30", "11-25 05:30"]


def test_wall_time_stays_where_clocks_change() -> None:
    zone = ZoneInfo("Europe/Berlin")
    planned = bulletin(at=datetime(2026, 10, 24, 5, 30, tzinfo=zone), recurrence={"rule": "FREQ=DAILY"})
    found = [at.astimezone(zone) for at in islice(occurrences(planned, planned.at, zone), 3)]
    assert [f"{at:%d %H:%M %z}" for at in found] == ["25 05:30 +0100", "26 05:30 +0100", "27 05:30 +0100"]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;COUNT=3;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=7",
        "FREQ=WEEKLY;BYDAY=MO;BYMONTHDAY=31;BYMONTH=2",
    ],
)
def test_a_rule_that_never_matches_ends(rule: str) -> None:
    assert next_after(bulletin(at=AT, recurrence={"rule": rule}), BEFORE, ZONE) is None


def test_an_old_hourly_rule_is_still_right() -> None:
    old = bulletin(at=AT.replace(year=2020), recurrence={"rule": "FREQ=HOURLY;INTERVAL=7"})
    slow = old.at
    while slow <= AT:
        slow += timedelta(hours=7)
    assert next_after(old, AT, ZONE) == slow.astimezone(UTC)


RULES = st.builds(
    lambda freq, interval, more: f"FREQ={freq};INTERVAL={interval}{more}",
    st.sampled_from(["HOURLY", "DAILY", "WEEKLY", "MONTHLY"]),
    st.integers(1, 5),
    st.sampled_from(["", ";BYDAY=MO,SA", ";COUNT=9", ";BYHOUR=4,20", ";BYMONTH=1,12", ";WKST=SU"]),
)


@settings(deadline=None, max_examples=80)
@given(RULES, st.integers(0, 400 * 24))
def test_wherever_one_begins_to_look_the_instants_are_the_same(rule: str, hours: int) -> None:
    planned = bulletin(at=AT, recurrence={"rule": rule})
    after = AT + timedelta(hours=hours, minutes=10)
    end = after + timedelta(days=20)
    from_the_beginning = [at for at in _until(planned, BEFORE, end) if at > after]
    assert _until(planned, after, end) == from_the_beginning


def _until(planned, after: datetime, end: datetime) -> list[datetime]:
    found = []
    for at in occurrences(planned, after, ZONE):
        if at > end:
            break
        found.append(at)
    return found
