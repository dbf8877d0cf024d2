"""What programmes and calendars do, by examples from villages; each night from noon to noon."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from edge_agent.calendar.lunar import tet
from edge_agent.config.sensing import Sensor
from edge_agent.config.switching import Light
from edge_agent.config.timetable import Calendar, NamedProgramme, Photocell, Programme
from edge_agent.timetable.calendar import Choice
from edge_agent.timetable.darkness import Darkness
from edge_agent.timetable.place import Place
from edge_agent.timetable.sun import NoSun, sunrise, sunset
from edge_agent.timetable.timetable import Plan, Timetable

HA_NOI = Place(21.0285, 105.8542, "Asia/Ho_Chi_Minh")
ZONE = HA_NOI.zone
BERLIN = Place(52.5, 13.4, "Europe/Berlin")


def plan(programme, place: Place = HA_NOI) -> Plan:
    light = Light(id="a", name="A", line="r/1", programme=programme, dimmable=True)
    made = Timetable((), (), place).plan_of(light)
    assert made is not None
    return made


def night(programme, day: date, place: Place = HA_NOI) -> list[tuple[str, float]]:
    """The changes of a night by the clock there, the first (at its beginning) left out."""
    (only,) = plan(programme, place).nights(day, day)
    return [(f"{each.at.astimezone(place.zone):%H:%M}", each.level) for each in only.switches[1:]]


def at(day: date, hour: int, minute: int = 0, second: int = 0, zone: ZoneInfo = ZONE) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=zone).astimezone(UTC)


def unknown(_sensor: str) -> None:
    return None


WINTER, SUMMER = date(2027, 1, 6), date(2027, 6, 21)  # in Ha Noi the sun sets at 17:29 and 18:41


@pytest.mark.parametrize(
    ("programme", "day", "expected"),
    [
        ({"on": "18:00", "off": "05:30"}, WINTER, [("18:00", 100), ("05:30", 0)]),
        ({"on": "18:00", "off": "22:30", "level": 60}, WINTER, [("18:00", 60), ("22:30", 0)]),
        ({"on": "04:30", "off": "06:00"}, WINTER, [("04:30", 100), ("06:00", 0)]),
        ({"on": "sunset", "off": "18:15"}, WINTER, [("17:29", 100), ("18:15", 0)]),
        ({"on": "sunset", "off": "18:15"}, SUMMER, []),
        ({"on": "22:00", "off": "22:00"}, WINTER, []),
        ({"on": "12:00", "off": "12:00"}, WINTER, []),  # all day: nothing changes
        ({"on": "18:00", "off": "12:00"}, WINTER, [("18:00", 100)]),
        ({"on": "06:00", "off": "18:00"}, WINTER, []),
        ({"on": "06:00", "off": "18:00", "begins": "midnight"}, WINTER, [("06:00", 100), ("18:00", 0)]),
        ({"on": "18:00", "off": "00:00", "begins": "midnight"}, WINTER, [("18:00", 100)]),
        ({"on": "00:00", "off": "05:00", "begins": "midnight"}, WINTER, [("05:00", 0)]),
        ({"on": "sunset-999m", "off": "18:00"}, WINTER, [("18:00", 0)]),
        ({"on": "18:00", "off": "sunrise+999m"}, WINTER, [("18:00", 100)]),
    ],
    ids=str,
)
def test_one_period(programme: dict, day: date, expected: list) -> None:
    assert night(programme, day) == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([("22:00", 50), ("04:30", 100)], [("18:00", 100), ("22:00", 50), ("04:30", 100), ("06:00", 0)]),
        ([("04:30", 100), ("22:00", 50)], [("18:00", 100), ("22:00", 50), ("04:30", 100), ("06:00", 0)]),
        ([("17:00", 50), ("06:00", 50), ("07:00", 50)], [("18:00", 100), ("06:00", 0)]),
        ([("18:00", 50)], [("18:00", 50), ("06:00", 0)]),
        ([("22:00", 100)], [("18:00", 100), ("06:00", 0)]),
        ([("22:00", 50), ("22:00", 30)], [("18:00", 100), ("22:00", 30), ("06:00", 0)]),
        ([("22:00", 50), ("22:00", 100)], [("18:00", 100), ("06:00", 0)]),
        ([("23:00", 0), ("04:30", 100)], [("18:00", 100), ("23:00", 0), ("04:30", 100), ("06:00", 0)]),
    ],
    ids=str,
)
def test_steps_of_a_half_night(steps: list, expected: list) -> None:
    written = [{"at": moment, "level": level} for moment, level in steps]
    assert night({"on": "18:00", "off": "06:00", "steps": written}, WINTER) == expected


def test_of_periods_that_overlap_the_one_that_began_later_counts() -> None:
    periods = [{"on": "18:00", "off": "06:00", "level": 30}, {"on": "19:00", "off": "22:00"}]
    expected = [("18:00", 30), ("19:00", 100), ("22:00", 30), ("06:00", 0)]
    assert night({"periods": periods}, WINTER) == night({"periods": periods[::-1]}, WINTER) == expected
    touching = [{"on": "18:00", "off": "20:00"}, {"on": "20:00", "off": "22:00", "level": 40}]
    assert night({"periods": touching}, WINTER) == [("18:00", 100), ("20:00", 40), ("22:00", 0)]
    together = [{"on": "18:00", "off": "20:00", "level": 20}, {"on": "18:00", "off": "19:00", "level": 70}]
    assert night({"periods": together}, WINTER) == [("18:00", 70), ("19:00", 20), ("20:00", 0)]


@pytest.mark.parametrize(
    ("programme", "day", "expected"),
    [
        # 02:00 to 03:00 does not exist on 28 March, and is there twice on 31 October
        ({"on": "02:30", "off": "04:00"}, date(2027, 3, 27), [("03:00", 100), ("04:00", 0)]),
        ({"on": "01:00", "off": "02:30"}, date(2027, 3, 27), [("01:00", 100), ("03:00", 0)]),
        ({"on": "02:10", "off": "02:50"}, date(2027, 3, 27), []),
        ({"on": "02:30", "off": "04:00"}, date(2027, 10, 30), [("02:30", 100), ("04:00", 0)]),
        ({"on": "01:00", "off": "02:30"}, date(2027, 10, 30), [("01:00", 100), ("02:30", 0)]),
    ],
    ids=str,
)
def test_where_clocks_jump(programme: dict, day: date, expected: list) -> None:
    assert night(programme, day, BERLIN) == expected


def test_a_time_that_comes_twice_is_the_first() -> None:
    (only,) = plan({"on": "02:30", "off": "04:00"}, BERLIN).nights(date(2027, 10, 30), date(2027, 10, 30))
    assert only.switches[1].at == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert only.switches[2].at - only.switches[1].at == timedelta(hours=2, minutes=30)


def test_a_phase_says_since_when_and_until_when() -> None:
    programme = {"on": "sunset", "off": "sunrise", "steps": [{"at": "22:00", "level": 40, "ramp_s": 600}]}
    phase = plan(programme).at(at(WINTER, 22, 5), unknown)
    assert (phase.level, phase.began, phase.ramp_s, phase.level_before) == (40, at(WINTER, 22), 600, 100)
    assert phase.until == sunrise(HA_NOI, WINTER + timedelta(days=1))
    levels = [phase.level_at(at(WINTER, 22, minute)) for minute in (0, 5, 10, 15)]
    assert levels == [100, 70, 40, 40]


def test_a_ramp_that_is_cut_short_goes_on_from_where_it_was() -> None:
    steps = [{"at": "22:00", "level": 0, "ramp_s": 3600}, {"at": "22:30", "level": 100, "ramp_s": 60}]
    phase = plan({"on": "18:00", "off": "06:00", "steps": steps}).at(at(WINTER, 22, 30, 30), unknown)
    assert (phase.level_before, phase.level_at(at(WINTER, 22, 30, 30))) == (50, 75)


def test_until_is_over_nights_without_a_change() -> None:
    phase = plan({"on": "sunset", "off": "17:45"}).at(at(date(2027, 3, 1), 20), unknown)
    assert phase.level == 0
    assert phase.until.astimezone(ZONE).month in (9, 10), "in spring and summer the sun sets later than 17:45"
    always = plan({"on": "12:00", "off": "12:00"}).at(at(WINTER, 20), unknown)
    assert always.level == 100 and always.until > at(WINTER, 20) + timedelta(days=30)


CALENDAR = Calendar.model_validate(
    {
        "id": "xom",
        "rules": [
            {"programme": "ca-dem", "tet": [1, 2]},
            {"programme": "ca-dem", "lunar": {"days": [15]}},
            {"programme": "off", "dates": ["2027-03-27", "02-29"]},
            {"programme": "truong", "from": "09-05", "to": "05-31", "weekdays": ["mon", "fri"]},
            {"programme": "ca-dem", "weekdays": ["sat"], "occurrences": [1, "last"]},
            {"programme": "ca-dem", "from": "12-30", "to": "01-02"},
            {"programme": "ca-dem", "from": "2027-07-01", "to": "2027-07-03"},
        ],
        "otherwise": "nua-dem",
    }
)
NAMED = [
    NamedProgramme(id="ca-dem", on="18:00", off="06:00"),
    NamedProgramme(id="nua-dem", on="18:00", off="23:00"),
    NamedProgramme(id="truong", on="17:00", off="21:00"),
]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2027-02-05", "ca-dem"),  # the eve of Tet, a Friday: the first rule that matches counts
        ("2027-02-06", "ca-dem"),
        ("2027-02-08", "ca-dem"),
        ("2027-02-09", "nua-dem"),
        ("2027-02-20", "ca-dem"),  # ram of the first month
        ("2027-03-27", "off"),  # also the last Saturday of the month
        ("2028-02-29", "off"),
        ("2028-03-27", "truong"),
        ("2027-09-06", "truong"),
        ("2027-09-03", "nua-dem"),  # a Friday before term
        ("2027-06-05", "ca-dem"),
        ("2027-06-12", "nua-dem"),
        ("2027-06-26", "ca-dem"),
        ("2027-12-30", "ca-dem"),
        ("2028-01-02", "ca-dem"),
        ("2028-01-04", "nua-dem"),
        ("2027-07-03", "ca-dem"),
        ("2028-07-03", "nua-dem"),
    ],
)
def test_the_first_rule_that_matches(day: str, expected: str) -> None:
    assert Choice(CALENDAR).of(date.fromisoformat(day)) == expected


def test_tet_of_every_year_whatever_month_it_is_in() -> None:
    calendar = Calendar.model_validate({"id": "c", "rules": [{"programme": "x", "tet": [60, 0]}], "otherwise": "off"})
    choice = Choice(calendar)
    for year in range(2025, 2060):
        first = tet(year)
        found = [day for day in range(-70, 20) if choice.of(first + timedelta(days=day)) == "x"]
        assert found == list(range(-60, 1))
    assert choice.of(date(1950, 2, 1)) == "off", "before the tables"


def test_a_rule_of_a_day_is_that_of_its_whole_night() -> None:
    made = Timetable(NAMED, [CALENDAR], HA_NOI).plan_of(Light(id="a", name="A", line="r/1", calendar="xom"))
    assert made is not None
    eve = date(2026, 12, 31)
    phase = made.at(at(eve + timedelta(days=1), 3), unknown)
    assert (phase.level, phase.programme, phase.until) == (100, "ca-dem", at(date(2027, 1, 1), 6))
    off = made.at(at(date(2027, 3, 28), 2), unknown)
    assert (off.level, off.programme, off.until) == (0, "off", at(date(2027, 3, 28), 18))
    assert made.at(at(date(2027, 3, 28), 13), unknown).programme == "nua-dem", "at noon the next day begins"


def test_things_without_programme_have_no_plan_and_unknown_names_are_refused() -> None:
    timetable = Timetable(NAMED, [CALENDAR], HA_NOI)
    bare = {"id": "a", "name": "A", "line": "r/1"}
    assert timetable.plan_of(Light(**bare)) is None
    for wrong in ({"programme": "nobody"}, {"calendar": "nobody"}):
        with pytest.raises(ValueError, match="nobody"):
            timetable.plan_of(Light(**bare, **wrong))
    mixed = [NAMED[0], NamedProgramme(id="b", on="06:00", off="09:00", begins="midnight")]
    rules = [{"programme": "b", "weekdays": ["mon"]}]
    calendar = Calendar.model_validate({"id": "c", "rules": rules, "otherwise": "ca-dem"})
    with pytest.raises(ValueError, match="noon"):
        Timetable(mixed, [calendar], HA_NOI).plan_of(Light(**bare, calendar="c"))


def test_where_the_sun_does_not_set() -> None:
    with pytest.raises(NoSun):
        plan({}, Place(80, 0, "UTC")).at(datetime(2027, 6, 21, 22, tzinfo=UTC), unknown)


EYE = {"sensor": "eye", "before_min": 60, "after_min": 30}
NIGHTS = {"on": "18:00", "off": "06:00", "photocell": EYE}
NEXT = WINTER + timedelta(days=1)


@pytest.mark.parametrize(
    ("now", "dark", "level", "photocell", "until"),
    [
        (at(WINTER, 16, 59), True, 0, False, at(WINTER, 17)),
        (at(WINTER, 16, 59), False, 0, False, at(WINTER, 18)),
        (at(WINTER, 17), True, 100, True, at(NEXT, 6)),
        (at(WINTER, 17), False, 0, False, at(WINTER, 18)),
        (at(WINTER, 17, 30), None, 0, False, at(WINTER, 18)),
        (at(WINTER, 18), False, 100, False, at(NEXT, 6)),
        (at(WINTER, 23), True, 100, False, at(NEXT, 6)),
        (at(NEXT, 6), True, 100, True, at(NEXT, 6, 30)),
        (at(NEXT, 6), None, 0, False, at(NEXT, 18)),
        (at(NEXT, 6, 30), True, 0, False, at(NEXT, 17)),
    ],
    ids=str,
)
def test_lit_earlier_and_longer_while_it_is_dark(now, dark, level, photocell, until) -> None:
    phase = plan(NIGHTS).at(now, lambda sensor: {"eye": dark}[sensor])
    assert (phase.level, phase.photocell, phase.until) == (level, photocell, until)


def test_never_at_midday_however_covered_the_photocell_is() -> None:
    covered = {**NIGHTS, "photocell": {**EYE, "before_min": 720, "after_min": 720}}
    for hour, level in ((9, 100), (10, 0), (12, 0), (13, 0), (14, 100)):
        assert plan(covered).at(at(NEXT, hour), lambda sensor: True).level == level, hour
    by_day = {**covered, "on": "15:00", "off": "16:00", "begins": "midnight"}
    for hour, level in ((9, 0), (13, 0), (14, 100), (15, 100), (23, 100)):
        assert plan(by_day).at(at(NEXT, hour), lambda sensor: True).level == level, hour


def test_a_ramp_begins_when_the_photocell_says_so_and_is_not_begun_anew_at_sunset() -> None:
    made = plan({**NIGHTS, "ramp_s": 3600})
    assert made.at(at(WINTER, 17, 20), lambda sensor: False).level == 0
    begun = made.at(at(WINTER, 17, 30), lambda sensor: True)
    assert (begun.began, begun.level_before, begun.level_at(at(WINTER, 17, 45))) == (at(WINTER, 17, 30), 0, 25)
    later = made.at(at(WINTER, 18), lambda sensor: True)
    assert (later.began, later.photocell, later.level_at(at(WINTER, 18, 15))) == (at(WINTER, 17, 30), False, 75)


def test_lost_while_lit_early_the_sun_counts_again() -> None:
    made = plan(NIGHTS)
    assert made.at(at(WINTER, 17, 30), lambda sensor: True).level == 100
    lost = made.at(at(WINTER, 17, 40), lambda sensor: None)
    assert (lost.level, lost.began, lost.level_before, lost.until) == (0, at(WINTER, 17, 40), 100, at(WINTER, 18))


def test_no_photocell_lights_a_night_without_a_period() -> None:
    assert (
        plan({"on": "sunset", "off": "18:00", "photocell": EYE}).at(at(SUMMER, 17, 59), lambda sensor: True).level == 0
    )


def test_the_photocells_of_a_plan_are_named_once() -> None:
    periods = [{"on": "18:00", "off": "20:00", "photocell": EYE}, {"on": "04:00", "off": "06:00", "photocell": EYE}]
    assert [cell.sensor for cell in plan({"periods": periods}).photocells] == ["eye"]
    assert plan({}).photocells == ()


def test_dark_and_light_have_limits_of_their_own() -> None:
    sensor = Sensor(id="eye", name="Mắt", line="r/1", kind="illuminance")
    darkness = Darkness(Photocell(sensor="eye", on_below=30, off_above=60), sensor)
    values = [45, 29, 30, 60, 61, 45, 10, None, 45]
    expected = [False, True, True, True, False, False, True, None, False]
    assert [darkness.look(value) for value in values] == expected


@pytest.mark.parametrize("kind", ["photocell", "contact"])
def test_a_contact_is_one_in_the_dark(kind: str) -> None:
    darkness = Darkness(Photocell(sensor="eye"), Sensor(id="eye", name="Mắt", line="r/1", kind=kind))
    assert [darkness.look(value) for value in (1, 0, None, 1)] == [True, False, None, True]


@pytest.mark.parametrize("programme", [{}, {"on": "sunset-15m", "off": "sunrise+10m"}, {"on": "dusk", "off": "dawn"}])
def test_a_year_without_a_skipped_switch(programme: dict) -> None:
    made, now = plan(programme), datetime(2026, 1, 1, tzinfo=UTC)
    switches = 0
    while (phase := made.at(now, unknown)).until < datetime(2027, 1, 1, tzinfo=UTC):
        assert now < phase.until <= now + timedelta(days=1, minutes=5)
        assert made.at(phase.until, unknown).level == 100 - phase.level
        now, switches = phase.until, switches + 1
    assert switches in (729, 730)


def test_sunset_begins_and_the_sunrise_after_it_ends_the_night() -> None:
    made = plan(Programme())
    for number in range(365):
        day = WINTER + timedelta(days=number)
        (only,) = made.nights(day, day)
        assert [each.at for each in only.switches[1:]] == [
            sunset(HA_NOI, day),
            sunrise(HA_NOI, day + timedelta(days=1)),
        ]


def test_a_clock_that_is_set_back_or_forward() -> None:
    made = plan(NIGHTS)
    for day, hour, level in ((WINTER, 20, 100), (SUMMER, 8, 0), (WINTER, 3, 100), (date(1970, 1, 1), 12, 0)):
        assert made.at(at(day, hour), lambda sensor: True).level == level
