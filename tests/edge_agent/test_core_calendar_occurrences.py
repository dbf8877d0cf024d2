"""Which instants a bulletin has: what is added, left out, moved, valid, and what clocks that change do to it."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from core_examples import bulletin
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.calendar import Occurrence, between, next_after, occurrences
from edge_agent.contract.bulletins import Bulletin

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
BERLIN = ZoneInfo("Europe/Berlin")
AT = datetime(2026, 11, 23, 5, 30, tzinfo=ZONE)  # a Monday
BEFORE = AT - timedelta(seconds=1)
DAY = timedelta(days=1)


def plan(rule: str | None = "FREQ=DAILY", at: datetime = AT, **more) -> Bulletin:
    recurrence = {"rule": rule, **more} if rule or more else None
    return bulletin(at=at, recurrence=recurrence)


def due(planned: Bulletin, count: int = 6, after: datetime = BEFORE, zone: ZoneInfo = ZONE) -> list[str]:
    return [f"{each.at.astimezone(zone):%m-%d %H:%M}" for each in islice(occurrences(planned, after, zone), count)]


def test_once() -> None:
    assert due(plan(None)) == ["11-23 05:30"]
    assert due(plan(None), after=AT) == []
    assert next_after(plan(None), BEFORE, ZONE) == Occurrence(AT, AT, "ban-tin-sang")
    assert len(between([plan(None)], AT, AT + DAY, ZONE)) == 1  # the first instant is within, the last is not
    assert between([plan(None)], AT - DAY, AT, ZONE) == []


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
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", ["11-30 05:30", "12-31 05:30", "01-29 05:30"]),
        ("FREQ=MONTHLY;BYDAY=MO,1TU", ["11-23 05:30", "11-30 05:30", "12-01 05:30", "12-07 05:30"]),
        ("FREQ=YEARLY;BYMONTH=9;BYMONTHDAY=2", ["09-02 05:30", "09-02 05:30"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", ["02-29 05:30"]),
        ("FREQ=HOURLY;INTERVAL=6", ["11-23 05:30", "11-23 11:30", "11-23 17:30", "11-23 23:30", "11-24 05:30"]),
    ],
)
def test_rules(rule: str, expected: list[str]) -> None:
    assert due(plan(rule), len(expected)) == expected


def test_count_and_until() -> None:
    assert due(plan("FREQ=DAILY;COUNT=3")) == ["11-23 05:30", "11-24 05:30", "11-25 05:30"]
    assert due(plan("FREQ=DAILY;COUNT=3"), after=AT + DAY) == ["11-25 05:30"]
    assert due(plan("FREQ=DAILY;COUNT=3"), after=AT + 30 * DAY) == []
    # 05:30 in Viet Nam is 22:30 of the day before in UTC, in which UNTIL is written; it includes its own instant
    assert due(plan("FREQ=DAILY;UNTIL=20261124T223000Z")) == ["11-23 05:30", "11-24 05:30", "11-25 05:30"]
    assert due(plan("FREQ=DAILY;UNTIL=20261124T222959Z")) == ["11-23 05:30", "11-24 05:30"]
    assert due(plan("FREQ=DAILY;UNTIL=20200101T000000Z")) == []
    assert due(plan("FREQ=DAILY;UNTIL=99991231T235959Z"), 2) == ["11-23 05:30", "11-24 05:30"]
    assert due(plan("FREQ=DAILY;UNTIL=00010101T000000Z"), zone=ZoneInfo("America/New_York")) == []


def test_what_is_left_out_still_counts() -> None:
    assert due(plan("FREQ=DAILY;COUNT=3", **{"except": [AT + DAY]})) == ["11-23 05:30", "11-25 05:30"]


def test_what_is_left_out_is_known_to_the_millisecond() -> None:
    at = AT + timedelta(milliseconds=123)
    assert due(plan("FREQ=DAILY;COUNT=2", at=at, **{"except": [at + DAY]})) == ["11-23 05:30"]


def test_further_instants_come_once_and_in_order() -> None:
    also = [AT + 5 * DAY, AT + DAY + timedelta(hours=2), AT + DAY, AT - DAY]
    planned = plan("FREQ=DAILY;COUNT=2", also=also, **{"except": [AT + 5 * DAY]})
    assert due(planned, after=AT - 9 * DAY) == ["11-22 05:30", "11-23 05:30", "11-24 05:30", "11-24 07:30"]


def test_an_instance_is_moved_and_keeps_its_name() -> None:
    moved = {"planned": AT + DAY, "at": AT + 2 * DAY + timedelta(hours=1), "text": "Hoãn", "volume": 40}
    planned = plan(changes=[moved])
    assert due(planned, 4) == ["11-23 05:30", "11-25 05:30", "11-25 06:30", "11-26 05:30"]
    found = list(islice(occurrences(planned, BEFORE, ZONE), 3))
    assert found[1] == Occurrence(AT + 2 * DAY, AT + 2 * DAY, planned.id)
    assert found[2] == Occurrence(AT + 2 * DAY + timedelta(hours=1), AT + DAY, planned.id, "Hoãn", 40)


def test_a_moved_instance_is_found_far_from_its_old_place() -> None:
    planned = plan(changes=[{"planned": AT + DAY, "at": AT + 300 * DAY + timedelta(hours=1)}])
    start = AT + 300 * DAY
    assert [each.planned_as for each in between([planned], start, start + DAY, ZONE)] == [start, AT + DAY]
    early = plan(changes=[{"planned": AT + 300 * DAY, "at": AT + timedelta(hours=1)}])
    assert [each.planned_as for each in between([early], AT, AT + DAY, ZONE)] == [AT, AT + 300 * DAY]
    assert between([early], start, start + DAY, ZONE) == []


def test_changed_words_alone_leave_the_instant_where_it_was() -> None:
    planned = plan("FREQ=DAILY;COUNT=2", changes=[{"planned": AT + DAY, "at": AT + DAY, "text": "Hôm nay nghỉ"}])
    assert [each.text for each in occurrences(planned, BEFORE, ZONE)] == [None, "Hôm nay nghỉ"]


def test_of_two_at_one_instant_the_moved_one_stays() -> None:
    planned = plan("FREQ=DAILY;COUNT=2", changes=[{"planned": AT, "at": AT + DAY, "text": "Mới"}])
    (only,) = occurrences(planned, BEFORE, ZONE)
    assert only == Occurrence(AT + DAY, AT, planned.id, "Mới")


def test_a_change_of_what_is_not_planned_changes_nothing() -> None:
    for planned_as in (AT + timedelta(hours=1), AT + DAY, AT - DAY):
        change = {"planned": planned_as, "at": AT + timedelta(hours=3)}
        planned = plan("FREQ=DAILY;COUNT=3", changes=[change], **{"except": [AT + DAY]})
        assert due(planned) == ["11-23 05:30", "11-25 05:30"]


def test_valid_days_are_local_and_bind_what_is_moved_too() -> None:
    valid = {"valid_from": date(2026, 11, 24), "valid_to": date(2026, 11, 26)}
    assert due(plan(**valid)) == ["11-24 05:30", "11-25 05:30", "11-26 05:30"]
    over = {"planned": AT + DAY, "at": AT + 4 * DAY + timedelta(hours=1)}
    assert due(plan(**valid, changes=[over])) == ["11-25 05:30", "11-26 05:30"]


@pytest.mark.parametrize(
    ("lunar", "expected"),
    [
        ({"days": [1, 15]}, ["2026-12-09", "2026-12-23", "2027-01-08", "2027-01-22"]),
        ({"days": [1], "month": 1}, ["2027-02-06", "2028-01-26", "2029-02-13", "2030-02-02"]),
        ({"before_tet": 0}, ["2027-02-06", "2028-01-26", "2029-02-13", "2030-02-02"]),
        ({"before_tet": 7}, ["2027-01-30", "2028-01-19", "2029-02-06", "2030-01-26"]),
        ({"days": [10], "month": 3}, ["2027-04-16", "2028-04-04"]),
    ],
)
def test_lunar_days(lunar: dict, expected: list[str]) -> None:
    planned = plan(None, at=datetime(2026, 11, 24, 5, tzinfo=ZONE), lunar=lunar)
    found = [f"{each.at.astimezone(ZONE):%Y-%m-%d}" for each in occurrences(planned, BEFORE, ZONE)]
    assert found[: len(expected)] == expected


def test_lunar_days_of_another_zone_keep_its_wall_time() -> None:
    planned = plan(None, at=datetime(2027, 1, 1, 6, tzinfo=BERLIN), lunar={"days": [15], "month": 8})
    assert due(planned, 1, zone=BERLIN) == ["09-15 06:00"]


def test_wall_time_stays_where_clocks_change() -> None:
    planned = plan(at=datetime(2026, 10, 24, 5, 30, tzinfo=BERLIN))
    found = [each.at.astimezone(BERLIN) for each in islice(occurrences(planned, planned.at, BERLIN), 3)]
    assert [f"{at:%d %H:%M %z}" for at in found] == ["25 05:30 +0100", "26 05:30 +0100", "27 05:30 +0100"]


def test_an_hour_that_clocks_leave_out_or_repeat_comes_once() -> None:
    spring = plan("FREQ=HOURLY;COUNT=5", at=datetime(2027, 3, 28, 0, 30, tzinfo=BERLIN))
    found = [each.at for each in occurrences(spring, spring.at - DAY, BERLIN)]
    assert found == sorted(set(found)) and len(found) == 4  # 02:30 is 03:30 that day
    autumn = plan("FREQ=DAILY;COUNT=2", at=datetime(2026, 10, 24, 2, 30, tzinfo=BERLIN))
    assert [f"{each.at:%H:%M}" for each in occurrences(autumn, autumn.at - DAY, BERLIN)] == ["00:30", "00:30"]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;COUNT=3;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=7",
        "FREQ=WEEKLY;BYDAY=MO;BYMONTHDAY=31;BYMONTH=2",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;COUNT=100000;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;BYSETPOS=2",
        "FREQ=DAILY;BYSETPOS=300",
        "FREQ=YEARLY;BYWEEKNO=20;BYMONTH=1",
    ],
)
def test_a_rule_that_never_matches_ends(rule: str) -> None:
    assert next_after(plan(rule), BEFORE, ZONE) is None


def test_an_old_hourly_rule_is_still_right() -> None:
    old = plan("FREQ=HOURLY;INTERVAL=7", at=AT.replace(year=2020))
    slow = old.at
    while slow <= AT:
        slow += timedelta(hours=7)
    found = next_after(old, AT, ZONE)
    assert found is not None and found.at == slow.astimezone(UTC)


RULES = st.builds(
    lambda freq, interval, more: f"FREQ={freq};INTERVAL={interval}{more}",
    st.sampled_from(["HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    st.integers(1, 5),
    st.sampled_from(["", ";BYDAY=MO,SA", ";COUNT=9", ";BYHOUR=4,20", ";BYMONTH=1,12", ";WKST=SU", ";BYSETPOS=1"]),
)
PLANS = st.one_of(
    RULES.map(lambda rule: {"rule": rule}),
    st.sampled_from(
        [
            {"lunar": {"days": [1, 15], "leap": "also"}},
            {"lunar": {"days": [30]}},
            {"lunar": {"days": [5], "month": 6, "leap": "only"}},
            {"lunar": {"before_tet": 23}},
        ]
    ),
)


@settings(deadline=None, max_examples=150)
@given(PLANS, st.integers(0, 400 * 24), st.sampled_from([ZONE, BERLIN, ZoneInfo("Australia/Lord_Howe")]))
def test_wherever_one_begins_to_look_the_instants_are_the_same(recurrence: dict, hours: int, zone: ZoneInfo) -> None:
    some = {
        **recurrence,
        "also": [AT + 40 * DAY + timedelta(hours=1)],
        "except": [AT + 7 * DAY],
        "changes": [{"planned": AT + 14 * DAY, "at": AT + 21 * DAY + timedelta(hours=2)}],
    }
    planned = bulletin(at=AT, recurrence=some)
    after = AT + timedelta(hours=hours, minutes=10)
    end = after + timedelta(days=20)
    whole = between([planned], BEFORE, end, zone)
    later = [each for each in whole if each.at > after]
    assert between([planned], after + timedelta.resolution, end, zone) == later
    assert list(islice(occurrences(planned, after, zone), len(later))) == later
    assert [each.at for each in whole] == sorted({each.at for each in whole})
    assert len({each.planned_as for each in whole}) == len(whole)


def test_many_are_in_the_order_of_their_instants() -> None:
    many = [plan(at=AT + timedelta(minutes=minute)).model_copy(update={"id": f"b-{minute}"}) for minute in (20, 0, 10)]
    found = between(many, AT, AT + 2 * DAY, ZONE)
    assert [each.bulletin for each in found] == ["b-0", "b-10", "b-20"] * 2
    assert between(many, AT + timedelta(minutes=10), AT + timedelta(minutes=20), ZONE) == [found[1]]
