"""What never came to a cluster stands in the log of airings: once, with its reason, until the node itself tells."""

import contextlib
import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from bulletins_rig import COMMUNE, WORDS, ZONE, cluster, content, known, someone, tomorrow
from hub_rig import FakeNode, Mosquitto, Running, config_for, serving, until
from pypdf import PdfReader

from edge_agent.contract.airings import Airing
from edge_agent.contract.bulletins import Recurrence
from edge_agent.contract.errors import Fault
from edge_agent.contract.records import Event
from hub.air.emergency_missed import log_missed
from hub.air.tables import sounded, told
from hub.aired.rows import UNREACHED, airings
from hub.bulletins.deliveries import Delivery, Sent
from hub.bulletins.missed import Missed
from hub.bulletins.model import HubBulletin, Released, Schedule, State, Targets
from hub.cap.missed import log_missed as log_missed_alerts
from hub.cap.tables import airings as alert_airings
from hub.cap.tables import alerts
from hub.cap.tables import words as alert_words
from hub.people.rights import Role

EAST, WEST, GOOD = (f"{COMMUNE}/{name}" for name in ("cum-dong", "cum-tay", "cum-tot"))
DAILY = Recurrence(rule="FREQ=DAILY")


async def stood(hub: Running, address: str) -> list[tuple[datetime, str, str]]:
    """What the log holds of a node, in order: planned for, state, code."""
    query = sa.select(airings.c.at, airings.c.body).where(airings.c.address == address).order_by(airings.c.at)
    found = await hub.hub.store.read(lambda connection: connection.execute(query).fetchall())
    bodies = [(at, Airing.model_validate_json(body)) for at, body in found]
    return [(datetime.fromtimestamp(at / 1e6, UTC), airing.state, airing.code or "") for at, airing in bodies]


async def look(hub: Running, at: datetime) -> None:
    """As the hub does each minute, at another time."""
    dispatch = hub.hub.bulletins.dispatch
    await dispatch.missed.look(dispatch._released, dispatch._rows, at)


def stands(hub: Running, bulletin: str, address: str) -> Sent | None:
    """How far a bulletin has come to a node."""
    return next((row.state for row in hub.hub.bulletins.dispatch.of(bulletin) if row.address == address), None)


async def refuse(node: FakeNode, asked: Any) -> None:
    filled = {"at": "04:00 03/01/2099", "windows": "05:30-06:30", "next": "05:30 03/01/2099"}
    await node.ack(asked, "rejected", fault=Fault.of("hours.window", **filled))


async def stay_silent(node: FakeNode, asked: Any) -> None:
    """As a node that is off."""


async def tells(hub: Running, node: FakeNode, *events: Event) -> None:
    await node.send(*events)

    def there() -> bool:
        account = hub.hub.ledger.accounts.get(f"{node.commune}/{node.node}")
        return account is not None and account.progress.through >= events[-1].seq

    await until(there, 20)


def aired(seq: int, id_: str, at: datetime, state: str = "aired", class_: str = "ordinary") -> Event:
    told = {"id": id_, "speaker": "loa", "title": "Họp thôn", "class": class_, "authority": "commune", "state": state}
    us = int(at.timestamp()) * 1_000_000
    airing = Airing.model_validate({**told, "planned": at, "planned_us": us, "started_us": us + 400, "seconds": 60})
    return Event(seq=seq, at=at + timedelta(minutes=2), type="aired", about=f"bulletin/{id_}", data=airing.data())


async def test_each_instant_of_a_series_that_a_node_never_took_is_missed_once(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        hub = await stack.enter_async_context(serving(config_for(tmp_path, broker.port)))
        staff = await stack.enter_async_context(someone(hub, "lan", Role.STAFF))
        approver = await stack.enter_async_context(someone(hub, "minh", Role.APPROVER))
        east = cluster(hub, broker.port, "cum-dong", "Cụm Đông", "Thôn Đông", (20.50, 105.90))
        west = cluster(hub, broker.port, "cum-tay", "Cụm Tây", "Thôn Tây", (20.51, 105.88))
        good = cluster(hub, broker.port, "cum-tot", "Cụm Tốt", "Thôn Tây", (20.52, 105.88))
        east.replies["bulletin.plan"], west.replies["bulletin.plan"] = refuse, stay_silent
        for each in (east, west, good):
            await stack.enter_async_context(each)
        await known(hub, east, west, good)
        draft = await staff.draft()
        await staff.planned(draft, tomorrow(17), COMMUNE, kind="daily")
        await staff.sounds(draft)
        assert "Đã duyệt" in await approver.act(draft, "approve")
        await until(lambda: stands(hub, draft.id, EAST) is Sent.REFUSED and stands(hub, draft.id, GOOD) is Sent.TAKEN)
        await until(lambda: not hub.hub.bulletins.dispatch._dirty)  # written
        start = staff.now(draft).released.schedule.at
        await look(hub, start + timedelta(minutes=5))
        assert await stood(hub, EAST) == [], "it may still tell by itself"
        days = [start + timedelta(days=day) for day in range(12)]
        await look(hub, days[4] + timedelta(hours=1))  # also after a gap of days
        await look(hub, days[4] + timedelta(hours=2))
        assert await stood(hub, EAST) == [(day, "missed", "hours.window") for day in days[:5]]
        assert await stood(hub, WEST) == [(day, "missed", "hub.undelivered") for day in days[:5]]
        assert await stood(hub, GOOD) == [], "what it took it tells of by itself"
        await tells(hub, west, aired(1, draft.id, days[1]))
        expected = [(d, *(("aired", "") if d == days[1] else ("missed", "hub.undelivered"))) for d in days[:5]]
        assert await stood(hub, WEST) == expected, "the node's own word wins"
    async with serving(config_for(tmp_path, broker.port)) as again:
        await look(again, days[6] + timedelta(hours=1))
        assert len(await stood(again, EAST)) == 7, "nothing is told twice after a restart, and nothing left out"
        assert [row[1] for row in await stood(again, WEST)] == ["missed", "aired", *["missed"] * 5]
        month = f"{start.astimezone(ZONE):%Y-%m}"
        answer = await again.http.get("/aired.csv", params={"month": month, "where": EAST})
        table = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
        assert {(row["state"], row["code"], row["title"]) for row in table} == {("missed", "hours.window", "Họp thôn")}
        assert all(row["reason"] for row in table)


BEGAN = datetime(2026, 11, 1, 0, 0, tzinfo=UTC)


def standing(at: datetime, since: datetime = BEGAN, again: Recurrence | None = DAILY) -> HubBulletin:
    """One that was let go."""
    schedule, said = Schedule(at=at, recurrence=again), content(WORDS)
    released = Released(
        number=2, content=said, targets=Targets(places=(COMMUNE,)), schedule=schedule, by="m", name="minh", at=since
    )
    return HubBulletin(
        id="b-1", content=said, state=State.APPROVED, created_by="l", created=since, changed=since, released=released
    )


async def ready(hub: Running) -> Missed:
    """One that has looked for the first time when November began."""
    missed = Missed(hub.hub.store, ZONE)
    await missed.look({}, {}, BEGAN)
    return missed


async def test_who_takes_it_late_missed_what_was_before_and_nothing_after(hub: Running) -> None:
    at = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)
    missed, bulletin = await ready(hub), standing(at)
    away = Delivery("b-1", WEST, 2)
    rows = {"b-1": {WEST: away}}
    taken = Delivery("b-1", WEST, 2, 2, Sent.TAKEN)
    missed.put(bulletin, away, taken, at + timedelta(days=1, minutes=3))  # within the minutes in which it is waited
    assert missed.waits
    rows["b-1"][WEST] = taken
    await missed.look({"b-1": bulletin}, rows, at + timedelta(days=3, hours=1))
    assert [row[0] for row in await stood(hub, WEST)] == [at, at + timedelta(days=1)]


async def test_a_node_that_is_new_missed_nothing_of_what_was_before_it(hub: Running) -> None:
    at = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)
    missed, bulletin = await ready(hub), standing(at)
    row = Delivery("b-1", WEST, 2)
    missed.put(bulletin, None, row, at + timedelta(days=1, minutes=3))
    await missed.look({"b-1": bulletin}, {"b-1": {WEST: row}}, at + timedelta(days=2, hours=1))
    assert [row[0] for row in await stood(hub, WEST)] == [at + timedelta(days=2)]


async def test_what_is_taken_back_or_taken_out_of_its_area_stays_missed_until_then(hub: Running) -> None:
    at = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)
    missed, bulletin = await ready(hub), standing(at)
    east, west = Delivery("b-1", EAST, 2), Delivery("b-1", WEST, 2)
    out = at + timedelta(days=1, hours=1)
    missed.put(bulletin, east, east.wants(0), out)
    missed.over(bulletin, [west], out)
    later = standing(at + timedelta(days=2, hours=5), out, None)  # another plan took its place
    rows = {"b-1": {EAST: east.wants(0), WEST: west}}
    await missed.look({"b-1": later}, rows, at + timedelta(days=5))
    before = [at, at + timedelta(days=1)]
    assert [row[0] for row in await stood(hub, EAST)] == before
    assert [row[0] for row in await stood(hub, WEST)] == [*before, at + timedelta(days=2, hours=5)]


async def test_a_long_gap_is_told_for_the_month_and_no_longer(hub: Running) -> None:
    at = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)
    missed = await ready(hub)
    rows = {"b-1": {WEST: Delivery("b-1", WEST, 2)}}
    await missed.look({"b-1": standing(at)}, rows, datetime(2028, 11, 3, 23, 0, tzinfo=UTC))
    found = [row[0] for row in await stood(hub, WEST)]
    assert len(found) == 35
    assert found[-1] == datetime(2028, 11, 3, 10, 0, tzinfo=UTC)


async def test_an_emergency_that_never_came_stands_in_log_sums_and_on_paper(
    hub: Running, broker: Mosquitto, node: FakeNode
) -> None:
    at = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)
    fault = Fault.of("command.busy")
    states = {"tram-bom": "silent", "cum-dong": "", "cum-tay": "rejected", "cum-tot": "done"}

    def write(connection: sa.Connection) -> None:
        itself = {"id": "kc-1", "title": "Xả lũ", "text": "Lên chỗ cao.", "readings": "{}", "clear": "", "drill": 0}
        itself |= {"by": "minh", "at": "2026-11-03T10:00:00.000+00:00", "until": "2026-11-03T10:15:00.000+00:00"}
        connection.execute(sounded.insert(), itself)
        for name, state in states.items():
            row = {"emergency": "kc-1", "address": f"{COMMUNE}/{name}", "state": state}
            connection.execute(told.insert(), row | {"fault": fault.model_dump_json() if name == "cum-tay" else ""})

    await hub.hub.store.call(write)
    assert await hub.hub.store.call(lambda c: log_missed(c, at + timedelta(minutes=20))) == 0, "it just ended"
    for count in (3, 0):
        assert await hub.hub.store.call(lambda c: log_missed(c, at + timedelta(hours=1))) == count
    assert await stood(hub, EAST) == [(at, "missed", UNREACHED)]
    assert await stood(hub, WEST) == [(at, "missed", "command.busy")]
    page = (await hub.http.get("/aired?month=2026-11")).text
    assert "Lời khẩn cấp không tới được cụm loa này, hoặc cụm loa không trả lời." in page
    answer = await hub.http.get("/aired.csv?month=2026-11&class=emergency&show=missed")
    table = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert len(table) == 3
    assert all(row["reason"] for row in table)
    paper = PdfReader(io.BytesIO((await hub.http.get("/aired.pdf?month=2026-11")).content))
    assert "Lời khẩn cấp không tới" in " ".join(" ".join(p.extract_text().split()) for p in paper.pages)
    began = at + timedelta(seconds=40)  # it sounded there all the same, and nobody heard its answer
    await tells(hub, node, aired(1, "kc-1", began, class_="emergency"))
    assert await hub.hub.store.call(lambda c: log_missed(c, at + timedelta(hours=2))) == 0
    assert await stood(hub, f"{COMMUNE}/tram-bom") == [(began, "aired", "")]


async def test_an_alert_that_never_came_stands_there_too(hub: Running) -> None:
    at = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)

    def write(connection: sa.Connection) -> None:
        texts = ["sender", "identifier", "source", "given_by", "status", "msg_type", "state", "reason", "areas"]
        row: dict[str, Any] = dict.fromkeys(texts, "") | {"id": "cap-1", "title": "Lũ quét", "proved": 1, "level": 3}
        when = at.isoformat(timespec="milliseconds")
        connection.execute(alerts.insert(), row | {"sent": when, "received": when, "expires": when, "body": b""})
        said = {"alert": "cap-1", "number": 1, "text": "Lũ quét.", "readings": "{}", "class": "emergency"}
        over = (at + timedelta(hours=1)).isoformat(timespec="milliseconds")
        connection.execute(alert_words.insert(), said | {"until": over, "approved_by": "CAP kttv"})
        for name, state in (("cum-dong", "late"), ("cum-tay", "pending"), ("cum-tot", "done")):
            sent = {"alert": "cap-1", "address": f"{COMMUNE}/{name}", "words": 1, "at": when, "state": state}
            connection.execute(alert_airings.insert(), sent | {"fault": "", "ending": ""})

    await hub.hub.store.call(write)
    for hours, count in ((1, 0), (2, 2), (3, 0)):
        then = at + timedelta(hours=hours)
        assert await hub.hub.store.call(lambda c, then=then: log_missed_alerts(c, then)) == count
    assert await stood(hub, EAST) == await stood(hub, WEST) == [(at, "missed", UNREACHED)]
    assert await stood(hub, GOOD) == []
