"""Lawful hours at the speaker and while planning: which rule refuses, and when it is lawful again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from core_examples import bulletin
from hypothesis import given, settings
from hypothesis import strategies as st

import edge_agent
from edge_agent.calendar import Aired, Policy, check_all, check_plan, estimate_s, max_volume, permit, policy_of
from edge_agent.calendar.policy import PRESETS, looser
from edge_agent.config.broadcast import LawfulHours
from edge_agent.config.load import load
from edge_agent.config.yaml import read

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
CONFIGS = Path(edge_agent.__file__).parent.parent / "configs"
MINUTE = 60.0


def local(text: str) -> datetime:
    """An instant of the week of Monday 23 to Sunday 29 November 2026: `23 05:30`."""
    return datetime.strptime(f"2026-11-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=ZONE)


def hours(**said) -> Policy:
    return policy_of(LawfulHours.model_validate(said))


def asked(policy: Policy, at: str, minutes: float | None, *aired: tuple[str, float], class_: str = "ordinary"):
    ledger = [Aired(local(begin), length * MINUTE) for begin, length in aired]
    seconds = None if minutes is None else minutes * MINUTE
    return permit(policy, class_, local(at), seconds, ledger, ZONE)


def answer(*args, **more) -> tuple[str | None, str | None]:
    """The rule that refuses, and when it is lawful again."""
    verdict = asked(*args, **more)
    assert verdict.allowed == (verdict.rule is None) == (verdict.fault is None)
    coming = verdict.next_lawful
    if coming is not None:
        assert coming.tzinfo is UTC and verdict.fault.params["next"] == f"{coming.astimezone(ZONE):%H:%M %d/%m/%Y}"
    return verdict.rule, f"{coming.astimezone(ZONE):%d %H:%M}" if coming else None


TWO, URBAN, RURAL = (PRESETS[name] for name in ("two-sessions", "urban", "rural"))


@pytest.mark.parametrize(
    ("policy", "at", "minutes", "expected"),
    [
        (TWO, "23 05:30", 60, (None, None)),
        (TWO, "23 05:29", 1, ("hours.window", "23 05:30")),
        (TWO, "23 06:30", 1, ("hours.window", "23 17:00")),
        (TWO, "23 18:00", 1, ("hours.window", "24 05:30")),
        (TWO, "23 04:45", None, ("hours.window", "23 05:30")),
        (TWO, "23 06:20", 15, ("hours.window_end", "23 17:00")),
        (TWO, "23 05:30", 61, ("hours.session_too_long", None)),
        (URBAN, "27 08:00", 15, (None, None)),
        (URBAN, "28 08:00", 1, ("hours.weekday", "30 05:30")),
        (URBAN, "27 19:00", 1, ("hours.window", "30 05:30")),
        (URBAN, "27 08:00", 16, ("hours.session_too_long", None)),
        (RURAL, "29 19:00", 45, (None, None)),
        (RURAL, "29 19:30", 45, ("hours.window_end", "30 05:00")),
        (PRESETS["none"], "23 03:00", 500, (None, None)),
    ],
)
def test_what_begins_the_day(policy: Policy, at: str, minutes: float | None, expected: tuple) -> None:
    assert answer(policy, at, minutes) == expected


@pytest.mark.parametrize(
    ("policy", "at", "minutes", "aired", "expected"),
    [
        # one after the other they share the minutes of the session
        (TWO, "23 05:50", 40, [("23 05:30", 20)], (None, None)),
        (TWO, "23 05:50", 41, [("23 05:30", 20)], ("hours.session_full", "23 17:00")),
        (URBAN, "23 08:10", 6, [("23 08:00", 10)], ("hours.session_full", "23 08:21")),
        # a pause within the hour does not make two sessions of one, nor use up its minutes
        (TWO, "23 06:00", 10, [("23 05:30", 5), ("23 05:45", 5)], (None, None)),
        (TWO, "23 17:00", 60, [("23 05:30", 5), ("23 06:00", 20)], (None, None)),
        # of two sessions a day there is no third
        (URBAN, "23 17:00", 1, [("23 08:00", 10), ("23 16:00", 10)], ("hours.sessions_per_day", "24 05:30")),
        (URBAN, "27 17:00", 1, [("27 08:00", 10), ("27 16:00", 10)], ("hours.sessions_per_day", "30 05:30")),
        (URBAN, "23 16:12", 3, [("23 08:00", 10), ("23 16:00", 10)], (None, None)),
        # what was interrupted by a short one goes on until its own end
        (URBAN, "23 08:20", 1, [("23 08:00", 14), ("23 08:01", 1)], ("hours.session_full", "23 08:25")),
        # the ledger of another day is of no account, nor what was urgent
        (URBAN, "24 08:00", 15, [("23 08:00", 15), ("23 16:00", 15)], (None, None)),
    ],
)
def test_minutes_and_sessions_are_those_really_aired(policy, at, minutes, aired, expected) -> None:
    assert answer(policy, at, minutes, *aired) == expected


def test_urgent_minutes_are_not_counted() -> None:
    ledger = [Aired(local("23 05:30"), 3000, "priority"), Aired(local("23 05:30"), 3000, "emergency")]
    assert permit(TWO, "ordinary", local("23 05:30"), 3600, ledger, ZONE).allowed


def test_the_next_session_waits_for_the_pause() -> None:
    policy = hours(preset="urban", sessions_per_day=2, windows=[{"from": "06:00", "to": "11:00"}])
    aired = ("23 08:00", 15)
    assert answer(policy, "23 08:20", 5, aired) == ("hours.session_full", "23 08:26")
    assert answer(policy, "23 08:26", 15, aired) == (None, None)


def test_emergencies_and_exempt_classes_are_on_air_at_any_hour() -> None:
    assert answer(URBAN, "29 03:00", 500, class_="priority") == (None, None)
    strict = hours(preset="urban", exempt=[], sessions_per_day=0)
    assert answer(strict, "29 03:00", 500, class_="emergency") == (None, None)
    assert answer(strict, "27 08:00", 1, class_="priority") == ("hours.sessions_per_day", None)


def test_what_may_still_be_on_air_is_told() -> None:
    assert asked(TWO, "23 05:30", None).allowed_s == 3600
    assert asked(TWO, "23 06:20", None).allowed_s == 600
    assert asked(TWO, "23 05:50", None, ("23 05:30", 15)).allowed_s == 40 * 60
    assert asked(URBAN, "23 08:10", None, ("23 08:00", 5)).allowed_s == 600
    assert asked(hours(), "23 08:10", None).allowed_s is None
    assert asked(TWO, "23 03:00", None).allowed_s == 0


def test_a_start_a_moment_late_is_still_in_time() -> None:
    late = local("23 05:30") + timedelta(seconds=2)
    assert permit(TWO, "ordinary", late, 3600, [], ZONE).allowed
    assert not permit(TWO, "ordinary", late + timedelta(seconds=10), 3600, [], ZONE).allowed


def test_a_session_that_is_used_up_takes_nothing_more_of_unknown_length() -> None:
    assert answer(URBAN, "23 08:15", None, ("23 08:00", 15)) == ("hours.session_full", "23 08:26")


def test_volume_by_the_hour_also_over_midnight() -> None:
    policy = hours(
        volume_hours=[
            {"from": "21:00", "to": "06:00", "volume": 30},
            {"from": "05:30", "to": "07:00", "volume": 60},
        ]
    )
    found = [
        max_volume(policy, "ordinary", local(f"23 {at}"), ZONE) for at in ("20:59", "21:00", "00:00", "05:45", "06:00")
    ]
    assert found == [100, 30, 30, 30, 60]
    assert max_volume(policy, "emergency", local("23 00:00"), ZONE) == 100
    assert asked(policy, "23 00:00", 1).max_volume == 30
    assert (
        asked(policy, "23 00:00", 1, class_="priority").max_volume == 100
    )  # exempt, unless the commune says otherwise
    bound = Policy(volumes=policy.volumes, exempt=frozenset())
    assert max_volume(bound, "priority", local("23 00:00"), ZONE) == 30


@pytest.mark.parametrize("name", ["two-sessions", "urban", "rural"])
def test_the_shipped_file_says_what_the_preset_says(name: str) -> None:
    data = read((CONFIGS / "hours" / f"{name}.yaml").read_text(encoding="utf-8")).data
    said = LawfulHours.model_validate(data["broadcast"]["hours"])
    plain = policy_of(LawfulHours(preset=name))
    full = policy_of(said.model_copy(update={"preset": "none"}))
    assert policy_of(said) == full == (plain if plain.weekdays else policy_of(said))
    assert (full.windows, full.session_s, full.sessions_per_day) == (
        plain.windows, plain.session_s, plain.sessions_per_day
    )  # fmt: skip
    assert full.weekdays == (plain.weekdays or frozenset(range(7)))
    assert list(looser(said)) == []


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"windows": [{"from": "05:30", "to": "06:30"}, {"from": "12:00", "to": "12:10"}]}, ("windows", 1)),
        ({"windows": [{"from": "05:00", "to": "06:00"}]}, ("windows", 0)),
        ({"minutes_per_session": 61}, ("minutes_per_session",)),
        ({"sessions_per_day": 3}, ("sessions_per_day",)),
        ({"preset": "urban", "weekdays": ["mon", "sat"]}, ("weekdays", 1)),
        ({"exempt": ["priority", "ordinary"]}, ("exempt", 1)),
    ],
)
def test_a_commune_may_be_stricter_and_never_looser(said: dict, where: tuple) -> None:
    asked_for = LawfulHours.model_validate({"preset": "two-sessions", **said})
    assert [each.path for each in looser(asked_for)] == [where]
    free = LawfulHours.model_validate({**said, "preset": "none"})
    assert list(looser(free)) == []


def test_a_looser_setting_is_an_error_of_the_file_with_its_line(tmp_path: Path) -> None:
    example = (CONFIGS / "node.example.yaml").read_text(encoding="utf-8")
    assert "minutes_per_session: 45" in example
    file = tmp_path / "node.yaml"
    file.write_text(example.replace("minutes_per_session: 45", "minutes_per_session: 90"), encoding="utf-8")
    (problem,) = load(file).problems
    assert problem.code == "config.hours_looser" and problem.path == "broadcast.hours.minutes_per_session"
    assert example.splitlines()[problem.place.line - 1].strip().startswith("minutes_per_session")
    assert "90" in problem.text() and "60" in problem.text()


SAID = st.fixed_dictionaries(
    {"preset": st.sampled_from(["two-sessions", "urban", "rural"])},
    optional={
        "windows": st.lists(
            st.tuples(st.integers(0, 22), st.integers(1, 6)).map(
                lambda pair: {"from": f"{pair[0]:02}:00", "to": f"{min(23, pair[0] + pair[1]):02}:30"}
            ),
            min_size=1,
            max_size=3,
        ),
        "minutes_per_session": st.integers(1, 200),
        "sessions_per_day": st.integers(0, 9),
        "weekdays": st.lists(st.sampled_from(["mon", "sat", "sun"]), min_size=1, unique=True),
        "exempt": st.lists(st.sampled_from(["ordinary", "priority"]), unique=True),
    },
)
LEDGERS = st.lists(st.tuples(st.integers(0, 1439), st.integers(1, 60)), max_size=6)


@settings(deadline=None, max_examples=300)
@given(SAID, LEDGERS, st.integers(0, 7 * 1440), st.none() | st.integers(1, 70))
def test_nothing_that_the_preset_refuses_is_ever_allowed(
    said: dict, aired: list, minute: int, minutes: int | None
) -> None:
    now = local("23 00:00") + timedelta(minutes=minute)
    day = now.replace(hour=0, minute=0)
    ledger = [Aired(day + timedelta(minutes=at), length * MINUTE) for at, length in aired]
    seconds = None if minutes is None else minutes * MINUTE
    mine = permit(hours(**said), "ordinary", now, seconds, [], ZONE)
    theirs = permit(PRESETS[said["preset"]], "ordinary", now, seconds, [], ZONE)
    assert theirs.allowed or not mine.allowed
    with_ledger = permit(hours(**said), "ordinary", now, seconds, ledger, ZONE)
    assert mine.allowed or not with_ledger.allowed
    for verdict, book in ((mine, []), (with_ledger, ledger)):
        if verdict.next_lawful is not None:  # then it is lawful indeed, and later than now
            assert verdict.next_lawful > now
            assert permit(hours(**said), "ordinary", verdict.next_lawful, seconds, book, ZONE).allowed


@settings(deadline=None, max_examples=15)
@given(SAID, LEDGERS, st.integers(0, 7 * 1440), st.none() | st.integers(1, 70))
def test_the_next_lawful_instant_is_the_first(said: dict, aired: list, minute: int, minutes: int | None) -> None:
    policy, now = hours(**said), local("23 00:00") + timedelta(minutes=minute)
    ledger = [Aired(now.replace(hour=0, minute=0) + timedelta(minutes=at), length * MINUTE) for at, length in aired]
    seconds = None if minutes is None else minutes * MINUTE
    verdict = permit(policy, "ordinary", now, seconds, ledger, ZONE)
    if verdict.allowed or "ordinary" in policy.exempt:
        return
    # of days without a ledger one is like the other: looking at a week of minutes finds whatever there is
    later = (now + timedelta(minutes=ahead) for ahead in range(1, 8 * 1440))
    today = {now.date(): ledger}
    first = next(
        (at for at in later if permit(policy, "ordinary", at, seconds, today.get(at.date(), []), ZONE).allowed), None
    )
    assert verdict.next_lawful == first


NOW = local("23 00:00")


def plan(name: str, at: str, rule: str | None = "FREQ=DAILY", **more):
    return bulletin(id=name, at=local(at), recurrence={"rule": rule} if rule else None, **more)


def test_a_plan_outside_the_hours_is_told_for_each_instance() -> None:
    found = check_plan(TWO, plan("trua", "23 12:00"), 300, [], now=NOW, zone=ZONE, days=3)
    assert [each.rule for each in found] == ["hours.window"] * 3
    assert [f"{each.next_lawful.astimezone(ZONE):%d %H:%M}" for each in found] == ["23 17:00", "24 17:00", "25 17:00"]
    assert found[0].fault.en.endswith("Next lawful: 17:00 23/11/2026.")
    assert check_plan(TWO, plan("sang", "23 05:30"), 300, [], now=NOW, zone=ZONE) == []


def test_a_plan_that_takes_the_minutes_of_another_is_told_as_the_others() -> None:
    others = [(plan("sau", "23 05:50"), 1800.0), (plan("sang", "23 05:30", volume=10), 3000.0)]
    long = plan("sang", "23 05:30")
    found = check_plan(TWO, long, 2400, others, now=NOW, zone=ZONE, days=2)
    assert [(each.bulletin, each.rule) for each in found] == [("sau", "hours.session_full")] * 2
    assert check_plan(TWO, long, 600, others, now=NOW, zone=ZONE, days=2) == []


def test_what_is_wrong_anyway_is_not_blamed_on_the_new_one() -> None:
    others = [(plan("khuya", "23 23:00"), 60.0)]
    assert check_plan(TWO, plan("sang", "23 05:30"), 60, others, now=NOW, zone=ZONE) == []
    assert len(check_all(TWO, others, now=NOW, zone=ZONE, days=5)) == 5


def test_what_waits_for_its_turn_is_judged_by_when_it_will_begin() -> None:
    plans = [(plan("mot", "23 05:30"), 3300.0), (plan("hai", "23 05:31"), 400.0)]
    (found,) = check_all(TWO, plans, now=NOW, zone=ZONE, days=1)
    assert (found.bulletin, found.rule) == ("hai", "hours.session_full")
    assert found.fault.params["at"] == "06:25 23/11/2026"


def test_exempt_plans_are_not_judged() -> None:
    assert check_plan(URBAN, plan("khuya", "23 23:00", **{"class": "priority"}), 60, [], now=NOW, zone=ZONE) == []
    assert check_plan(URBAN, plan("khuya", "23 23:00", **{"class": "emergency"}), 60, [], now=NOW, zone=ZONE) == []


def test_lengths_are_judged_by_the_words() -> None:
    assert estimate_s(bulletin(text="một hai ba bốn")) == pytest.approx(1.2)
    assert estimate_s(bulletin(text="số 1234")) == pytest.approx(1.8)
    segments = [{"kind": "chime", "name": "two-tone"}, {"kind": "pause", "seconds": 2}]
    relay = {"kind": "relay", "url": "http://radio.example.vn/live", "seconds": 900}
    assert estimate_s(bulletin(text=None, segments=[*segments, relay])) == 905
    recording = {"kind": "audio", "sound": {"sha256": "0" * 64, "bytes": 1000}}
    assert estimate_s(bulletin(text=None, segments=[*segments, recording])) is None


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_refusal_says_when(language: str) -> None:
    for at, minutes, aired in [
        ("28 08:00", 1, []),
        ("23 04:45", 1, []),
        ("23 11:20", 12, []),
        ("23 08:10", 9, [("23 08:00", 10)]),
    ]:
        verdict = asked(URBAN, at, minutes, *aired)
        text = verdict.fault.text(language)
        assert f"{verdict.next_lawful.astimezone(ZONE):%H:%M %d/%m/%Y}" in text and "(" not in text.replace(
            "(05:30-11:30", ""
        )
