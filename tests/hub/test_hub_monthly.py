"""The month in sums: what is added up, what is honestly not known, who may read it, and the files."""

import csv
import html
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from hub_rig import FakeNode, Mosquitto, Running, now, signed_in, until
from pypdf import PdfReader

from edge_agent.contract.records import Event, Sample
from hub.monthly.counting import MonthLog, spread
from hub.monthly.sums import Asked, table
from hub.monthly.tables import add, millis, month_counters, month_of
from hub.people.rights import Grant, Place, Role
from hub.people.sessions import COOKIE

ON_BOTH_DATABASES = True
NODE = "29401/tram-bom"
HCM = ZoneInfo("Asia/Ho_Chi_Minh")


class At:
    """A clock that stands."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def now(self) -> datetime:
        return self.instant

    def monotonic(self) -> float:
        return 0.0


def instant(day: int, hour: int = 12, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=HCM).astimezone(UTC)


def sample(seq: int, at: datetime, **values: float) -> Sample:
    return Sample(seq=seq, at=at, values={name.replace("_of_", "/"): value for name, value in values.items()})


def fault(seq: int, at: datetime, type_: str, code: str, about: str = "light/san-bong", **data: Any) -> Event:
    return Event.model_validate({"seq": seq, "at": at, "type": type_, "about": about, "data": {"code": code, **data}})


def log_of(basis: str = "estimated") -> MonthLog:
    return MonthLog(HCM, lambda address, thing: basis, At(instant(30)))


async def written(hub: Running, log: MonthLog, *records: Event | Sample, address: str = NODE) -> None:
    for record in records:
        await hub.hub.store.call(lambda c, record=record: log.note(c, address, 1, record))  # type: ignore[misc]


async def rows(hub: Running, kind: str, month: str = "2026-11", within: Any = None, at: datetime | None = None) -> Any:
    asked = Asked(month, HCM, millis(at or instant(30)), within)
    found = await hub.hub.store.read(lambda c: table(c, kind, asked))
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


async def test_energy_is_the_rise_of_counters_also_when_they_begin_anew(hub: Running) -> None:
    log = log_of()
    await written(
        hub,
        log,
        sample(1, instant(2), energy_of_den=100.0, hours_of_den=10.0),  # where it stood: of no month
        sample(2, instant(3), energy_of_den=102.5, hours_of_den=20.0),
        sample(3, instant(3) + timedelta(minutes=5), energy_of_den=102.6),  # soon: read with the next
        sample(4, instant(4), energy_of_den=104.0, hours_of_den=30.0),
        sample(5, instant(5), energy_of_den=1.5, hours_of_den=1.0),  # a new meter
        sample(6, instant(1), energy_of_den=99.0),  # late: nothing is counted twice
    )
    (found,) = await rows(hub, "energy")
    assert (found["kwh_estimated"], found["hours"]) == (5.5, 21.0)
    assert found["kwh_measured"] is None and found["kwh_cabinet"] is None


async def test_a_restart_of_the_hub_counts_nothing_twice_and_loses_nothing(hub: Running) -> None:
    await written(hub, log_of(), sample(1, instant(2), energy_of_den=1.0), sample(2, instant(3), energy_of_den=2.0))
    await written(hub, log_of(), sample(3, instant(3), energy_of_den=2.0), sample(4, instant(4), energy_of_den=4.0))
    assert (await rows(hub, "energy"))[0]["kwh_estimated"] == 3.0


async def test_nonsense_and_wrong_clocks_are_passed_over(hub: Running) -> None:
    log = log_of()
    good = (sample(1, instant(2), energy_of_den=1.0), sample(2, instant(3), energy_of_den=2.0))
    await written(
        hub,
        log,
        *good,
        sample(3, instant(1) + timedelta(days=900), energy_of_den=900.0),
        sample(4, instant(5), energy_of_den=-4.0, energy=7.0, sensor_of_be=5.0),
        fault(5, instant(5), "fault", ""),
        fault(6, instant(6), "fault", "lampFailure", since="yesterday"),
    )
    assert (await rows(hub, "energy"))[0]["kwh_estimated"] == 1.0
    (found,) = await rows(hub, "fault_list")
    assert found["since"].startswith("2026-11-06")


def test_use_over_the_turn_of_a_month_is_spread_by_time() -> None:
    begin, end = millis(instant(31, 0, 10)), millis(instant(2, 0))
    assert spread(4.0, begin, end, HCM) == {"2026-10": 2.0, "2026-11": 2.0}
    assert spread(4.0, end, begin, HCM) == {} and spread(-1.0, begin, end, HCM) == {}
    assert month_of(millis(datetime(2026, 10, 31, 17, tzinfo=UTC)), HCM) == "2026-11"


async def test_faults_last_from_since_until_cleared_within_the_month(hub: Running) -> None:
    log, since = log_of(), instant(30, 12, 10).isoformat()
    await written(
        hub,
        log,
        fault(1, instant(30, 13, 10), "fault", "lampFailure", since=since),
        fault(2, instant(30, 14, 10), "fault", "lampFailure", since=since),  # told again after a restart
        fault(3, instant(1, 10), "cleared", "lampFailure", since=since),
        fault(4, instant(29, 12), "fault", "switchingErrorOn", since=instant(29, 12).isoformat()),
        fault(5, instant(10, 12), "cleared", "cabinetDoorOpen", "cabinet/tu", since=instant(10, 9).isoformat()),
    )
    found = {row["fault"]: row for row in await rows(hub, "faults")}
    assert (found["lampFailure"]["count"], found["lampFailure"]["hours"]) == (1, 10.0)
    assert (found["switchingErrorOn"]["hours"], found["switchingErrorOn"]["open"]) == (24.0, 1)
    assert found["cabinetDoorOpen"]["hours"] == 3.0  # its beginning got lost on the way
    (october,) = await rows(hub, "faults", "2026-10")
    assert (october["hours"], october["open"]) == (36.0, 0)


async def test_what_the_hub_did_not_see_is_not_known(hub: Running, node: FakeNode, broker: Mosquitto) -> None:
    counted = hub.hub.attendance
    counted.count(3600)
    await node.lose()
    await until(lambda: not hub.hub.registry.is_online(NODE))
    counted.count(1800)
    counted.count(1800)
    broker.stop()
    await until(lambda: not hub.hub.link.connected)
    counted.count(7200)
    counted.flush()
    month = month_of(millis(now()), HCM)
    at = now()

    async def there() -> Any:
        return await rows(hub, "nodes", month, at=at)

    found = await there()
    while not found:
        found = await there()
    (row,) = found
    assert (row["percent"], row["hours_away"], row["absences"]) == (50.0, 1.0, 1)
    begin = at.astimezone(HCM).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    assert row["hours_unknown"] == pytest.approx(max((at - begin).total_seconds() / 3600 - 2, 0), abs=0.1)
    (camera,) = await rows(hub, "cameras", month, at=at)
    assert (camera["hours_recorded"], camera["hours_missed"]) == (1.0, 0.0)


async def test_a_reader_gets_only_the_own_places(hub: Running, node: FakeNode) -> None:
    month = month_of(millis(now()), HCM)
    for address in (NODE, "29402/cho"):
        await hub.hub.store.call(
            lambda c, address=address: add(c, {(month, address, "kwh_measured", "den"): 5.0})  # type: ignore[misc]
        )
    assert len(await rows(hub, "energy", month)) == 2
    assert [r["commune"] for r in await rows(hub, "energy", month, ("29402",))] == ["29402"]
    assert [r["commune"] for r in await rows(hub, "energy", month, (NODE,))] == ["29401"]
    assert await rows(hub, "energy", month, ()) == []
    for role, place, communes in (
        (Role.IOC, Place("29402"), ["29402"]),
        (Role.STAFF, Place("29401", "thon-dong"), ["29401"]),
        (Role.STAFF, Place("29401", "thon-tay"), []),
    ):
        secret = await signed_in(hub.hub, f"{role}-{str(place).replace('/', '-')}", Grant(role, place))
        async with httpx.AsyncClient(timeout=30, base_url=hub.url, cookies={COOKIE: secret}) as http:
            found = (await http.get("/reports.json")).json()
            assert [row["commune"] for row in found["energy"]] == communes
    secret = await signed_in(hub.hub, "truong", Grant(Role.AREA_HEAD, Place("29401", "thon-dong")))
    async with httpx.AsyncClient(timeout=30, base_url=hub.url, cookies={COOKIE: secret}) as http:
        for path in ("/reports", "/reports.json", "/reports.pdf", "/reports/energy.csv"):
            assert (await http.get(path)).status_code == 403


async def test_the_page_and_its_files_tell_the_same(hub: Running, node: FakeNode) -> None:
    month = month_of(millis(now()), HCM)
    await hub.http.post(f"/nodes/{NODE}/lights/cong-thon", data={"do": "on"}, headers={"HX-Request": "true"})
    await hub.hub.store.call(lambda c: add(c, {(month, NODE, "kwh_measured", "den"): 12.5}))
    began = now() - timedelta(minutes=30)
    log = log_of()
    await written(hub, log, fault(1, now(), "fault", "lampFailure", "light/cong-thon", since=began.isoformat()))
    for seq, code in enumerate(("speaker.not_heard", "driver.no_device"), 2):
        await written(hub, log, fault(seq, now(), "fault", code, "speaker/loa", since=began.isoformat()))
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.unescape((await hub.http.get("/reports")).text)))
    for words in (
        "kWh đo được 12,5",
        "Thôn, khu Thôn Đông",
        "Bật nhưng đèn không sáng",
        "Phát mà micrô không nghe thấy",
        "Không thấy thiết bị",
        "Đèn cổng thôn",
        "chưa hết",
        "Người quan-tri Việc Bật, tắt tay Số lần 1 Xong 1",
    ):
        assert words in text, words
    assert "kWh ước tính" not in text  # a column that nobody fills
    answer = await hub.http.get(f"/reports/commands.csv?month={month}")
    told = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert told == [{"person": "quan-tri", "act": "node.switch.override", "count": "1", "done": "1"}]
    answer = await hub.http.get(f"/reports.pdf?month={month}")
    assert answer.headers["content-type"] == "application/pdf"
    printed = "".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)
    assert "XÃ TÂN HỘI" in printed and "12,5" in printed and "Đèn cổng thôn" in printed


async def test_bad_months_and_tables_are_refused_in_words(hub: Running) -> None:
    for month in ("2026-13", "26-11", "<b>", "٢٠٢٦-١١"):
        for path in ("/reports", "/reports.json", "/reports.pdf", "/reports/nodes.csv"):
            assert (await hub.http.get(path, params={"month": month})).status_code == 400
    assert (await hub.http.get("/reports/passwords.csv")).status_code == 404
    empty = await hub.http.get("/reports", params={"month": "2031-01"})
    assert empty.status_code == 200 and "Chưa có số liệu của tháng này" in html.unescape(empty.text)


async def test_names_that_are_formulas_are_text_in_spreadsheets(hub: Running) -> None:
    await written(hub, log_of(), fault(1, instant(2), "fault", "=cmd()", "light/x", since=instant(1).isoformat()))
    answer = await hub.http.get("/reports/faults.csv", params={"month": "2026-11"})
    assert "'=cmd()" in answer.text
    assert "<script" not in (await hub.http.get("/reports", params={"month": "2026-11"})).text.split("</head>")[1]


async def test_a_rollback_makes_counters_be_read_again(hub: Running) -> None:
    log = log_of()
    await written(hub, log, sample(1, instant(2), energy_of_den=1.0))
    log.forget()
    await written(hub, log, sample(2, instant(2) + timedelta(minutes=5), energy_of_den=3.0))
    stood = await hub.hub.store.read(lambda c: c.execute(month_counters.select()).all())
    assert [row.value for row in stood] == [3.0]
    assert (await rows(hub, "energy"))[0]["kwh_estimated"] == 2.0
