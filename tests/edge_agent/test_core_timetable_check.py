"""What a file may not say of programmes and calendars: each mistake at its place, with what was probably meant."""

import itertools
from pathlib import Path

import pytest

from edge_agent.config.load import Loaded, load

BEGIN = """\
node:
  commune: "26734"
  name: thon-dong-1
  title: Cụm
  position: {latitude: 21.03, longitude: 105.85}
broker: {url: "mqtt://10.0.0.2:1883", username: node, password: {env: BROKER_PASSWORD}}
command_keys: [{id: hub, public: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}]
drivers: [{id: relays, driver: simulated-relay, lines: {"1": {}, "2": {}, "3": {}}}]
"""
GOOD = """\
programmes:
  - {id: ca-dem, on: sunset, off: sunrise}
  - {id: nua-dem, on: sunset, off: sunrise, steps: [{at: "23:00", level: 0}, {at: "04:30", level: 100}]}
  - {id: mo-dan, on: sunset, off: sunrise, steps: [{at: "23:00", level: 40, ramp_s: 60}]}
calendars:
  - id: xom
    rules:
      - {programme: ca-dem, tet: [7, 5]}
      - {programme: ca-dem, lunar: {days: [1, 15]}}
      - {programme: "off", dates: ["2027-03-27", 02-29]}
      - {programme: nua-dem, from: "12-20", to: "01-05", weekdays: [sat, sun], occurrences: [1, last]}
    otherwise: nua-dem
lights:
  - {id: a, name: A, line: relays/1, calendar: xom}
  - {id: b, name: B, line: relays/2, programme: ca-dem}
"""
_count = itertools.count()


@pytest.fixture
def check(tmp_path: Path):
    def loaded(text: str, begin: str = BEGIN) -> Loaded:
        file = tmp_path / f"{next(_count)}.yaml"
        file.write_text(begin + text, encoding="utf-8")
        return load(file)

    return loaded


def found(loaded: Loaded) -> list[tuple[str, str, str]]:
    for problem in loaded.problems:
        assert problem.text() and "{" not in problem.text(), "every gap of the sentence is filled"
        assert problem.place.line > 1
    return [(problem.path, problem.code, problem.meant) for problem in loaded.problems]


def test_what_is_right_is_taken(check) -> None:
    loaded = check(GOOD)
    assert found(loaded) == []
    assert loaded.config.calendars[0].rules[3].occurrences == (1, "last")


CHANGED = {
    "unknown programme of a light": (
        "programme: ca-dem}\n",
        "programme: ca-dm}\n",
        "lights[1].programme",
        "config.no_programme",
        "ca-dem",
    ),
    "a light's programme is not off": (
        "B, line: relays/2, programme: ca-dem",
        'B, line: relays/2, programme: "off"',
        "lights[1].programme",
        "config.no_programme",
        "",
    ),
    "unknown calendar": ("calendar: xom", "calendar: xon", "lights[0].calendar", "config.no_calendar", "xom"),
    "unknown programme of a rule": (
        "programme: ca-dem, tet",
        "programme: cadem, tet",
        "calendars[0].rules[0].programme",
        "config.no_programme",
        "ca-dem",
    ),
    "unknown programme of other days": (
        "otherwise: nua-dem",
        "otherwise: nua-dm",
        "calendars[0].otherwise",
        "config.no_programme",
        "nua-dem",
    ),
    "same programme": ("id: nua-dem,", "id: ca-dem,", "programmes[1].id", "config.same_id", ""),
    "a programme called off": ("id: mo-dan", 'id: "off"', "programmes[2].id", "config.programme_off", ""),
    "no level between for a relay": (
        "relays/2, programme: ca-dem",
        "relays/2, programme: mo-dan",
        "lights[1].programme",
        "config.programme_dims",
        "",
    ),
    "nor by a calendar": (
        "programme: ca-dem, tet",
        "programme: mo-dan, tet",
        "lights[0].calendar",
        "config.programme_dims",
        "",
    ),
    "nor of its own": (
        "programme: ca-dem}\n",
        "programme: {level: 30}}\n",
        "lights[1].programme",
        "config.level_not_dimmable",
        "",
    ),
    "no such day": ("2027-03-27", "2027-02-29", "calendars[0].rules[2].dates[0]", "config.day", ""),
    "no such day of any year": ('"12-20"', '"11-31"', "calendars[0].rules[3].from", "config.day", ""),
    "never both": (
        "weekdays: [sat, sun]",
        'weekdays: [sat, sun], dates: ["07-01"]',
        "calendars[0].rules[3]",
        "config.rule_never",
        "",
    ),
    "never that lunar day in Tet": (
        "tet: [7, 5]",
        "tet: [0, 5], lunar: {days: [15]}",
        "calendars[0].rules[0]",
        "config.rule_never",
        "",
    ),
    "hidden": (
        "lunar: {days: [1, 15]}",
        "lunar: {days: [1], month: 1}",
        "calendars[0].rules[1]",
        "config.rule_hidden",
        "",
    ),
    "half a span": (', to: "01-05"', "", "calendars[0].rules[3]", "config.span", ""),
    "never on": (
        "programme: ca-dem}\n",
        'programme: {on: "23:00", off: "22:00"}}\n',
        "lights[1].programme",
        "config.never_on",
        "",
    ),
    "on by day only from midnight": (
        "programme: ca-dem}\n",
        'programme: {on: "06:00", off: "18:00"}}\n',
        "lights[1].programme",
        "config.never_on_begins",
        "",
    ),
    "a level of nothing": (
        "programme: ca-dem}\n",
        "programme: {level: 0}}\n",
        "lights[1].programme.level",
        "config.never_on_level",
        "",
    ),
    "a period of several that is never on": (
        "programme: ca-dem}\n",
        "programme: {periods: [{}, {on: sunrise, off: sunset}]}}\n",
        "lights[1].programme.periods[1]",
        "config.never_on_begins",
        "",
    ),
    "a step by day": (
        'at: "23:00", level: 0',
        'at: "13:00", level: 0',
        "programmes[1].steps[0].at",
        "config.step_never",
        "",
    ),
    "days that begin at two times": (
        'id: nua-dem, on: sunset, off: sunrise, steps: [{at: "23:00", level: 0}, {at: "04:30", level: 100}]',
        'id: nua-dem, on: sunset, off: "23:00", begins: midnight',
        "calendars[0].rules",
        "config.begins_mixed",
        "",
    ),
    "a photocell that is not there": (
        "programme: ca-dem}\n",
        "programme: {photocell: {sensor: mat-than}}}\n",
        "lights[1].programme.photocell.sensor",
        "config.no_sensor",
        "",
    ),
}


@pytest.mark.parametrize(("old", "new", "path", "code", "meant"), CHANGED.values(), ids=CHANGED)
def test_one_mistake_is_told_at_its_place(check, old: str, new: str, path: str, code: str, meant: str) -> None:
    assert GOOD.count(old) == 1
    loaded = check(GOOD.replace(old, new))
    assert (path, code, meant) in found(loaded)
    assert len(loaded.problems) == 1 or code in ("config.same_id", "config.programme_off")


def test_a_rule_without_condition_belongs_to_otherwise(check) -> None:
    loaded = check(GOOD.replace("programme: ca-dem, tet: [7, 5]", "programme: ca-dem"))
    assert ("calendars[0].rules[0]", "config.rule_always", "") in found(loaded)


def test_one_sensor_has_one_limit_of_dark(check) -> None:
    cells = """\
sensors: [{id: mat-than, name: Mắt thần, line: relays/3, kind: illuminance}]
lights:
  - {id: a, name: A, line: relays/1, programme: {photocell: {sensor: mat-than, on_below: 20}}}
  - {id: b, name: B, line: relays/2, programme: {photocell: {sensor: mat-than, on_below: 30}}}
"""

    def of_lights(text: str) -> list[tuple[str, str, str]]:
        return [each for each in found(check(text)) if each[0].startswith("lights")]

    assert of_lights(cells) == [("lights[1].programme.photocell", "config.photocell_limits", "")]
    assert of_lights(cells.replace("30", "20")) == []
    meant = cells.replace("30", "20").replace("sensor: mat-than, on", "sensor: mat-tan, on", 1)
    assert of_lights(meant) == [("lights[0].programme.photocell.sensor", "config.no_sensor", "mat-than")]


@pytest.mark.parametrize(
    ("latitude", "programme", "event"),
    [
        (68.9, "{}", "sunrise"),
        (-70, "{off: '22:30'}", "sunset"),
        (63.4, "{on: dusk, off: '23:00'}", "dusk"),
        (90, "{on: '18:00', off: dawn}", "dawn"),
    ],
)
def test_no_programme_by_a_sun_that_does_not_set(check, latitude: float, programme: str, event: str) -> None:
    begin = BEGIN.replace("21.03", str(latitude))
    lights = "lights: [{id: a, name: A, line: relays/1, programme: %s}]\n"
    (problem,) = check(lights % programme, begin).problems
    assert (problem.path, problem.code, problem.params["event"]) == ("lights[0].programme", "config.no_sun", event)
    assert str(latitude) in problem.text()
    assert check(lights % "{on: '18:00', off: '05:00'}", begin).problems == [], "times of the clock need no sun"


def test_where_the_position_is_wrong_nothing_else_is_told(check) -> None:
    loaded = check(GOOD, BEGIN.replace("21.03", "210").replace("commune:", "timezone: Asia/Hanoi\n  commune:"))
    assert {code for _, code, _ in found(loaded)} == {"config.too_large", "config.timezone"}
