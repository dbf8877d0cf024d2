"""iCalendar out and in: other calendars' files, our own coming back, and files that mean harm."""

import json
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from core_examples import bulletin
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from edge_agent.calendar import between
from edge_agent.calendar.ical_read import from_ical
from edge_agent.calendar.ical_scan import MAX_BYTES, MAX_EVENTS
from edge_agent.calendar.ical_write import plain, to_ical
from edge_agent.contract.bulletins import Bulletin
from edge_agent.contract.errors import Refusal

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
AT = datetime(2026, 11, 23, 5, 30, tzinfo=ZONE)  # a Monday
NOW = datetime(2026, 11, 20, 8, tzinfo=ZONE)
DAY = timedelta(days=1)


def file(*lines: str, events: bool = True) -> bytes:
    inside = ["BEGIN:VEVENT", *lines, "END:VEVENT"] if events else lines
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//EN", *inside, "END:VCALENDAR", ""]).encode()


def only(*lines: str) -> Bulletin:
    imported = from_ical(file(*lines), ZONE)
    assert imported.untaken == []
    (made,) = imported.bulletins
    return made


def refused(*lines: str, events: bool = True) -> str:
    (untaken,) = from_ical(file(*lines, events=events), ZONE).untaken
    assert untaken.line >= 4 and untaken.fault.vi and untaken.fault.en and "{" not in untaken.fault.vi
    return untaken.fault.code


def due(made: Bulletin, days: int = 1200) -> list[tuple]:
    return [each[0:2] + each[3:] for each in between([made], AT - 400 * DAY, AT + days * DAY, ZONE)]


def local(made: Bulletin, days: int = 60) -> list[str]:
    return [f"{each.at.astimezone(ZONE):%m-%d %H:%M}" for each in between([made], AT - DAY, AT + days * DAY, ZONE)]


EVENT = ("UID:a@example.vn", "SUMMARY:Họp thôn", "DTSTART;TZID=Asia/Ho_Chi_Minh:20261123T053000")


def test_a_plain_event() -> None:
    made = only(*EVENT, "DESCRIPTION:Kính mời bà con\\, đúng giờ\\n")
    assert (made.title, made.text, made.at, made.recurrence) == ("Họp thôn", "Kính mời bà con, đúng giờ", AT, None)
    assert made.class_ == "ordinary" and made.id.startswith("ical-")


def test_its_title_is_said_where_there_are_no_other_words() -> None:
    assert only(*EVENT).text == "Họp thôn"


@pytest.mark.parametrize(
    "start",
    [
        "DTSTART:20261122T223000Z",
        "DTSTART:20261123T053000",
        "DTSTART;TZID=SE Asia Standard Time:20261123T053000",
        "DTSTART;TZID=Asia/Bangkok:20261123T053000",
        "DTSTART;TZID=Europe/Berlin:20261122T233000",
        "dtstart;tzid=Asia/Ho_Chi_Minh:20261123T053000",
    ],
)
def test_zones(start: str) -> None:
    assert only("UID:a", "SUMMARY:x", start).at == AT


def test_a_zone_that_the_file_describes() -> None:
    zone = ["BEGIN:VTIMEZONE", "TZID:Giờ Hà Nội", "BEGIN:STANDARD", "DTSTART:16010101T000000"]
    zone += ["TZOFFSETFROM:+0700", "TZOFFSETTO:+0700", "END:STANDARD", "END:VTIMEZONE"]
    start = 'DTSTART;TZID="Giờ Hà Nội":20261123T053000'
    event = ["BEGIN:VEVENT", "UID:a", "SUMMARY:x", start, "RRULE:FREQ=DAILY;COUNT=2", "END:VEVENT"]
    imported = from_ical(file(*zone, *event, events=False), ZONE)
    assert local(imported.bulletins[0]) == ["11-23 05:30", "11-24 05:30"]
    assert refused(*event[1:-1]) == "ical.zone"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["RRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=3"], ["11-23 05:30", "11-25 05:30", "11-30 05:30"]),
        (["RRULE:FREQ=DAILY;UNTIL=20261124"], ["11-23 05:30", "11-24 05:30"]),
        (["RRULE:FREQ=DAILY;UNTIL=20261124T053000"], ["11-23 05:30", "11-24 05:30"]),
        (["RRULE:FREQ=DAILY;INTERVAL=40;UNTIL=99991231T235959"], ["11-23 05:30", "01-02 05:30"]),
        (["RRULE:FREQ=DAILY;UNTIL=20261123T223000Z"], ["11-23 05:30", "11-24 05:30"]),
        (
            ["RRULE:FREQ=DAILY;COUNT=4", "EXDATE;TZID=Asia/Ho_Chi_Minh:20261124T053000", "EXDATE:20261124T223000Z"],
            ["11-23 05:30", "11-26 05:30"],
        ),
        (["RRULE:FREQ=DAILY;COUNT=2", "EXDATE;VALUE=DATE:20261124"], ["11-23 05:30"]),
        (
            ["RDATE;TZID=Asia/Ho_Chi_Minh:20261125T053000,20261126T060000"],
            ["11-23 05:30", "11-25 05:30", "11-26 06:00"],
        ),
        # the start is the first instance and counts, also where the rule would not put one
        (["RRULE:FREQ=WEEKLY;BYDAY=FR;COUNT=3"], ["11-23 05:30", "11-27 05:30", "12-04 05:30"]),
        (["RRULE:FREQ=WEEKLY;BYDAY=FR;COUNT=1"], ["11-23 05:30"]),
    ],
)
def test_rules_and_lists(lines: list[str], expected: list[str]) -> None:
    assert local(only(*EVENT, *lines)) == expected


def test_instances_that_differ() -> None:
    rule = "RRULE:FREQ=DAILY;COUNT=4"
    moved = [
        "BEGIN:VEVENT",
        "UID:a@example.vn",
        "SUMMARY:Họp thôn",
        "RECURRENCE-ID;TZID=Asia/Ho_Chi_Minh:20261124T053000",
    ]
    moved += ["DTSTART;TZID=Asia/Ho_Chi_Minh:20261124T170000", "DESCRIPTION:Dời sang chiều", "END:VEVENT"]
    gone = ["BEGIN:VEVENT", "UID:a@example.vn", "STATUS:CANCELLED", "RECURRENCE-ID:20261124T223000Z"]
    gone += ["DTSTART:20261124T223000Z", "END:VEVENT"]
    nobody = [line.replace("24T0530", "24T0600") for line in moved]
    # the changes may stand before their event
    lines = [*moved, *gone, *nobody, "BEGIN:VEVENT", *EVENT, rule, "END:VEVENT"]
    imported = from_ical(file(*lines, events=False), ZONE)
    (made,) = imported.bulletins
    assert local(made) == ["11-23 05:30", "11-24 17:00", "11-26 05:30"]
    assert made.recurrence is not None and made.recurrence.changes[0].text == "Dời sang chiều"
    assert [each.fault.code for each in imported.untaken] == ["ical.no_instance"]
    assert file(*lines, events=False).decode().splitlines()[imported.untaken[0].line - 1] == "BEGIN:VEVENT"


def test_words_of_a_calendar_on_the_web_are_made_plain() -> None:
    made = only(*EVENT, "DESCRIPTION:<p>Kính mời <b>bà con</b><br>đúng giờ</p>&amp; đủ")
    assert made.text == "Kính mời bà con\nđúng giờ\n& đủ"
    assert only(*EVENT, "DESCRIPTION:giá < 5 và > 3").text == "giá < 5 và > 3"


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([*EVENT[:2], "DTSTART;VALUE=DATE:20261123"], "ical.all_day"),
        (EVENT[:2], "ical.no_start"),
        ([*EVENT[:2], "DTSTART:garbage"], "ical.broken"),
        ([*EVENT, EVENT[2]], "ical.broken"),
        ([*EVENT[:2], "DTSTART;TZID=Mars/Olympus:20261123T053000"], "ical.zone"),
        ([*EVENT[:2], "DTSTART:20110101T000000Z"], "ical.invalid"),
        ([*EVENT[:2], "DTSTART:00010101T000000"], "ical.broken"),
        ([*EVENT, "RDATE:99991231T235959Z"], "ical.broken"),
        ([EVENT[0], EVENT[2]], "ical.no_text"),
        ([*EVENT, "STATUS:CANCELLED"], "ical.cancelled"),
        ([*EVENT, "RRULE:FREQ=SECONDLY"], "ical.rule"),
        ([*EVENT, "RRULE:FREQ=NEVER"], "ical.broken"),
        ([*EVENT, "RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY"], "ical.broken"),
        ([*EVENT, "RRULE:FREQ=DAILY;BYMONTHDAY=" + ",".join(["1"] * 5000)], "ical.rule"),
        ([*EVENT[:2], "DTSTART;TZID=Europe/Berlin:20261123T053000", "RRULE:FREQ=DAILY"], "ical.zone_rule"),
        ([*EVENT, "RDATE;VALUE=PERIOD:20261125T053000Z/PT1H"], "ical.period"),
        ([*EVENT, "EXDATE:junk"], "ical.broken"),
        ([*EVENT, "X-EDGE-CLASS:loudest"], "ical.invalid"),
        ([*EVENT, "RECURRENCE-ID:20261123T053000"], "ical.no_master"),
    ],
)
def test_what_cannot_be_taken_is_told_with_its_reason(lines: list[str], code: str) -> None:
    assert refused(*lines) == code


def test_other_components_are_told_and_alarms_are_not_events() -> None:
    assert refused("BEGIN:VTODO", "UID:t", "END:VTODO", events=False) == "ical.component"
    assert only(*EVENT, "BEGIN:VALARM", "TRIGGER:-PT5M", "DESCRIPTION:nhắc", "END:VALARM").text == "Họp thôn"


def test_two_events_of_one_name() -> None:
    twice = ["BEGIN:VEVENT", *EVENT, "END:VEVENT"] * 2
    imported = from_ical(file(*twice, events=False), ZONE)
    assert len(imported.bulletins) == 1 and [each.fault.code for each in imported.untaken] == ["ical.same_uid"]


def test_a_change_of_all_that_follow() -> None:
    later = ["BEGIN:VEVENT", *EVENT, "RECURRENCE-ID;RANGE=THISANDFUTURE:20261123T053000", "END:VEVENT"]
    imported = from_ical(file("BEGIN:VEVENT", *EVENT, "RRULE:FREQ=DAILY", "END:VEVENT", *later, events=False), ZONE)
    assert [each.fault.code for each in imported.untaken] == ["ical.range"] and len(imported.bulletins) == 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "ical.not_calendar"),
        (b"PK\x03\x04 a zip", "ical.not_calendar"),
        (b"\xff\xfeB\x00E\x00", "ical.not_text"),
        (b"<html>BEGIN:VCALENDAR", "ical.not_calendar"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "ical.cut"),
        (b"BEGIN:VCALENDAR\r\nEND:VEVENT\r\n", "ical.nesting"),
        (b"BEGIN:VCALENDAR\r\n" * 100_000, "ical.too_deep"),
        (b"BEGIN:VCALENDAR\r\nX:" + b"a" * 300_000, "ical.long_line"),
        (b"BEGIN:VCALENDAR\r\nX:" + b"a\r\n " * 300_000, "ical.long_line"),
        (b"BEGIN:VCALENDAR\r\n" + b"BEGIN:VEVENT\r\nEND:VEVENT\r\n" * (MAX_EVENTS + 1), "ical.too_many"),
        (b"x" * (MAX_BYTES + 1), "ical.too_big"),
    ],
)
def test_files_that_are_refused_as_a_whole(data: bytes, code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        from_ical(data, ZONE)
    assert refusal.value.fault.code == code and "{" not in refusal.value.fault.vi


def test_more_bulletins_than_a_node_takes() -> None:
    lines = [line for n in range(600) for line in ("BEGIN:VEVENT", f"UID:e{n}", *EVENT[1:], "END:VEVENT")]
    imported = from_ical(file(*lines, events=False), ZONE)
    assert len(imported.bulletins) == 500 and len(imported.untaken) == 100
    assert {each.fault.code for each in imported.untaken} == {"ical.too_many"}


LINES = st.sampled_from(
    [
        *EVENT,
        "RRULE:FREQ=DAILY;COUNT=3",
        "RRULE:FREQ=HOURLY;BYMONTHDAY=30;BYMONTH=2",
        "RRULE:UNTIL=99991231T235959Z;FREQ=DAILY",
        "RRULE:COUNT=",
        "EXDATE:99990101T000000Z",
        "RDATE:00010101T000000Z",
        "DTSTART:99991231T235959",
        "DTSTART:00010101T000000",
        "DTSTART;TZID=../../etc/passwd:20261123T053000",
        "RECURRENCE-ID:20261124T053000",
        'X-EDGE-BULLETIN:{"id":1}',
        "X-EDGE-VOLUME:nan",
        "X-EDGE-BULLETIN:[[[[",
        "no colon",
        ";;;:",
        "BEGIN:VALARM",
        "END:VALARM",
        "BEGIN:VEVENT",
        "END:VEVENT",
        "DTSTART;VALUE=DATE:20261399",
        "DURATION:P99999999999D",
        "STATUS:CANCELLED",
        " folded",
        'SUMMARY;LANGUAGE="vi:x',
        "\x00\x01",
        'DTSTART;TZID="a\x7f":20261123T053000',
        "RDATE;VALUE=PERIOD:20261123T053000Z/P1D",
        "DTSTART;TZID=Europe/Berlin:20270328T023000",
    ]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(LINES | st.text(max_size=30), max_size=25))
def test_no_file_does_worse_than_be_refused(lines: list[str]) -> None:
    try:
        imported = from_ical(file(*lines), ZONE)
    except Refusal:
        return
    for made in imported.bulletins:
        assert Bulletin.model_validate_json(made.model_dump_json(by_alias=True)) == made
        due(made, 30)


# --- our own files coming back


def there_and_back(*planned: Bulletin, zone: ZoneInfo = ZONE) -> list[Bulletin]:
    imported = from_ical(to_ical(planned, zone, name="Thôn Đông", now=NOW), zone)
    assert imported.untaken == []
    return imported.bulletins


def content(made: Bulletin) -> dict:
    return made.model_dump(exclude={"at", "recurrence", "approval"})


def test_everything_that_a_bulletin_has_comes_back() -> None:
    full = bulletin(
        at=AT,
        recurrence={"rule": "FREQ=WEEKLY;BYDAY=MO,FR", "except": [AT + 4 * DAY]},
        authority="province",
        after_interruption="drop",
        readings={"UBND": "ủy ban nhân dân"},
        approval={"by": "bi.thu", "at": NOW},
        **{"class": "priority"},
    )
    (back,) = there_and_back(full)
    assert back == full.model_copy(update={"approval": None})  # nobody approves by mail
    parts = [{"kind": "chime", "name": "morning"}, {"kind": "text", "text": "Xin chào; mời, nghe\\n"}]
    spoken = bulletin(id="b", at=AT, recurrence=None, text=None, versions=[{"language": "vi", "segments": parts}])
    assert there_and_back(spoken) == [spoken]


def test_lunar_days_go_out_one_by_one_and_come_back_as_their_rule() -> None:
    full_moon = bulletin(at=AT, recurrence={"lunar": {"days": [15], "leap": "also"}, "except": [AT + 15 * DAY]})
    written = to_ical([full_moon], ZONE, name="x", now=NOW)
    starts = [event.decoded("dtstart") for event in Calendar.from_ical(written).walk("VEVENT")]
    end = AT + timedelta(days=2 * 366)
    assert starts == [each.at for each in between([full_moon], AT, end, ZONE)] and len(starts) >= 24
    assert there_and_back(full_moon) == [full_moon]
    other_hour = written.replace(b"DTSTART;TZID=Asia/Ho_Chi_Minh:20261123T053000", b"DTSTART:20261123T010000Z")
    imported = from_ical(other_hour, ZONE)
    assert [each.fault.code for each in imported.untaken] == ["ical.lunar"] and len(imported.bulletins) == 1


def test_what_was_changed_in_another_calendar_counts() -> None:
    written = to_ical([bulletin(at=AT, recurrence=None, text="Cũ")], ZONE, name="x", now=NOW)
    for old, new in (("SUMMARY:Bản tin sáng", "SUMMARY:Bản tin mới"), ("DESCRIPTION:Cũ", "DESCRIPTION:Mới")):
        assert old.encode() in written
        written = written.replace(old.encode(), new.encode())
    written = written.replace(b":20261123T053000", b":20261124T060000")
    (back,) = from_ical(written, ZONE).bulletins
    assert (back.title, back.text, back.at) == ("Bản tin mới", "Mới", AT + DAY + timedelta(minutes=30))
    assert back.id == "ban-tin-sang" and back.volume == 80


def test_the_file_is_what_calendars_of_offices_read() -> None:
    planned = bulletin(
        at=AT, recurrence={"rule": "FREQ=DAILY;COUNT=9", "changes": [{"planned": AT + DAY, "at": AT + 2 * DAY}]}
    )
    written = to_ical([planned], ZONE, name="Thôn Đông", now=NOW)
    lines = written.decode().split("\r\n")
    assert all(len(line.encode()) <= 75 for line in lines) and lines[-1] == ""
    assert {
        "BEGIN:VTIMEZONE",
        "TZID:Asia/Ho_Chi_Minh",
        "TZOFFSETTO:+0700",
        "VERSION:2.0",
        "RRULE:FREQ=DAILY;COUNT=9",
    } <= {*lines}
    for event in Calendar.from_ical(written).walk("VEVENT"):
        assert event.errors == [] and {"UID", "DTSTAMP", "DTSTART", "DURATION", "SUMMARY"} <= {*event}
        assert "5" not in json.loads(event["X-EDGE-BULLETIN"]).get("approval", {})


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=80).filter(plain)
RULES = st.builds(
    lambda freq, interval, more, end: f"FREQ={freq};INTERVAL={interval}{more}{end}",
    st.sampled_from(["HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    st.integers(1, 3),
    st.sampled_from(
        ["", ";BYDAY=MO,SA", ";BYHOUR=4,20", ";BYMONTH=1,12", ";WKST=SU", ";BYMONTHDAY=-1,5", ";BYDAY=TU;BYSETPOS=-1"]
    ),
    st.sampled_from(["", ";COUNT=1", ";COUNT=30", ";UNTIL=20270601T000000Z", ";UNTIL=20261101T000000Z"]),
)
HOURS = st.integers(-24 * 30, 24 * 120).map(lambda hours: AT + timedelta(hours=hours))
DATES = st.none() | st.integers(-30, 200).map(lambda days: date(2026, 11, 23) + timedelta(days=days))


@st.composite
def planned(draw: st.DrawFn) -> Bulletin:
    valid_from, valid_to = draw(DATES), draw(DATES)
    if valid_from and valid_to:
        valid_from, valid_to = min(valid_from, valid_to), max(valid_from, valid_to)
    rule = draw(RULES)
    bare = bulletin(at=AT, recurrence={"rule": rule})
    some = [each.at for each in between([bare], AT, AT + 100 * DAY, ZONE)][:40]
    instances = st.sampled_from(some) if some else HOURS
    changes = {
        at: {
            "planned": at,
            "at": draw(HOURS),
            "text": draw(st.none() | st.just("Hoãn")),
            "volume": draw(st.none() | st.just(33)),
        }
        for at in draw(st.lists(instances, max_size=3))
    }
    recurrence = {
        "rule": rule,
        "also": draw(st.lists(HOURS, max_size=3)),
        "except": draw(st.lists(instances, max_size=3)),
        "changes": list(changes.values()),
        "valid_from": valid_from,
        "valid_to": valid_to,
    }
    return bulletin(
        at=AT, title=draw(TEXTS), text=draw(TEXTS), recurrence=draw(st.sampled_from([recurrence] * 9 + [None]))
    )


@settings(deadline=None, max_examples=300)
@given(planned(), st.sampled_from([ZONE, ZoneInfo("Europe/Berlin")]))
def test_what_goes_out_comes_back(made: Bulletin, zone: ZoneInfo) -> None:
    instances = between([made], AT - 400 * DAY, AT + 1200 * DAY, zone)
    found = there_and_back(made, zone=zone)
    if not instances:
        assert found == []
        return
    (back,) = found
    assert between([back], AT - 400 * DAY, AT + 1200 * DAY, zone) == instances
    assert content(back) == content(made)


def test_a_file_makes_no_siren_unless_its_class_is_trusted() -> None:
    for wanted in ("emergency", "priority"):
        lines = [*EVENT, f"X-EDGE-CLASS:{wanted}"]
        imported = from_ical(file(*lines), ZONE)
        assert [each.class_ for each in imported.bulletins] == ["priority"]
        assert [each.fault.code for each in imported.untaken] == ["ical.emergency"] * (wanted == "emergency")
        trusted = from_ical(file(*lines), ZONE, trust_class=True)
        assert [each.class_ for each in trusted.bulletins] == [wanted] and trusted.untaken == []
