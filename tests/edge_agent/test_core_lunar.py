"""The lunar calendar that bulletins follow, and which of its days they ask for."""

from datetime import date, timedelta

import pytest

from edge_agent.calendar.lunar import LunarDate, days, lunar_date, months, tet
from edge_agent.contract.bulletins import LunarDays


def asked(start: str, end: str, **wanted) -> list[str]:
    low, high = date.fromisoformat(start).toordinal(), date.fromisoformat(end).toordinal()
    return [date.fromordinal(day).isoformat() for day in days(LunarDays.model_validate(wanted), low, high)]


@pytest.mark.parametrize(
    ("year", "day"),  # 1968, 1985, 2007 and 2030 begin a day or a month before China's
    [(1968, "01-29"), (1985, "01-21"), (2007, "02-17"), (2025, "01-29"), (2026, "02-17"), (2030, "02-02")],
)
def test_tet(year: int, day: str) -> None:
    assert tet(year).isoformat() == f"{year}-{day}"


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-11-22", LunarDate(14, 10, 2026, False, 30)),
        ("2026-02-16", LunarDate(29, 12, 2025, False, 29)),
        ("2025-07-25", LunarDate(1, 6, 2025, True, 29)),
        ("2033-12-22", LunarDate(1, 11, 2033, True, 29)),
    ],
)
def test_known_days(day: str, expected: LunarDate) -> None:
    assert lunar_date(date.fromisoformat(day)) == expected


def test_days_follow_each_other_without_a_gap() -> None:
    day, last = date(1968, 1, 29), date(2199, 12, 31)
    before = lunar_date(day)
    while day < last:
        day += timedelta(days=1)
        now = lunar_date(day)
        if now.day == 1:
            assert before.day == before.length and before.length in (29, 30)
            assert (now.month == before.month and now.leap) or now.month == before.month % 12 + 1
        else:
            assert now == LunarDate(before.day + 1, before.month, before.year, before.leap, before.length)
        before = now


def test_years_that_nobody_knows_are_refused() -> None:
    for day in (date(1968, 1, 28), date(2200, 1, 1)):
        with pytest.raises(ValueError, match="1968 to 2199"):
            lunar_date(day)
    for year in (1967, 2200):
        with pytest.raises(ValueError, match="1968 to 2199"):
            months(year)


def test_first_and_full_moon_of_a_year_with_a_leap_month() -> None:
    once = asked("2025-01-29", "2026-02-16", days=[1, 15], leap="never")
    assert len(once) == 24 and {"2025-06-25", "2025-07-09"} <= {*once} and not {"2025-07-25", "2025-08-08"} & {*once}
    every = asked("2025-01-29", "2026-02-16", days=[1, 15])
    assert len(every) == 26 and every == asked("2025-01-29", "2026-02-16", days=[1, 15], leap="also")
    assert asked("2025-01-29", "2026-02-16", days=[1, 15], leap="only") == ["2025-07-25", "2025-08-08"]


def test_a_given_date_each_year() -> None:
    assert asked("2024-01-01", "2027-12-31", days=[10], month=3) == [
        "2024-04-18",
        "2025-04-07",
        "2026-04-26",
        "2027-04-16",
    ]
    assert asked("2023-01-01", "2025-12-31", days=[5], month=6, leap="also") == [
        "2023-07-22", "2024-07-10", "2025-06-29", "2025-07-29"
    ]  # fmt: skip
    assert asked("2020-01-01", "2040-12-31", days=[5], month=6, leap="only") == ["2025-07-29", "2036-07-27"]


def test_the_thirtieth_is_the_last_day_of_every_month_and_comes_once() -> None:
    found = asked("2026-02-17", "2027-02-05", days=[29, 30])
    known = months(2026)
    short = [month for month in known if month.length == 29]
    assert len(found) == 2 * len(known) - len(short)
    assert date.fromordinal(short[0].first + 28).isoformat() in found


def test_days_before_tet() -> None:
    assert asked("2026-01-01", "2028-12-31", before_tet=23) == ["2026-01-25", "2027-01-14", "2028-01-03"]
    assert asked("2026-12-01", "2027-03-01", before_tet=60) == ["2026-12-08"]


def test_the_calendar_ends_without_an_error() -> None:
    assert asked("2199-12-01", "2210-01-01", days=[1])
    assert asked("2201-01-01", "2210-01-01", days=[1]) == []
    assert asked("1900-01-01", "1968-02-01", days=[1]) == ["1968-01-29"]
