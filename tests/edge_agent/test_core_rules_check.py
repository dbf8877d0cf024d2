"""Rules that cannot be meant are refused, each with its place: unknown names, loops, what a thing cannot do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent import words
from edge_agent.config.rules_check import rules_check

THINGS = {
    "lights": [{"id": "den", "name": "Đèn", "line": "a/1"}],
    "switches": [
        {"id": "quat", "name": "Quạt", "line": "a/2", "feedback": {"contact": "quat-dong", "hand": "tay"}},
        {"id": "bom", "name": "Bơm", "line": "a/3", "feedback": {"flow": "nuoc"}},
    ],
    "sensors": [
        {"id": id_, "name": id_, "line": f"b/{place}"}
        for place, id_ in enumerate(["nhiet", "quat-dong", "tay", "nuoc", "tu-cong-suat", "be"])
    ],
    "cabinets": [{"id": "tu", "name": "Tủ", "power": "tu-cong-suat", "things": ["bom", "den"]}],
    "node": {"position": {"latitude": 21.03, "longitude": 105.85}, "timezone": "Asia/Ho_Chi_Minh"},
}


def rule(id_: str = "luat", thing: str = "quat", sensor: str = "nhiet", **more: object) -> dict:
    conditions = {"all_of": [{"sensor": sensor, "above": 30}]}
    return {"id": id_, "name": id_, "thing": thing, "maximum_s": 60, **conditions, **more}


def found(*rules: dict, **more: object) -> list[tuple]:
    return [(each.path, each.code, each.meant) for each in rules_check({**THINGS, "rules": list(rules), **more})]


def test_a_good_rule_is_left_alone() -> None:
    assert found(rule(), rule("hai", "bom", "be", litres=20), rule("ba", at=["sunset-15m"], level=0)) == []


@pytest.mark.parametrize(
    ("wrong", "path", "code", "meant"),
    [
        (rule(thing="quta"), ("thing",), "config.rule_thing", "quat"),
        (rule(sensor="nhiett"), ("all_of", 0, "sensor"), "config.no_sensor", "nhiet"),
        (rule(level=40), ("level",), "config.level_not_dimmable", ""),
        (rule(litres=10), ("litres",), "config.rule_no_flow", ""),
        (rule(sensor="quat-dong"), ("all_of", 0, "sensor"), "config.rule_loop", ""),
        (rule(thing="bom", sensor="nuoc"), ("all_of", 0, "sensor"), "config.rule_loop", ""),
        (rule(thing="den", sensor="tu-cong-suat"), ("all_of", 0, "sensor"), "config.rule_loop", ""),
        (rule(any_of=[{"sensor": "quat-dong", "below": 1}]), ("any_of", 0, "sensor"), "config.rule_loop", ""),
    ],
)
def test_what_cannot_be_meant_is_told_at_its_place(wrong: dict, path: tuple, code: str, meant: str) -> None:
    assert found(rule("gut"), wrong) == [(("rules", 1, *path), code, meant)]


def test_what_people_move_and_another_cabinet_feed_nothing() -> None:
    assert found(rule(sensor="tay"), rule("hai", "quat", "tu-cong-suat")) == []
    everything = [{"id": "tu", "name": "Tủ", "power": "tu-cong-suat"}]
    assert len(found(rule("hai", "quat", "tu-cong-suat"), cabinets=everything)) == 1


def test_a_loop_through_other_rules_is_told_once_and_named() -> None:
    one, two = rule("a", "quat", "nuoc"), rule("b", "bom", "quat-dong")
    (finding,) = rules_check({**THINGS, "rules": [one, two]})
    assert finding.path == ("rules", 0, "all_of", 0, "sensor")
    assert finding.params["loop"] == "a → quat → quat-dong → b → bom → nuoc → a"
    for language in ("vi", "en"):
        assert "a → quat" in words.catalogue(language)["config.rule_loop"].format(**finding.params)


def test_a_sun_that_does_not_set_is_refused() -> None:
    north = {"position": {"latitude": 69.6, "longitude": 18.9}, "timezone": "Europe/Oslo"}
    wrong = rule(at=["06:00", "sunset"], hours={"from": "dawn", "to": "22:00"})
    assert [(path, code) for path, code, _ in found(wrong, node=north)] == [
        (("rules", 0, "at", 1), "config.no_sun"),
        (("rules", 0, "hours", "from"), "config.no_sun"),
    ]


def test_two_rules_of_one_name_are_told() -> None:
    assert found(rule(), rule()) == [(("rules", 1, "id"), "config.same_id", "")]


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys((*THINGS, "rules"), _JUNK)))
def test_no_nonsense_breaks_the_check(data: dict) -> None:
    for finding in rules_check(data):
        assert finding.code


@given(st.dictionaries(st.sampled_from(["id", "feedback", "things", "power", "all_of", "thing", "at"]), _JUNK))
def test_no_nonsense_in_an_entry_breaks_the_check(entry: dict) -> None:
    data = {key: [entry, *THINGS[key]] for key in ("lights", "switches", "sensors", "cabinets")}
    assert [each.code for each in rules_check({**data, "rules": [entry, rule()]})] in ([], ["config.rule_loop"])
