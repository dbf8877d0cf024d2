"""What programmes will do, told ahead: once for all that follow the same one, with sun, calendar and bounds."""

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from edge_agent.clock.simulated import SimulatedClock
from edge_agent.config.switching import Light
from edge_agent.config.timetable import Calendar, NamedProgramme
from edge_agent.contract.timetables import MOST_SWITCHES, TimetableState
from edge_agent.switching.foretelling import Foretelling
from edge_agent.switching.plant import Plant, timetables_of
from edge_agent.timetable.place import Place
from edge_agent.timetable.timetable import Timetable

HCM = ZoneInfo("Asia/Ho_Chi_Minh")
HA_NOI = Place(21.0285, 105.8542, "Asia/Ho_Chi_Minh")
AT = datetime(2026, 11, 23, 9, 30, tzinfo=HCM)
EVENING = {"on": "sunset+10m", "off": "22:00"}
DIMMED = {"on": "18:00", "off": "05:00", "steps": [{"at": "23:00", "level": 40}]}


def plant(*lights: dict[str, object], calendars: tuple[dict[str, object], ...] = (), **programmes: object) -> Plant:
    named = [NamedProgramme.model_validate({"id": id_, **body}) for id_, body in programmes.items()]  # type: ignore[dict-item]
    table = Timetable(named, [Calendar.model_validate(each) for each in calendars], HA_NOI)
    entries = [Light.model_validate({"name": "Đèn", "line": "r/1", "dimmable": True, **each}) for each in lights]
    return Plant(entries, table)


def told_by(here: Plant, clock: SimulatedClock) -> tuple[Foretelling, list[TimetableState]]:
    said: list[TimetableState] = []
    return Foretelling(here.plans(), clock, said.append), said


def by_the_clock(state: TimetableState) -> list[tuple[str, float]]:
    return [(f"{each.at.astimezone(HCM):%d %H:%M}", each.level) for each in state.switches]


def test_lights_with_the_same_programme_have_one_timetable() -> None:
    lights = [{"id": "a", "programme": "toi"}, {"id": "b"}, {"id": "c", "programme": "toi"}]
    here = plant(*lights, {"id": "d", "programme": DIMMED}, {"id": "e", "programme": DIMMED}, toi=EVENING)
    assert timetables_of(here.entries) == {"a": "a", "c": "a", "d": "d", "e": "d"}
    clock = SimulatedClock(AT)
    telling, said = told_by(here, clock)
    telling.tell()
    evening, dimmed = said
    assert (evening.id, evening.programmes, evening.begin) == (
        "a",
        ("toi", "toi"),
        datetime(2026, 11, 22, 12, tzinfo=HCM).astimezone(UTC),
    )
    # sunset of these days in Ha Noi: 17:15 (NOAA), and ten minutes
    assert [(at[:5], level) for at, level in by_the_clock(evening)] == [
        ("22 12", 0),
        ("22 17", 100),
        ("22 22", 0),
        ("23 17", 100),
        ("23 22", 0),
    ]
    assert by_the_clock(dimmed)[1:4] == [("22 18:00", 100), ("22 23:00", 40), ("23 05:00", 0)]
    assert len(dimmed.model_dump_json(exclude_none=True)) < 1000


async def test_it_is_said_at_noon_and_when_the_clock_is_right_again_but_not_in_between() -> None:
    clock = SimulatedClock(AT, trusted=False)
    telling, said = told_by(plant({"id": "a", "programme": EVENING}), clock)
    task = asyncio.create_task(telling.run())
    await clock.advance(timedelta(hours=1))
    assert said == []
    clock.trusted = True
    await clock.advance(timedelta(hours=1))
    assert len(said) == 1
    await clock.advance(timedelta(hours=24))
    task.cancel()
    assert [state.begin.astimezone(HCM).day for state in said] == [22, 23]
    assert said[1].switches[0].level == 0


def test_a_day_of_the_calendar_is_told_as_what_it_is() -> None:
    calendar = {"id": "le", "otherwise": "toi", "rules": [{"programme": "off", "dates": ["11-23"]}]}
    here = plant({"id": "a", "calendar": "le"}, calendars=(calendar,), toi=EVENING)
    telling, said = told_by(here, SimulatedClock(AT))
    telling.tell()
    assert said[0].programmes == ("toi", "off")
    assert [level for _, level in by_the_clock(said[0])] == [0, 100, 0]


def test_a_flickering_programme_is_cut_off_where_it_is_told_no_more() -> None:
    periods = [{"on": f"{19 + n // 6}:{n % 6 * 10:02}", "off": f"{19 + n // 6}:{n % 6 * 10 + 5:02}"} for n in range(24)]
    here = plant({"id": "a", "programme": {"periods": periods}})
    telling, said = told_by(here, SimulatedClock(AT))
    telling.tell()
    assert len(said[0].switches) == MOST_SWITCHES and said[0].more
    assert said[0].end > said[0].switches[-1].at
