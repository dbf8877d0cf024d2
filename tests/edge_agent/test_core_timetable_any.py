"""Any programme and calendar, anywhere: what is decided is what a slow reading of the rules, written here, says.

The reading below knows nothing of the timetable but the sun's times: it looks at each period at each instant.
"""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.config.switching import Light
from edge_agent.config.timetable import Calendar, NamedProgramme, Period, Programme
from edge_agent.timetable import sun
from edge_agent.timetable.place import Place
from edge_agent.timetable.timetable import Plan, Timetable

PLACES = [
    Place(21.0285, 105.8542, "Asia/Ho_Chi_Minh"),
    Place(9.1769, 105.1524, "Asia/Ho_Chi_Minh"),
    Place(52.5, 13.4, "Europe/Berlin"),
    Place(40.7, -74.0, "America/New_York"),
    Place(-31.5, 159.1, "Australia/Lord_Howe"),  # half an hour of summer time
    Place(1.87, -157.4, "Pacific/Kiritimati"),
    Place(-33.4, -70.7, "America/Santiago"),  # clocks jump at midnight
]
SENSOR = "eye"


class Reading:
    """The level of an instant by the words of the configuration."""

    def __init__(self, place: Place, dark: bool | None) -> None:
        self.place = place
        self.zone = ZoneInfo(place.timezone)
        self.dark = dark

    def level(self, programme_of, now: datetime, begins: str) -> float:
        local = now.astimezone(self.zone)
        day = local.date() - timedelta(days=begins == "noon" and local.hour < 12)
        programme = programme_of(day)
        return 0 if programme is None else self.of_day(programme, day, now)

    def of_day(self, programme: Programme, day: date, now: datetime) -> float:
        hour = 12 if programme.begins == "noon" else 0
        begin = self.clock(datetime(day.year, day.month, day.day, hour))
        end = self.clock(datetime(day.year, day.month, day.day, hour) + timedelta(days=1))
        found: list[tuple[datetime, int, float]] = []
        for place, part in enumerate(programme.periods or [programme]):
            on = max(self.instant(part.on, programme, day), begin)
            off = self.instant(part.off, programme, day)
            if part.off == f"{hour:02}:00":
                off = end
            off = min(off, end)
            if on >= off:
                continue
            if self.lit(part, on, off, now):
                found.append((on, place, self.with_steps(part, programme, day, on, off, now)))
        return max(found)[2] if found else 0

    def lit(self, part: Period, on: datetime, off: datetime, now: datetime) -> bool:
        if on <= now < off:
            return True
        cell = part.photocell
        if cell is None or not self.dark or 10 <= now.astimezone(self.zone).hour < 14:
            return False
        early, late = on - timedelta(minutes=cell.before_min), off + timedelta(minutes=cell.after_min)
        between = (now, on) if early <= now < on else (off, now) if off <= now < late else None
        return between is not None and not self.midday_within(*between)

    def midday_within(self, first: datetime, last: datetime) -> bool:
        while first < last:
            if 10 <= first.astimezone(self.zone).hour < 14:
                return True
            first += timedelta(minutes=1)
        return False

    def with_steps(
        self, part: Period, programme: Programme, day: date, on: datetime, off: datetime, now: datetime
    ) -> float:
        steps = [(self.instant(step.at, programme, day), place, step.level) for place, step in enumerate(part.steps)]
        passed = [step for step in steps if on <= step[0] < off and step[0] <= max(now, on)]
        return max(passed)[2] if passed else part.level

    def instant(self, moment: str, programme: Programme, day: date) -> datetime:
        noon = programme.begins == "noon"
        if moment[0].isdigit():
            hour, minute = map(int, moment.split(":"))
            next_day = noon and hour < 12
            return self.clock(datetime(day.year, day.month, day.day, hour, minute) + timedelta(days=next_day))
        name = next(name for name in ("sunrise", "sunset", "dusk", "dawn") if moment.startswith(name))
        minutes = int(moment[len(name) :].rstrip("m") or 0)
        morning = name in ("sunrise", "dawn")
        at = sun.event(name, self.place, day + timedelta(days=noon and morning))
        return at + timedelta(minutes=minutes)

    def clock(self, local: datetime) -> datetime:
        """The first instant at which clocks show this or later."""
        at = local.replace(tzinfo=self.zone, fold=1).astimezone(UTC) - timedelta(hours=3)
        at = at.replace(second=0)
        while at.astimezone(self.zone).replace(tzinfo=None) < local:
            at += timedelta(minutes=1)
        return at


CLOCK = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
SUN = st.builds(
    "{}{}".format,
    st.sampled_from(["sunset", "sunrise", "dusk", "dawn"]),
    st.sampled_from(["", "-15m", "+10m", "-120m", "+999m", "-700m"]),
)
MOMENT = st.one_of(CLOCK, SUN)
LEVEL = st.sampled_from([0, 30, 50, 100])
RAMP = st.sampled_from([0, 0, 90, 3600])
STEP = st.fixed_dictionaries({"at": MOMENT, "level": LEVEL, "ramp_s": RAMP})
CELL = st.fixed_dictionaries(
    {"sensor": st.just(SENSOR), "before_min": st.sampled_from([0, 45, 720]), "after_min": st.sampled_from([0, 60, 720])}
)
PERIOD = st.fixed_dictionaries(
    {"on": MOMENT, "off": MOMENT, "level": LEVEL, "ramp_s": RAMP, "steps": st.lists(STEP, max_size=3)},
    optional={"photocell": CELL},
)


@st.composite
def programmes(draw: st.DrawFn, begins: str) -> dict:
    if draw(st.booleans()):
        return {**draw(PERIOD), "begins": begins}
    return {"periods": draw(st.lists(PERIOD, min_size=1, max_size=3)), "begins": begins}


@st.composite
def worlds(draw: st.DrawFn):
    """A thing's plan, made anew each time it is asked for; what its programme is on a day; and the reading."""
    begins = draw(st.sampled_from(["noon", "noon", "midnight"]))
    named = [NamedProgramme(id=f"p{n}", **draw(programmes(begins))) for n in range(draw(st.integers(1, 3)))]
    ids = [*(each.id for each in named), "off"]
    weekdays = st.lists(st.sampled_from(["mon", "sat", "sun"]), min_size=1, unique=True)
    rule = st.fixed_dictionaries({"programme": st.sampled_from(ids), "weekdays": weekdays})
    rules = draw(st.lists(rule, max_size=2))
    calendar = Calendar.model_validate({"id": "c", "rules": rules, "otherwise": draw(st.sampled_from(ids))})
    place = draw(st.sampled_from(PLACES))
    light = Light(id="a", name="A", line="r/1", calendar="c", dimmable=True)
    known = {each.id: each for each in named}

    def programme_of(day: date) -> Programme | None:
        name = day.strftime("%a").lower()
        for rule in calendar.rules:
            if name in rule.weekdays:
                return known.get(rule.programme)
        return known.get(calendar.otherwise)

    def plan() -> Plan:
        made = Timetable(named, [calendar], place).plan_of(light)
        assert made is not None
        return made

    noon = begins == "noon" or not {*(rule.programme for rule in calendar.rules), calendar.otherwise} & known.keys()
    return plan, programme_of, place, "noon" if noon else "midnight"


INSTANT = st.one_of(
    st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1)),
    # around the days on which clocks jump
    st.builds(
        lambda day, at: day + at,
        st.sampled_from(
            [datetime(2027, 3, 28), datetime(2027, 10, 31), datetime(2027, 3, 14), datetime(2027, 11, 7),
             datetime(2027, 4, 3, 12), datetime(2027, 10, 2, 12), datetime(2027, 9, 5), datetime(2027, 4, 4)]
        ),
        st.timedeltas(timedelta(hours=-6), timedelta(hours=30)),
    ),
)  # fmt: skip
SLOW = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(worlds(), INSTANT, st.sampled_from([True, False, None]))
def test_the_level_of_any_instant(world, naive: datetime, dark: bool | None) -> None:
    plan, programme_of, place, begins = world
    now = naive.replace(tzinfo=UTC)
    phase = plan().at(now, lambda sensor: dark)
    assert phase.level == Reading(place, dark).level(programme_of, now, begins)
    assert phase.began <= now < phase.until
    assert 0 <= phase.level <= 100 and 0 <= phase.level_before <= 100 and 0 <= phase.level_at(now) <= 100


@SLOW
@given(worlds(), INSTANT, st.data())
def test_nothing_happens_until_it_is_said_to(world, naive: datetime, data: st.DataObject) -> None:
    plan, programme_of, place, begins = world
    now = naive.replace(tzinfo=UTC)
    looked = plan()
    phase = looked.at(now, lambda sensor: None)
    reading = Reading(place, None)
    span = min(phase.until - now, timedelta(days=10))
    inside = data.draw(st.lists(st.floats(0, 1, exclude_max=True), max_size=5))
    for at in [*(now + span * part for part in sorted(inside)), now + span - timedelta(seconds=1)]:
        if not now <= at < now + span:
            continue
        assert reading.level(programme_of, at, begins) == phase.level
        again = looked.at(at, lambda sensor: None)
        assert again.level == phase.level
        if now - phase.began < timedelta(days=1):
            assert again.began == phase.began or at - phase.began >= timedelta(days=1), "looks a day back at most"
        if phase.until - now < timedelta(days=60):
            assert again.until == phase.until
    if phase.until - now < timedelta(days=60):
        assert reading.level(programme_of, phase.until, begins) != phase.level
        assert looked.at(phase.until, lambda sensor: None).began == phase.until


@SLOW
@given(worlds(), st.dates(date(2024, 1, 1), date(2032, 1, 1)), st.data())
def test_the_switches_of_a_span_of_days_are_what_is_seen_at_each_instant(world, first: date, data) -> None:
    plan, _, place, begins = world
    last = first + timedelta(days=4)
    switches = plan().switches(first, last)
    assert [each.at for each in switches] == sorted({each.at for each in switches})
    assert all(one.level != other.level for one, other in pairwise(switches))
    hour = 12 if begins == "noon" else 0
    end = Reading(place, None).clock(datetime(last.year, last.month, last.day, hour) + timedelta(days=1))
    assert switches[0].at == Reading(place, None).clock(datetime(first.year, first.month, first.day, hour))
    seen = plan()  # asked in any order, it answers the same
    for one, following in zip(switches, [*(each.at for each in switches[1:]), end], strict=True):
        for at in (
            one.at,
            following - timedelta(seconds=1),
            one.at + (following - one.at) * data.draw(st.floats(0, 0.99)),
        ):
            phase = seen.at(at, lambda sensor: None)
            assert phase.level == one.level and phase.until >= following
            assert phase.level_at(at + timedelta(hours=2)) == one.level
    walked = seen.at(switches[0].at, lambda sensor: None)
    found = [(switches[0].at, walked.level)]
    while walked.until < end:
        walked = seen.at(walked.until, lambda sensor: None)
        found.append((walked.began, walked.level))
    assert found == [(each.at, each.level) for each in switches]


@SLOW
@given(
    worlds(), INSTANT, st.lists(st.tuples(st.sampled_from([True, False, None]), st.integers(0, 40_000)), max_size=30)
)
def test_a_photocell_that_wavers_never_gives_a_wrong_level(world, naive: datetime, course) -> None:
    plan, programme_of, place, begins = world
    seen, now = plan(), naive.replace(tzinfo=UTC)
    for dark, seconds in course:
        phase = seen.at(now, lambda sensor, dark=dark: dark)
        assert phase.level == Reading(place, dark).level(programme_of, now, begins)
        assert phase.began <= now < phase.until
        assert 0 <= phase.level_at(now) <= 100
        assert phase == seen.at(now, lambda sensor, dark=dark: dark)
        now += timedelta(seconds=seconds)
