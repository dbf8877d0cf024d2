"""Our arithmetic finds what dateutil finds, for any rule."""

from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from dateutil import rrule
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edge_agent.calendar.rules import instants, rule_of
from edge_agent.contract.recurrence import checked

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
YEARS = timedelta(days=800)


def some(low: int, high: int, most: int) -> st.SearchStrategy[str]:
    numbers = st.integers(low, high).filter(lambda number: number or low == 0)
    return st.lists(numbers, min_size=1, max_size=most, unique=True).map(lambda found: ",".join(map(str, found)))


@st.composite
def rules(draw: st.DrawFn, freq: str) -> str:
    """Any rule, but those few where dateutil is known to stand alone (see below)."""
    parts = {"FREQ": freq, "INTERVAL": str(draw(st.integers(1, 5)))}
    maybe = st.integers(0, 2).map(lambda number: number == 0)
    plain = st.lists(st.sampled_from(DAYS), min_size=1, max_size=3, unique=True).map(",".join)
    if draw(maybe):
        parts["BYMONTH"] = draw(some(1, 12, 4))
    if draw(maybe):
        parts["BYMONTHDAY"] = draw(some(-31, 31, 6))
    if draw(maybe):
        parts["BYDAY"] = draw(plain)
        if freq in ("MONTHLY", "YEARLY") and draw(maybe):
            parts["BYDAY"] = ",".join(f"{draw(st.sampled_from([-2, -1, 1, 2, 5]))}{day}" for day in DAYS[:3])
    if freq == "YEARLY" and draw(maybe):
        parts["BYYEARDAY"] = draw(some(-366, 366, 60))
    elif (
        freq == "YEARLY"
        and draw(maybe)
        and "-" not in parts.get("BYDAY", "")
        and not parts.get("BYDAY", "A")[0].isdigit()
    ):
        parts["BYWEEKNO"] = draw(some(1, 53, 5))
    if draw(maybe):
        parts["BYHOUR"] = draw(some(0, 23, 3))
    if draw(maybe):
        parts["BYMINUTE"] = str(draw(st.integers(0, 59)))
    if draw(maybe):
        parts["WKST"] = draw(st.sampled_from(DAYS))
    if draw(maybe) and freq in ("MONTHLY", "YEARLY"):
        parts["BYSETPOS"] = draw(some(-4, 4, 2))
    return ";".join(f"{name}={value}" for name, value in parts.items())


def by_dateutil(rule: str, first: datetime, end: datetime, count: int | None) -> list[datetime]:
    try:
        known = rrule.rrulestr(f"{rule};UNTIL={end - timedelta(seconds=1):%Y%m%dT%H%M%S}", dtstart=first)
    except ValueError:  # it sees by itself that, say, every 24 hours at another hour never comes
        return []
    return list(islice(known, count))


FIRST = st.datetimes(datetime(2024, 1, 1), datetime(2028, 12, 31)).map(lambda at: at.replace(microsecond=0))
COUNTS = st.none() | st.integers(1, 60)


@pytest.mark.parametrize("freq", ["HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
@settings(deadline=None, max_examples=100)
@given(st.data())
def test_as_dateutil(freq: str, data: st.DataObject) -> None:
    rule, first, count = data.draw(rules(freq)), data.draw(FIRST), data.draw(COUNTS)
    end = first + YEARS
    text = checked(f"{rule};COUNT={count}" if count else rule)
    found = list(instants(rule_of(text, first, ZONE), first, end))
    # where it finds nothing dateutil looks until the year 9999: an endless hour for an hourly rule
    assume(found or freq in ("MONTHLY", "YEARLY"))
    assert found == by_dateutil(rule, first, end, count)


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(["HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]).flatmap(rules),
    FIRST,
    COUNTS,
    st.integers(0, 800),
)
def test_a_later_beginning_finds_the_same(rule: str, first: datetime, count: int | None, days: int) -> None:
    made = rule_of(f"{rule};COUNT={count}" if count else rule, first, ZONE)
    start = first + timedelta(days=days, minutes=7)
    whole = list(instants(made, first, first + YEARS))
    assert list(instants(made, start, first + YEARS)) == [at for at in whole if at >= start]
    assert whole == sorted(set(whole))


@pytest.mark.parametrize(
    ("rule", "first", "expected"),
    [  # by RFC 5545, where dateutil differs: it asks for both of `MO,1TU`, and halves the first week for BYSETPOS
        ("FREQ=MONTHLY;BYDAY=1TU,MO", "2026-11-23", ["2026-11-23", "2026-11-30", "2026-12-01"]),
        ("FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=2", "2026-11-26", ["2026-12-02", "2026-12-09"]),
        ("FREQ=YEARLY;BYWEEKNO=-1;BYDAY=MO", "2026-01-01", ["2026-12-28", "2027-12-27"]),
        ("FREQ=WEEKLY;BYDAY=1MO", "2026-11-23", ["2026-11-23", "2026-11-30"]),  # the number means nothing in a week
    ],
)
def test_by_the_book(rule: str, first: str, expected: list[str]) -> None:
    begin = datetime.fromisoformat(f"{first}T05:30")
    found = instants(rule_of(checked(rule), begin, ZONE), begin, begin + YEARS)
    assert [f"{at:%Y-%m-%d}" for at in islice(found, len(expected))] == expected
