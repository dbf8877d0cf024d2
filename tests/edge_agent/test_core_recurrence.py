"""Rules that people write: none may hang a node or hail on it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.contract.recurrence import checked


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY",
        "RRULE:FREQ=DAILY;INTERVAL=2",
        "freq=weekly;byday=mo,we,fr",
        "FREQ=MONTHLY;BYDAY=-1FR",
        "FREQ=DAILY;COUNT=5",
        "FREQ=DAILY;UNTIL=20261231T223000Z",
        "FREQ=DAILY;BYHOUR=5,11,17;BYMINUTE=30",
        "FREQ=HOURLY;INTERVAL=3",
        "FREQ=YEARLY;BYMONTH=9;BYMONTHDAY=2",
        "FREQ=MONTHLY;BYMONTHDAY=-1;WKST=MO",
    ],
)
def test_rules_that_a_radio_needs(rule: str) -> None:
    assert checked(rule) == rule.upper().removeprefix("RRULE:")


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "garbage",
        "FREQ=",
        "INTERVAL=2",
        "FREQ=SECONDLY",
        "freq=minutely",
        "FREQ=DAILY;INTERVAL=0",  # dateutil would give the same instant for ever
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;INTERVAL=99999999",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=2;UNTIL=20270101T000000Z",
        "FREQ=DAILY;UNTIL=20261231",
        "FREQ=DAILY;UNTIL=20261231T000000",
        "FREQ=DAILY;UNTIL=20261331T000000Z",
        "FREQ=HOURLY;BYMINUTE=0,10,20",
        "FREQ=DAILY;BYHOUR=0,1;BYSECOND=1,2",
        "FREQ=DAILY;BYEASTER=0",
        "FREQ=DAILY;FREQ=HOURLY",
        "FREQ=DAILY;BYMONTH=13",
        "FREQ=DAILY;BYMONTHDAY=0",
        "FREQ=DAILY;BYHOUR=25",
        "FREQ=DAILY;BYHOUR=٣",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=DAILY;;",
        "FREQ=DAILY\nEXDATE:20260101",
        "DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY",
        "RRULE:RRULE:FREQ=DAILY",
        "EXDATE:20260101",
    ],
)
def test_rules_that_are_refused(rule: str) -> None:
    with pytest.raises(ValueError):
        checked(rule)


@given(st.text(st.sampled_from("FREQ=DAILYHOU;BMNT0123456789,-WS:"), max_size=60))
def test_no_rule_does_worse_than_be_refused(rule: str) -> None:
    try:
        plain = checked(rule)
    except ValueError:
        return
    assert checked(plain) == plain
    assert datetime.now(UTC)
