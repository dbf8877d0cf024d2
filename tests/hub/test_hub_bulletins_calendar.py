"""The hub's instants and lawful hours are those of the nodes; sentences go both ways."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from edge_agent.calendar import policy as node_policy
from edge_agent.calendar.occurrences import between
from edge_agent.calendar.plan import check_plan
from edge_agent.config.broadcast import LawfulHours
from edge_agent.contract.bulletins import Bulletin, Change, LunarDays, Recurrence
from hub.bulletins import feed, sentence
from hub.bulletins.hours import Planned, policy_of, unlawful
from hub.bulletins.instants import coming, instances
from hub.bulletins.model import Schedule
from hub.bulletins.sentence import Sentence
from hub.bulletins.settings import Hours
from hub.forms import FormError
from hub.language import translator

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
AT = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)  # Monday 05:30 there
RULES: list[dict[str, Any]] = [
    {"rule": "FREQ=DAILY"},
    {"rule": "FREQ=WEEKLY;BYDAY=MO,WE"},
    {"rule": "FREQ=WEEKLY"},
    {"rule": "FREQ=MONTHLY;BYMONTHDAY=1,15,31"},
    {"rule": "FREQ=MONTHLY"},
    {"lunar": LunarDays(days=(1, 15))},
    {"lunar": LunarDays(days=(30,))},
    {"lunar": LunarDays(days=(23,), month=12)},
    {"lunar": LunarDays(days=(10,), month=6)},
    {"lunar": LunarDays(days=(1, 15), leap="never")},
    {"lunar": LunarDays(days=(15,), leap="only")},
    {"lunar": LunarDays(before_tet=3)},
    {"lunar": LunarDays(before_tet=0)},
]


def as_node(schedule: Schedule, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    bulletin = Bulletin(id="b", title="b", text="b", at=schedule.at, recurrence=schedule.recurrence)
    return [(each.at, each.planned_as) for each in between([bulletin], start, end, ZONE)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(next(iter(rule.values())))[:40])
def test_instants_are_those_of_the_nodes(rule: dict[str, Any]) -> None:
    schedule = Schedule(at=AT, recurrence=Recurrence(**rule))
    end = AT + timedelta(days=4000)
    wanted = as_node(schedule, AT, end)
    assert wanted
    assert [tuple(each) for each in instances(schedule, AT, end, ZONE)] == wanted


@pytest.mark.parametrize("seed", range(12))
def test_also_with_what_is_left_out_moved_and_bounded(seed: int) -> None:
    chance = random.Random(seed)
    bare = Schedule(at=AT, recurrence=Recurrence(**chance.choice(RULES[:7])))
    end = AT + timedelta(days=200)
    all_ = [each.at for each in instances(bare, AT, end, ZONE)]
    moved = chance.sample(all_, min(4, len(all_)))
    changes = [Change(planned=at, at=chance.choice([at + timedelta(hours=2), chance.choice(all_)])) for at in moved]
    more = {
        "also": tuple(AT + timedelta(days=chance.randrange(150), hours=3) for _ in range(3)),
        "except": tuple(chance.sample(all_, min(5, len(all_)))),
        "changes": changes,
        "valid_to": (AT + timedelta(days=chance.randrange(60, 190))).date(),
    }
    assert bare.recurrence is not None
    again = Recurrence.model_validate(bare.recurrence.model_dump(by_alias=True) | more)
    schedule = Schedule(at=AT, recurrence=again)
    assert [tuple(each) for each in instances(schedule, AT, end, ZONE)] == as_node(schedule, AT, end)


HOURS = [
    Hours(preset="two-sessions"),
    Hours(preset="urban"),
    Hours.model_validate({"preset": "rural", "windows": [{"from": "05:30", "to": "06:30"}], "minutes_per_session": 20}),
    Hours.model_validate({"windows": [{"from": "05:00", "to": "07:00"}], "weekdays": ["mon", "wed"], "exempt": []}),
    Hours.model_validate({"preset": "none", "sessions_per_day": 1, "minutes_per_session": 10, "exempt": []}),
    Hours(preset="none"),
]


@pytest.mark.parametrize("hours", HOURS, ids=lambda hours: f"{hours.preset}-{len(hours.windows)}")
def test_hours_say_what_the_nodes_will_say(hours: Hours) -> None:
    policy = node_policy.policy_of(LawfulHours.model_validate(hours.model_dump(by_alias=True)))
    chance = random.Random(hours.preset)
    now, found = AT - timedelta(hours=5), 0
    for _ in range(25):
        plans: list[tuple[Schedule, float]] = []
        for _ in range(chance.randrange(1, 5)):
            at = AT + timedelta(minutes=chance.randrange(0, 3 * 24 * 60, 5))
            again = chance.choice([None, Recurrence(rule="FREQ=DAILY"), Recurrence(rule="FREQ=WEEKLY;BYDAY=SA,MO")])
            plans.append((Schedule(at=at, recurrence=again), float(chance.choice([40, 400, 1100, 2900, 4000]))))
        mine, *others = [Planned(f"b-{n}", "ordinary", s, seconds) for n, (s, seconds) in enumerate(plans)]
        as_bulletins = [
            (Bulletin(id=p.id, title="b", text="b", at=p.schedule.at, recurrence=p.schedule.recurrence), p.seconds)
            for p in (mine, *others)
        ]
        wanted = check_plan(policy, *as_bulletins[0], as_bulletins[1:], now=now, zone=ZONE, days=30)
        got = unlawful(policy_of(hours), mine, others, now, ZONE)
        assert [(u.id, u.at, u.fault, u.next) for u in got] == [
            (v.bulletin, v.at, v.fault, v.next_lawful) for v in wanted
        ]
        found += len(got)
    assert bool(found) == (hours.preset != "none" or bool(hours.windows) or hours.sessions_per_day is not None)


SAID: list[tuple[dict[str, str], str]] = [
    ({"kind": "once"}, "Một lần, lúc 05:30 thứ Hai ngày 23/11/2026"),
    ({"kind": "daily"}, "Hằng ngày lúc 05:30"),
    ({"kind": "daily", "until": "2026-12-31"}, "Hằng ngày lúc 05:30, đến hết ngày 31/12/2026"),
    ({"kind": "weekly", "wd.0": "1", "wd.2": "1"}, "05:30 mỗi thứ Hai và thứ Tư"),
    ({"kind": "weekly", "wd.0": "1", "wd.5": "1", "wd.6": "1"}, "05:30 mỗi thứ Hai, thứ Bảy và Chủ Nhật"),
    ({"kind": "monthly", "md.1": "1"}, "05:30 ngày 1 dương lịch hằng tháng"),
    ({"kind": "lunar", "ld.1": "1", "ld.15": "1"}, "05:30 mùng 1 và rằm âm lịch hằng tháng"),
    ({"kind": "lunar", "ld.23": "1", "lunar_month": "12"}, "05:30 23 tháng Chạp hằng năm"),
    ({"kind": "tet", "before": "3"}, "05:30 trước Tết 3 ngày, hằng năm"),
    ({"kind": "tet", "before": "0"}, "05:30 mùng 1 Tết hằng năm"),
]
FORM = {"time": "05:30", "date": "2026-11-23"}


@pytest.mark.parametrize(("fields", "words"), SAID, ids=[words for _, words in SAID])
def test_taps_become_a_schedule_that_is_read_back_as_they_were_meant(fields: dict[str, str], words: str) -> None:
    said = sentence.of_form({**FORM, **fields}, ZONE)
    schedule = sentence.schedule_of(said, ZONE)
    assert sentence.words(schedule, ZONE, translator("vi")) == words
    again = sentence.sentence_of(schedule, ZONE)
    assert again is not None
    assert sentence.schedule_of(again, ZONE) == schedule
    assert coming(schedule, AT - timedelta(days=1), ZONE, 1)


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"kind": "hourly"}, "form.bad"),
        ({"kind": "weekly"}, "plan.no_weekly"),
        ({"kind": "weekly", "wd.7": "1"}, "form.bad"),
        ({"kind": "weekly", "wd.x": "1"}, "form.bad"),
        ({"kind": "lunar"}, "plan.no_lunar"),
        ({"kind": "lunar", "ld.31": "1"}, "form.bad_lunar"),
        ({"kind": "lunar", "ld.1": "1", "lunar_month": "13"}, "form.bad"),
        ({"kind": "monthly", "md.32": "1"}, "form.bad"),
        ({"kind": "tet", "before": "61"}, "form.bad"),
        ({"kind": "daily", "until": "x"}, "form.bad_time"),
        ({"kind": "daily", "left_out": "gestern"}, "form.bad_time"),
        ({"kind": "once", "date": "1999-01-01"}, "form.bad_time"),
        ({"kind": "once", "time": ""}, "form.bad_time"),
        ({"kind": "daily", "until": "2026-01-01", "date": "2026-11-23"}, "plan.never"),
    ],
)
def test_taps_that_make_no_sentence_are_told(fields: dict[str, str], key: str) -> None:
    if key == "plan.never":
        schedule = sentence.schedule_of(sentence.of_form({**FORM, **fields}, ZONE), ZONE)
        assert coming(schedule, AT, ZONE) == []
        return
    with pytest.raises(FormError) as wrong:
        sentence.schedule_of(sentence.of_form({**FORM, **fields}, ZONE), ZONE)
    assert wrong.value.key == key


def test_proposed_time_is_taken_by_one_tap() -> None:
    once = sentence.of_form({**FORM, "do": "move:2026-11-24T17:00"}, ZONE)
    assert (once.day, once.time) == (date(2026, 11, 24), "17:00")
    weekly = sentence.of_form({**FORM, "kind": "daily", "do": "move:2026-11-24T17:00"}, ZONE)
    assert (weekly.day, weekly.time) == (date(2026, 11, 23), "17:00")


def test_moved_instances_stay_as_far_as_the_new_rule_has_them() -> None:
    old = Schedule(at=AT, recurrence=Recurrence(rule="FREQ=DAILY"))
    days = [each.at for each in instances(old, AT, AT + timedelta(days=7), ZONE)]
    changes = tuple(Change(planned=at, at=at + timedelta(hours=1)) for at in days[:2])
    assert old.recurrence is not None
    old = old.model_copy(update={"recurrence": old.recurrence.model_copy(update={"changes": changes})})
    mondays = sentence.schedule_of(Sentence("weekly", "05:30", date(2026, 11, 23), (0,)), ZONE)
    kept = sentence.keep_changes(mondays, old, ZONE).recurrence
    assert kept is not None and kept.changes == changes[:1]


def events(body: bytes) -> Iterator[Any]:
    from icalendar import Calendar

    return iter(Calendar.from_ical(body).walk("VEVENT"))


@pytest.mark.parametrize("rule", RULES[:8], ids=lambda rule: str(next(iter(rule.values())))[:40])
def test_calendar_feed_means_the_same_to_other_programs(rule: dict[str, Any]) -> None:
    """Read by dateutil, which knows nothing of us."""
    from dateutil.rrule import rrulestr
    from test_hub_bulletins_machine import State, in_state

    again = Recurrence(**rule, valid_to=date(2027, 6, 1))
    schedule = Schedule(at=AT, recurrence=again)
    approved = in_state(State.APPROVED)
    assert approved.released is not None
    released = approved.released.model_copy(update={"schedule": schedule})
    body = feed.written([approved.model_copy(update={"released": released})], ZONE, AT, "Xã")
    found = list(events(body))
    if not found:
        assert not list(instances(schedule, AT, AT + timedelta(days=190), ZONE))
        return
    first = found[0]["DTSTART"].dt
    instants = {first.astimezone(UTC)}
    if "RRULE" in found[0]:
        rule_text = found[0]["RRULE"].to_ical().decode()
        instants |= {at.astimezone(UTC) for at in rrulestr(rule_text, dtstart=first)}
    if "RDATE" in found[0]:
        instants |= {each.dt.astimezone(UTC) for each in found[0]["RDATE"].dts}
    assert sorted(instants) == [each.at for each in instances(schedule, AT, AT + timedelta(days=400), ZONE)]
