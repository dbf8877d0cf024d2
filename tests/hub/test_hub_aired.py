"""The as-aired log: every airing once, joined by what the microphone said, as page, CSV, JSON and PDF."""

import csv
import html
import io
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hub_rig import FakeNode, Mosquitto, Running, config_for, serving, until
from pypdf import PdfReader
from sqlalchemy.engine import Connection

import hub as hub_package
from edge_agent.contract.airings import Airing, Hearing, Interruption
from edge_agent.contract.records import Event
from edge_agent.contract.signature import Verifier
from hub.aired import keeping, month, rows
from hub.aired.files import BOM, COLUMNS
from hub.aired.words import length, share

ADDRESS = "29401/tram-bom"
ON_BOTH_DATABASES = "long"
AT = datetime(2026, 11, 10, 22, 30, tzinfo=UTC)  # 05:30 on the 11th in Viet Nam
TEXT = "Họp thôn: “Nước sạch”"


def us(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def airing(at: datetime = AT, **more: Any) -> Airing:
    raw = {
        "id": "b-1",
        "speaker": "loa",
        "title": TEXT,
        "class": "ordinary",
        "authority": "commune",
        "state": "aired",
        "planned": at,
        "planned_us": us(at),
        "started_us": us(at) + 400,
        "start_error_ms": 0.4,
        "seconds": 185.4,
        "volume": 80,
        "by": "console",
        "approved_by": "Nguyễn Thị Ánh",
        **more,
    }
    return Airing.model_validate({name: value for name, value in raw.items() if value is not None})


def told(seq: int, airing: Airing, type_: str = "aired") -> Event:
    data = airing.model_dump(mode="json", by_alias=True, exclude_none=True)
    return Event(seq=seq, at=AT + timedelta(hours=1), type=type_, about="bulletin/b-1", data=data)


def heard(seq: int, **data: Any) -> Event:
    hearing = Hearing.model_validate({"id": "b-1", "speaker": "loa", "heard": True, **data})
    return Event(seq=seq, at=AT, type="heard", data=hearing.model_dump(mode="json", exclude_none=True))


async def kept(hub: Running, through: int) -> None:
    def there() -> bool:
        account = hub.hub.ledger.accounts.get(ADDRESS)
        return account is not None and account.progress.through >= through

    await until(there, 60)


async def log(hub: Running, **more: Any) -> str:
    answer = await hub.http.get("/aired", params={"month": "2026-11", **more})
    assert answer.status_code == 200, answer.text
    return " ".join(html.unescape(answer.text).split())


async def table(hub: Running, **more: Any) -> list[dict[str, str]]:
    answer = await hub.http.get("/aired.csv", params={"month": "2026-11", **more})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


async def test_an_airing_is_told_with_everything_that_is_known(hub: Running, node: FakeNode) -> None:
    cut = Interruption(at=AT + timedelta(seconds=30), by="b-2", position_s=30, then="resumed")
    await node.send(told(1, airing(heard=True, heard_score=11.5, interruptions=(cut,), state="partly")))
    await kept(hub, 1)
    text = await log(hub)
    for words in (
        "Tháng 11/2026",
        "Thứ Tư 11/11/2026",
        "05:30:00",
        TEXT,
        "Trạm bơm Đông",
        "duyệt: Nguyễn Thị Ánh",
        "Phát một phần · 3:05",
        "đúng giờ",
        "Micrô: nghe thấy",
        "05:30:30 bị ngắt ở 0:30, sau đó phát tiếp",
    ):
        assert words in text, words


async def test_records_that_come_twice_are_one_airing(hub: Running, node: FakeNode) -> None:
    for _ in range(3):
        await node.send(told(1, airing()), told(2, airing(AT + timedelta(days=1))))
    await kept(hub, 2)
    assert len(await table(hub)) == 2


async def test_what_was_missed_stands_there_with_its_reason(hub: Running, node: FakeNode) -> None:
    missed = {"state": "missed", "seconds": 0, "started_us": None, "start_error_ms": None, "approved_by": None}
    late = airing(code="bulletin.missed_late", params={"at": AT.isoformat()}, reason="was off", **missed)
    foreign = airing(AT + timedelta(days=1), code="engine.on_fire", reason="The engine burns.", **missed)
    unfilled = airing(AT + timedelta(days=2), code="bulletin.missed_late", reason="It was off.", **missed)
    await node.send(told(1, late), told(2, foreign, "missed"), told(3, unfilled))
    await kept(hub, 3)
    text = await log(hub)
    assert "Không phát được: nút không hoạt động lúc 05:30:00 11/11." in text
    assert "The engine burns." in text
    assert "It was off." in text
    assert "gửi: bảng điều khiển" in text
    assert "duyệt" not in text
    assert "Đã phát đủ</dt><dd>0/3 (0 %)" in text


async def test_many_misses_told_in_one_event_all_count(hub: Running, node: FakeNode) -> None:
    first, last = AT - timedelta(days=3), AT
    data = {"state": "missed", "title": TEXT, "code": "bulletin.missed_clock", "count": 72}
    data |= {"first": first.isoformat(), "at": last.isoformat()}
    several = Event(seq=2, at=AT + timedelta(hours=1), type="bulletin", about="bulletin/b-1", data=data)
    wrong = [
        several.model_copy(update={"seq": seq, "data": {**data, **odd}})
        for seq, odd in enumerate(({"count": "x"}, {"count": 10**9}, {"first": None}, {"title": 3}), 3)
    ]
    planned = Event(seq=7, at=AT, type="bulletin", about="bulletin/b-1", data={"state": "missed", "title": TEXT})
    await node.send(told(1, airing()), several, *wrong, planned)
    await kept(hub, 7)
    text = await log(hub)
    assert "Đã phát đủ</dt><dd>1/73 (1 %)" in text
    assert "Bị lỡ</dt><dd>72" in text
    assert "Không phát được: đồng hồ chưa tin được." in text
    assert "tất cả 72 lần, từ 05:30 08/11/2026" in text
    found = await table(hub)
    assert [(row["state"], row["instances"]) for row in found] == [("aired", "1"), ("missed", "72")]


async def test_what_the_microphone_said_later_or_earlier_is_joined(hub: Running, node: FakeNode) -> None:
    days = [AT + timedelta(days=day) for day in range(4)]
    await node.send(heard(1, started_us=us(days[0]) + 400, heard_score=9.5), told(2, airing(days[0])))
    await node.send(told(3, airing(days[1])), heard(4, started_us=us(days[1]) + 400, heard=False))
    await node.send(told(5, airing(days[2])), heard(6))  # of the last one
    await node.send(told(7, airing(days[3])), heard(8, id="b-none"))
    await node.send(heard(9, id="b-2"), told(10, airing(days[3], id="b-2")))  # before it, and without its start
    await kept(hub, 10)
    found = await table(hub)
    assert [row["heard"] for row in found] == ["yes", "no", "yes", "", "yes"]
    assert found[0]["heard_score"] == "9.5"
    assert "Micrô nghe thấy</dt><dd>3/4 (75 %)" in await log(hub)


ODD: list[dict[str, Any]] = [
    {},
    {"id": 7},
    {"id": "x", "speaker": "loa"},
    {"planned_us": 2**70, "started_us": -(2**70)},
    {"planned_us": 0, "started_us": 2**62},
    {"planned": "0001-01-01T00:00:00+00:00"},
    {"planned": "9999-12-31T23:59:59+00:00"},
    {"seconds": 1e400},
    {"title": "x" * 50_000},
]


async def test_airings_that_make_no_sense_harm_nothing(hub: Running, node: FakeNode) -> None:
    plain = airing().model_dump(mode="json", by_alias=True, exclude_none=True)
    events = [
        Event(seq=seq, at=AT, type="aired", data={**plain, **odd} if len(odd) == 1 and seq > 3 else {**odd})
        for seq, odd in enumerate(ODD, 1)
    ]
    events.append(Event(seq=len(ODD) + 1, at=AT, type="heard", data={"id": "b-1", "heard": "perhaps?"}))
    events.append(told(len(ODD) + 2, airing()))
    await node.send(*events)
    await kept(hub, len(events))
    assert TEXT in await log(hub)
    assert (await hub.http.get("/aired.csv", params={"month": "2026-11"})).status_code == 200


async def test_rows_can_be_chosen_by_node_class_and_result(hub: Running, node: FakeNode, broker: Mosquitto) -> None:
    async with FakeNode(broker.port, node.verifier, node="cong-lang", title="Cổng làng") as other:
        await node.send(
            told(1, airing(heard=False)),
            told(2, airing(**{"class": "emergency", "title": "Lũ về"})),
            told(3, airing(AT - timedelta(days=30))),
            told(4, airing(datetime(2026, 11, 30, 17, 0, tzinfo=UTC))),  # the first of December in Viet Nam
        )
        await other.send(told(1, airing(state="missed", started_us=None)))
        await kept(hub, 4)
        await until(lambda: "29401/cong-lang" in hub.hub.ledger.accounts)

        async def numbers(**chosen: str) -> list[tuple[str, str]]:
            return [(row["node"], row["state"]) for row in await table(hub, **chosen)]

        here, there = ("tram-bom", "aired"), ("cong-lang", "missed")
        assert sorted(await numbers()) == sorted([here, here, there])
        assert await numbers(where="29401/cong-lang") == [there]
        assert len(await numbers(where="29401")) == 3
        assert await numbers(where="2940") == []
        assert await numbers(show="missed") == [there]
        assert await numbers(show="unheard") == [here]
        assert await numbers(**{"class": "emergency"}) == [here]
        assert len(await numbers(month="2026-10")) == 1
        assert len(await numbers(month="2026-12")) == 1
        text = await log(hub, where=ADDRESS, show="unheard")
        assert "Lũ về" not in text
        assert "Đã phát đủ</dt><dd>2/2 (100 %)" in text  # the sums are of the node, whatever result is looked at


@pytest.mark.parametrize(
    "asked",
    [{"month": "2026-13"}, {"month": "x"}, {"where": "A/../b"}, {"show": "x"}, {"class": "x"}, {"month": "2026-1"}],
)
async def test_addresses_that_make_no_sense_are_refused(hub: Running, asked: dict[str, str]) -> None:
    for kind in ("", ".csv", ".pdf"):
        answer = await hub.http.get(f"/aired{kind}", params={"month": "2026-11", **asked})
        assert answer.status_code == 400, kind
        assert "phải viết như 2026-11" in answer.text or "không đúng" in answer.text


async def test_a_long_month_has_pages(hub: Running, node: FakeNode) -> None:
    many = [told(seq, airing(AT + timedelta(minutes=seq), title=f"Tin số {seq}")) for seq in range(1, 121)]
    await node.send(*many)
    await kept(hub, 120)
    first, last = await log(hub), await log(hub, page="3")
    assert "Tin số 120" in first and "Tin số 71<" in first and "Tin số 70<" not in first
    assert "Tin số 1<" in last and "Trang 3/3" in last
    assert "Trang 3/3" in await log(hub, page="99999")
    assert "Trang 1/3" in await log(hub, page="-1")


async def test_csv_opens_in_a_spreadsheet_and_runs_no_formula(hub: Running, node: FakeNode) -> None:
    evil = '=HYPERLINK("http://evil.example")'
    await node.send(told(1, airing(title=evil, approved_by="@x", heard=True, sha256=("a" * 64, "b" * 64))))
    await kept(hub, 1)
    raw = (await hub.http.get("/aired.csv", params={"month": "2026-11"})).content
    assert raw.startswith(BOM.encode())
    assert raw.count(b"\r\n") == 2
    assert raw.decode("utf-8-sig").splitlines()[0] == ",".join(COLUMNS)
    (row,) = await table(hub)
    assert row["title"] == f"'{evil}"
    assert row["approved_by"] == "'@x"
    assert (row["date"], row["time"]) == ("2026-11-11", "05:30:00")
    assert row["started"] == "2026-11-10T22:30:00.000400+00:00"
    assert (row["node_name"], row["heard"], row["volume_percent"]) == ("Trạm bơm Đông", "yes", "80.0")
    assert row["sha256"] == f"{'a' * 64} {'b' * 64}"


async def test_pdf_has_vietnamese_letters_page_numbers_and_places_to_sign(hub: Running, node: FakeNode) -> None:
    long = "Tin dài " * 40 + "W" * 300
    await node.send(*(told(seq, airing(AT + timedelta(minutes=seq))) for seq in range(1, 61)))
    await node.send(told(61, airing(AT + timedelta(hours=3), title=long, heard=False)))
    await kept(hub, 61)
    answer = await hub.http.get("/aired.pdf", params={"month": "2026-11"})
    assert answer.headers["content-type"] == "application/pdf"
    pages = PdfReader(io.BytesIO(answer.content)).pages
    assert {(round(page.mediabox.width), round(page.mediabox.height)) for page in pages} == {(842, 595)}
    texts = [" ".join(page.extract_text().split()) for page in pages]
    whole = " ".join(texts)
    for words in ("XÃ TÂN HỘI", "NHẬT KÝ PHÁT SÓNG TRUYỀN THANH THÁNG 11/2026", TEXT, "Nguyễn Thị Ánh", "NGƯỜI DUYỆT"):
        assert words in whole, words
    assert [f"Trang {n}/{len(pages)}" in text for n, text in enumerate(texts, 1)] == [True] * len(pages)
    assert len(pages) > 1
    assert "NGƯỜI LẬP" in texts[-1]
    english = await hub.http.get("/aired.pdf", params={"month": "2026-11", "lang": "en"})
    assert "AS-AIRED LOG" in PdfReader(io.BytesIO(english.content)).pages[0].extract_text()


async def test_pdf_of_a_month_in_which_nothing_was_aired(
    hub: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere" / "hub").mkdir(parents=True)  # of the folder one starts in, nothing is imported
    (tmp_path / "elsewhere" / "hub" / "__init__.py").touch()
    monkeypatch.chdir(tmp_path / "elsewhere")
    answer = await hub.http.get("/aired.pdf", params={"month": "2026-02"})
    (page,) = PdfReader(io.BytesIO(answer.content)).pages
    assert "Không có lần phát nào" in page.extract_text()


def test_no_child_imports_from_the_folder_that_a_program_was_started_in() -> None:
    root = Path(hub_package.__file__).parent.parent
    sources = [path for part in ("hub", "tts", "edge_agent", "camera") for path in (root / part).rglob("*.py")]
    sources.remove(root / "tts" / "engines" / "piper.py")  # perhaps an older Python; it is started in an empty folder
    unsafe = re.compile(r"(sys\.executable|\bpython),\s+(\"-m\"|\*argv)")
    assert len(sources) > 500
    assert [path for path in sources if "node_modules" not in path.parts and unsafe.search(path.read_text())] == []


async def test_too_many_rows_for_paper_are_refused_in_words(hub: Running, node: FakeNode, tmp_path: Path) -> None:
    body = airing().model_dump_json(by_alias=True, exclude_none=True)

    same = {"address": ADDRESS, "epoch": 1, "item": "x", "class": "ordinary", "state": "aired", "seconds": 1}

    def flood(connection: Connection) -> None:
        many = [{**same, "seq": seq, "at": us(AT) + seq, "body": body} for seq in range(10_001)]
        connection.execute(rows.airings.insert(), many)

    await hub.hub.store.call(flood)
    answer = await hub.http.get("/aired.pdf", params={"month": "2026-11"})
    assert answer.status_code == 413
    assert "không in được" in answer.text
    assert len(await table(hub)) == 10_001


def command(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "hub", "aired", str(folder / "hub.yaml"), *arguments], capture_output=True, check=False
    )


async def test_command_line_writes_the_same_log_beside_a_running_hub(
    broker: Mosquitto, tmp_path: Path, database: Any
) -> None:
    (tmp_path / "hub.yaml").write_text(json.dumps({"name": "Xã Tân Hội", **database}))
    async with serving(config_for(tmp_path, broker.port, **database)) as hub:
        signer = hub.hub.signer
        async with FakeNode(broker.port, Verifier({signer.key_id: signer.public})) as node:
            await node.send(told(1, airing()), told(2, airing(state="missed", started_us=None, seconds=0)))
            await kept(hub, 2)
            listed = json.loads(command(tmp_path, "--month", "2026-11", "--json").stdout)
            assert [row["state"] for row in listed] == ["aired", "missed"]
            assert set(listed[0]) == set(COLUMNS)
            plain = command(tmp_path, "--month", "2026-11").stdout.decode()
            assert f"Trạm bơm Đông · {TEXT} · Đã phát · 3:05" in plain
            out = tmp_path / "log.csv"
            assert command(tmp_path, "--month", "2026-11", "--csv", "--out", str(out)).returncode == 0
            assert out.read_bytes() == (await hub.http.get("/aired.csv", params={"month": "2026-11"})).content
            paper = command(tmp_path, "--month", "2026-11", "--pdf").stdout
            assert TEXT in PdfReader(io.BytesIO(paper)).pages[0].extract_text()
            named = command(tmp_path, "--month", "2026-11", "--node", ADDRESS, "--json")
            assert len(json.loads(named.stdout)) == 2
            unknown = command(tmp_path, "--month", "2026-11", "--node", "29401/x")
            assert unknown.returncode == 2 and f"Có: {ADDRESS}" in unknown.stderr.decode()
    wrong = command(tmp_path, "--month", "11/2026")
    assert (wrong.returncode, "phải viết như 2026-11" in wrong.stderr.decode()) == (2, True)


async def test_log_keeps_the_newest_and_the_names_of_nodes_that_are_gone(
    broker: Mosquitto, tmp_path: Path, database: Any
) -> None:
    config = config_for(tmp_path, broker.port, **database, limits={"airings": 1000})
    async with serving(config) as hub:
        signer = hub.hub.signer
        async with FakeNode(broker.port, Verifier({signer.key_id: signer.public})) as node:
            await node.send(told(1, airing(AT - timedelta(days=9), title="Tin cũ nhất")))
            for seq in range(2, 1537):
                node.records[seq] = told(seq, airing(AT + timedelta(seconds=seq)))
            from edge_agent.contract.records import EventBatch

            for low in range(2, 1537, 50):
                batch = EventBatch(
                    node=node.node, session="s", records=tuple(node.records[s] for s in range(low, min(low + 50, 1537)))
                )
                await node.say(node.topics.event, batch.body(), retain=False)
            await kept(hub, 1536)
            for channel in (node.topics.status, node.topics.about):
                await node.say(channel, b"")
        found = await table(hub)
        assert 1000 <= len(found) <= 1000 + keeping._TRIM_EVERY
        assert "Tin cũ nhất" not in {row["title"] for row in found}
        assert {row["node_name"] for row in found} == {"Trạm bơm Đông"}


def test_words_of_lengths_and_shares() -> None:
    assert [length(s) for s in (0, 59.6, 185, 3723, -1, float("inf"), 1e12)] == [
        "0:00",
        "1:00",
        "3:05",
        "1:02:03",
        "0:00",
        "0:00",
        "0:00",
    ]
    assert share(199, 200) == "199/200 (99 %)"
    assert share(0, 0) == "–"


def test_months_beside_each_other() -> None:
    assert [month.beside("2026-01", -1), month.beside("2026-12", 1)] == ["2025-12", "2027-01"]


async def test_rows_stand_in_the_order_in_which_they_began(hub: Running, node: FakeNode) -> None:
    late = airing(AT, id="b-late", title="Bắt đầu sau", started_us=us(AT + timedelta(minutes=3)))
    early = airing(AT + timedelta(minutes=1), id="b-early", title="Bắt đầu trước")
    await node.send(told(1, late), told(2, early))
    await kept(hub, 2)
    text = await log(hub)
    assert text.index("Bắt đầu sau") < text.index("Bắt đầu trước")  # the page has the newest first
