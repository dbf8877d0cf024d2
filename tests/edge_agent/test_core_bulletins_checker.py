"""The checker of a month finds what is wrong: each kind of mistake is planted into events that are right."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.checker.expect import instances
from bench.checker.judge import check
from edge_agent.calendar import occurrences
from edge_agent.contract.bulletins import Bulletin

REPO = Path(__file__).resolve().parents[2]
BEGIN = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)  # Monday 05:00 in Viet Nam
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
S, H, D = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
Events = list[dict[str, Any]]
CALENDAR = {
    "bulletins": [
        {"id": "sang", "at": "2026-11-23T05:30:00+07:00", "recurrence": {"rule": "FREQ=DAILY"}},
        {"id": "ram", "at": "2026-11-23T17:10:00+07:00", "recurrence": {"lunar": {"days": [15]}}},
        {
            "id": "khan",
            "at": "2026-11-24T12:00:00+07:00",
            "class": "emergency",
            "repeat_every_s": 10,
            "repeat_until": "2026-11-24T12:30:00+07:00",
        },
    ],
    "hours": {
        "windows": [{"from": "05:30", "to": "06:30"}, {"from": "17:00", "to": "18:00"}],
        "minutes_per_session": 60,
        "sessions_per_day": 2,
    },
    "seconds": {"sang": 60, "ram": 60, "khan": 20},
}


def aired(id_: str, at: datetime, seconds: float = 60, **more: Any) -> dict[str, Any]:
    """An event: heard at its instant."""
    data = {"id": id_, "speaker": "loa", "title": id_, "class": "ordinary", "authority": "commune", "state": "aired"}
    data |= {"planned": at.isoformat(), "started_us": (at - EPOCH) // timedelta(microseconds=1), "seconds": seconds}
    return {"type": "aired", "at": at + seconds * S, "about": f"bulletin/{id_}", "data": {**data, **more}}


def clean() -> Events:
    """Four days: on, off for an hour on the third morning, an emergency that was acknowledged."""
    events: Events = [
        {"type": "started", "at": BEGIN, "data": {}},
        {"type": "clock", "at": BEGIN, "data": {"trusted": True}},
    ]
    events += [
        {"type": "bulletin", "at": BEGIN + S, "about": f"bulletin/{each['id']}", "data": {"state": "planned"}}
        for each in CALENDAR["bulletins"]  # type: ignore[attr-defined]
    ]
    sang = BEGIN + H / 2
    events += [aired("sang", sang), aired("ram", BEGIN + 12 * H + 10 * 60 * S), aired("sang", sang + D)]
    noon = BEGIN + D + 7 * H
    acknowledged = {"id": "khan", "state": "acknowledged", "by": "a"}
    events.append({"type": "emergency", "at": noon + 300 * S, "about": "emergency/khan", "data": acknowledged})
    events.append(aired("khan", noon, 220, repetitions=10, **{"class": "emergency"}) | {"at": noon + 315 * S})
    events.append({"type": "link", "at": sang + 2 * D - 600 * S, "data": {}})
    events.append({"type": "started", "at": sang + 2 * D + H, "data": {}})
    events.append({"type": "clock", "at": sang + 2 * D + H, "data": {"trusted": True}})
    late = aired("sang", sang + 2 * D, 0, state="missed", code="bulletin.missed_late")
    del late["data"]["started_us"]
    events.append(late | {"at": sang + 2 * D + H})
    events += [aired("sang", sang + 3 * D), {"type": "stopped", "at": BEGIN + 3 * D + 8 * H, "data": {}}]
    return events


def numbered(events: Events) -> Events:
    return [
        {**copy.deepcopy(event), "at": event["at"].isoformat(), "seq": number + 1}
        for number, event in enumerate(events)
    ]


def pick(events: Events, id_: str, n: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = [each for each in events if each["type"] == "aired" and each["data"]["id"] == id_][n]
    return found


def moved(by: timedelta) -> Callable[[Events], None]:
    def plant(events: Events) -> None:
        event = pick(events, "sang", 1)
        event["data"]["started_us"] += by // timedelta(microseconds=1)
        event["at"] += by

    return plant


def change(id_: str, n: int, **changes: Any) -> Callable[[Events], None]:
    return lambda events: pick(events, id_, n)["data"].update(changes)


def doubt(events: Events) -> None:
    place = events.index(pick(events, "sang", 1))
    begun = events[place]["at"] - 90 * S
    events.insert(place, {"type": "clock", "at": begun, "data": {"trusted": False}})
    events.insert(place + 2, {"type": "clock", "at": begun + 10 * 60 * S, "data": {"trusted": True}})


def beside(events: Events) -> None:
    ram = pick(events, "ram")
    events.append(aired("sang", ram["at"] - 90 * S) | {"at": ram["at"]})
    events[-1]["data"]["planned"] = pick(events, "sang", 1)["data"]["planned"]
    events.remove(pick(events, "sang", 1))


def silenced(events: Events) -> None:
    events[:] = [each for each in events if each["type"] != "emergency"]


PLANTED: dict[str, tuple[Callable[[Events], None], str]] = {
    "forgotten": (lambda events: events.remove(pick(events, "sang", 1)), "nothing was told"),
    "lunar day forgotten": (lambda events: events.remove(pick(events, "ram")), "nothing was told"),
    "twice": (lambda events: events.insert(9, copy.deepcopy(pick(events, "sang", 1))), "told 2 times"),
    "far too late": (moved(900 * S), "beyond its time to catch up"),
    "too early": (moved(-2 * S), "beyond its time to catch up"),
    "unlawful hour": (moved(-60 * S), "outside the lawful hours"),
    "past the window": (change("ram", 0, seconds=3100), "goes past 18:00"),
    "too many minutes": (change("sang", 0, seconds=4000), "minutes in a session"),
    "cut without a reason": (change("sang", 0, state="partly", seconds=20), "without a reason"),
    "not heard whole": (change("sang", 0, seconds=20), "it is called aired"),
    "no start": (change("sang", 0, started_us=None), "no start is told"),
    "late, but it was on": (
        change("sang", 1, state="missed", code="bulletin.missed_late", seconds=0),
        "bears that out",
    ),
    "busy, but idle": (change("sang", 2, code="bulletin.missed_busy"), "bears that out"),
    "stepped, but no step": (change("sang", 2, code="bulletin.missed_step"), "bears that out"),
    "clock, but trusted": (change("sang", 2, code="bulletin.missed_clock"), "bears that out"),
    "no voice, but it had one": (change("sang", 2, code="bulletin.missed_voice"), "bears that out"),
    "hours, but lawful": (change("sang", 2, code="hours.window"), "bears that out"),
    "no code": (change("sang", 2, code=None), "bears that out"),
    "by a doubtful clock": (doubt, "nobody vouched"),
    "nobody planned it": (change("sang", 1, planned=(BEGIN + 3 * H).isoformat()), "nobody planned it"),
    "two at once": (beside, "on air together"),
    "emergency fell silent": (silenced, "although nobody had acknowledged"),
    "emergency hardly repeated": (change("khan", 0, repetitions=1), "1 repetitions"),
    "number missing": (lambda events: events.append({**events[-1], "gap": True}), "numbers are missing"),
}


def test_events_that_are_right_are_called_right() -> None:
    assert check(numbered(clean()), CALENDAR) == []


@pytest.mark.parametrize("name", PLANTED)
def test_each_mistake_is_found(name: str) -> None:
    plant, expected = PLANTED[name]
    events = clean()
    plant(events)
    made = numbered(events)
    if events[-1].get("gap"):
        made[-1]["seq"] += 5
    wrong = check(made, CALENDAR)
    assert any(expected in sentence for sentence in wrong), wrong


RULES: list[dict[str, Any] | None] = [
    None,
    {"rule": "FREQ=DAILY;INTERVAL=3"},
    {"rule": "FREQ=WEEKLY;BYDAY=MO,WE,FR"},
    {"rule": "FREQ=MONTHLY;BYMONTHDAY=1,15,-1"},
    {"rule": "FREQ=MONTHLY;BYDAY=2TU", "also": ["2026-12-24T17:10:00+07:00"]},
    {"rule": "FREQ=DAILY;UNTIL=20261205T000000Z", "except": ["2026-11-25T05:30:00+07:00"]},
    {"rule": "FREQ=DAILY;COUNT=9"},
    {"rule": "FREQ=DAILY", "valid_from": "2026-12-01", "valid_to": "2026-12-10"},
    {"lunar": {"days": [1, 15], "leap": "also"}},
    {"lunar": {"days": [30]}},
    {"lunar": {"before_tet": 3}},
    {
        "rule": "FREQ=DAILY",
        "changes": [{"planned": "2026-11-25T05:30:00+07:00", "at": "2026-11-25T17:30:00+07:00"}],
    },
]


@pytest.mark.parametrize("recurrence", RULES, ids=str)
def test_its_own_calendar_and_the_nodes_agree(recurrence: dict[str, Any] | None) -> None:
    """Two computations that share nothing but the table of the moon."""
    from core_radio import ZONE, news

    plain = {"id": "x", "at": "2026-11-23T05:30:00+07:00", "recurrence": recurrence}
    planned: Bulletin = news(**plain)
    end = BEGIN + 100 * D
    own = instances(plain, BEGIN, end, ZONE)
    theirs = [each for each in occurrences(planned, BEGIN, ZONE) if each.at < end]
    assert [tuple(each) for each in own] == [(each.at, each.planned_as) for each in theirs]
    assert own


@pytest.mark.parametrize(("plant", "code"), [(False, 0), (True, 1)])
def test_as_a_program(tmp_path: Path, plant: bool, code: int) -> None:
    events = clean()
    if plant:
        PLANTED["forgotten"][0](events)
    (tmp_path / "events.jsonl").write_text("\n".join(json.dumps(event) for event in numbered(events)))
    (tmp_path / "calendar.yaml").write_text(yaml.safe_dump(CALENDAR))
    argv = [sys.executable, "-m", "bench.checker", str(tmp_path / "events.jsonl"), str(tmp_path / "calendar.yaml")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, cwd=REPO, check=False)
    assert (done.returncode, "1 wrong" in done.stdout) == (code, plant), done.stdout + done.stderr
    assert ("sang of 24/11 05:30: nothing was told of it" in done.stdout) == plant
