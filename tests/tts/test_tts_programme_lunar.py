from datetime import date, timedelta

import pytest

from tts.lunar import LunarDate, lunar_date
from tts.programme.dates import fill, unknown

# First day of each lunar year and its doubled month (0: none), by Hồ Ngọc Đức's tables. 1968, 1969, 1985, 2007 and 2030
# begin on another day (or month) than in China.
NEW_YEARS = """
1968-01-29/7 1969-02-16/0 1970-02-06/0 1971-01-27/5 1972-02-15/0 1973-02-03/0 1974-01-23/4 1975-02-11/0 1976-01-31/8
1977-02-18/0 1978-02-07/0 1979-01-28/6 1980-02-16/0 1981-02-05/0 1982-01-25/4 1983-02-13/0 1984-02-02/0 1985-01-21/2
1986-02-09/0 1987-01-29/7 1988-02-17/0 1989-02-06/0 1990-01-27/5 1991-02-15/0 1992-02-04/0 1993-01-23/3 1994-02-10/0
1995-01-31/8 1996-02-19/0 1997-02-07/0 1998-01-28/5 1999-02-16/0 2000-02-05/0 2001-01-24/4 2002-02-12/0 2003-02-01/0
2004-01-22/2 2005-02-09/0 2006-01-29/7 2007-02-17/0 2008-02-07/0 2009-01-26/5 2010-02-14/0 2011-02-03/0 2012-01-23/4
2013-02-10/0 2014-01-31/9 2015-02-19/0 2016-02-08/0 2017-01-28/6 2018-02-16/0 2019-02-05/0 2020-01-25/4 2021-02-12/0
2022-02-01/0 2023-01-22/2 2024-02-10/0 2025-01-29/6 2026-02-17/0 2027-02-06/0 2028-01-26/5 2029-02-13/0 2030-02-02/0
2031-01-23/3 2032-02-11/0 2033-01-31/11 2034-02-19/0 2035-02-08/0 2036-01-28/6 2037-02-15/0 2038-02-04/0 2039-01-24/5
2040-02-12/0 2041-02-01/0 2042-01-22/2 2043-02-10/0 2044-01-30/7 2045-02-17/0 2046-02-06/0 2047-01-26/5 2048-02-14/0
2049-02-02/0 2050-01-23/3
"""


@pytest.mark.parametrize("row", NEW_YEARS.split())
def test_new_year_and_doubled_month(row: str) -> None:
    day, _, doubled = row.partition("/")
    first = date.fromisoformat(day)
    assert lunar_date(first) == LunarDate(1, 1, first.year)
    leaps = {
        lunar_date(first + timedelta(days)).month for days in range(353) if lunar_date(first + timedelta(days)).leap
    }
    assert leaps == ({int(doubled)} if int(doubled) else set())


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-11-22", LunarDate(14, 10, 2026)),
        ("2025-07-25", LunarDate(1, 6, 2025, leap=True)),
        ("2026-02-16", LunarDate(29, 12, 2025)),
        ("2024-09-17", LunarDate(15, 8, 2024)),
        ("2023-03-22", LunarDate(1, 2, 2023, leap=True)),
    ],
)
def test_known_days(day: str, expected: LunarDate) -> None:
    assert lunar_date(date.fromisoformat(day)) == expected


def test_days_follow_each_other_without_a_gap() -> None:
    before = lunar_date(date(1968, 1, 1))
    for days in range(1, 30_000):
        now = lunar_date(date(1968, 1, 1) + timedelta(days))
        if now.day == 1:
            assert before.day in (29, 30)
            assert (now.month, now.year) != (before.month, before.year) or (now.leap and not before.leap)
            assert now.year - before.year == (1 if now.month == 1 and not now.leap else 0)
        else:
            assert now == LunarDate(before.day + 1, before.month, before.year, before.leap)
        before = now


def test_years_have_their_names() -> None:
    assert LunarDate(1, 1, 2026).year_name == "Bính Ngọ"
    assert LunarDate(1, 1, 1984).year_name == "Giáp Tý"
    assert LunarDate(1, 1, 2023).year_name == "Quý Mão"


def test_years_of_which_nobody_knows_are_refused() -> None:
    for day in (date(1967, 12, 31), date(2200, 1, 1)):
        with pytest.raises(ValueError, match="1968 to 2199"):
            lunar_date(day)


@pytest.mark.parametrize(
    ("day", "spoken"),
    [
        ("2026-11-23", "thứ Hai, ngày 23 tháng 11 năm 2026, tức rằm tháng 10 âm lịch, năm Bính Ngọ"),
        ("2026-02-17", "thứ Ba, ngày 17 tháng 2 năm 2026, tức mùng 1 tháng Giêng âm lịch, năm Bính Ngọ"),
        ("2026-02-15", "Chủ nhật, ngày 15 tháng 2 năm 2026, tức ngày 28 tháng Chạp âm lịch, năm Ất Tỵ"),
        ("2025-08-03", "Chủ nhật, ngày 3 tháng 8 năm 2025, tức mùng 10 tháng 6 nhuận âm lịch, năm Ất Tỵ"),
    ],
)
def test_the_day_as_an_announcer_says_it(day: str, spoken: str) -> None:
    assert fill("{weekday}, {date}, tức {lunar}", date.fromisoformat(day)) == spoken


def test_only_known_placeholders_are_filled() -> None:
    assert fill("{lunar_year} {ngay} {} {a b}", date(2026, 11, 22)) == "Bính Ngọ {ngay} {} {a b}"
    assert list(unknown("{date} {ngay} {}")) == ["ngay", ""]
