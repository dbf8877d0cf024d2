"""What is on air, what waits, emergencies, clashes, readiness, the calendar: over real HTTP and a real broker."""

import asyncio
import html
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hub_rig import FakeNode, Mosquitto, Running, event, now, signed_in, until

from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import BulletinState, SpeakerState
from hub import lunar
from hub.language import translator
from hub.people.rights import Grant, Place, Role
from hub.people.sessions import COOKIE

ADDRESS = "29401/tram-bom"
PATH = f"/nodes/{ADDRESS}"
HX = {"HX-Request": "true"}
VN = ZoneInfo("Asia/Ho_Chi_Minh")
EVIL = "<script>alert(1)</script>\"'><img src=x>"


def plain(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


async def page(hub: Running, path: str = PATH) -> str:
    return plain((await hub.http.get(path)).text)


async def shows(hub: Running, *words: str, path: str = PATH) -> str:
    """The page once it has these words."""
    async with asyncio.timeout(8):
        while True:
            text = await page(hub, path)
            if all(word in text for word in words):
                return text
            await asyncio.sleep(0.05)


def ahead(days: int, hour: int, minute: int = 0) -> datetime:
    """A local time of day, so many days from today."""
    there = datetime.now(VN) + timedelta(days=days)
    return there.replace(hour=hour, minute=minute, second=0, microsecond=0).astimezone(UTC)


def emergency(id_: str = "b-lu", title: str = "Lũ về", queue: tuple[str, ...] = ()) -> SpeakerState:
    raw = {"id": "loa", "at": now(), "actual": "playing", "playing": id_, "title": title, "class": "emergency"}
    return SpeakerState.model_validate({**raw, "emergencies": (id_,), "queue": queue})


async def test_what_is_on_air_is_shown_with_its_class_since_when_and_what_waits(hub: Running, node: FakeNode) -> None:
    since = now().replace(microsecond=0) - timedelta(seconds=30)
    await node.state(BulletinState(id="b-2", at=now(), actual="ready", title="Tiêm phòng", next=ahead(1, 17)))
    await node.state(
        SpeakerState(
            id="loa",
            at=now(),
            actual="playing",
            playing="b-1",
            title="Bản tin sáng",
            since=since,
            ends=since + timedelta(seconds=90),
            queue=("b-2", "0199-unknown"),
            amplifier=True,
            noise_db=-41.26,
            volume=80,
            **{"class": "priority"},
        )
    )
    text = await shows(hub, "Đang phát: Bản tin sáng")
    for words in ("Ưu tiên", f"Phát từ {since.astimezone(VN):%H:%M}", "Chờ đến lượt (2) Tiêm phòng Câu đọc ngay"):
        assert words in text, words
    assert "Âm-ly đang bật · Âm lượng 80 % · Xung quanh ồn vừa" in text
    raw = (await hub.http.get("/nodes/29401/tram-bom")).text
    stamps = [round(instant.timestamp() * 1000) for instant in (since, since + timedelta(seconds=90))]
    assert re.search(r'data-since="(\d+)" data-ends="(\d+)"', raw).groups() == tuple(map(str, stamps))  # type: ignore[union-attr]


async def test_states_of_older_nodes_are_shown(hub: Running, node: FakeNode) -> None:
    old = b'{"id":"loa","kind":"speaker","at":"2026-11-22T10:00:00Z","actual":"playing","title":"C\xc5\xa9"}'
    await node.say(node.topics.state("speaker", "loa"), old)
    coming = ahead(2, 5, 30)
    bulletin = old.replace(b'"loa","kind":"speaker"', b'"b-1","kind":"bulletin"').replace(b"playing", b"ready")
    bulletin = bulletin[:-1] + f',"next":"{coming.isoformat()}"}}'.encode()
    await node.say(node.topics.state("bulletin", "b-1"), bulletin.replace(b"C\xc5\xa9", "Tin cũ".encode()))
    text = await shows(hub, "Đang phát: Cũ", "Tin cũ")
    assert "Phát từ" in text
    assert "micrô" not in text.lower()
    assert "05:30 Tin cũ Sẵn sàng" in text  # in the calendar, by its next instant


async def test_speaker_that_was_not_heard_is_trouble(hub: Running, node: FakeNode) -> None:
    await node.state(SpeakerState(id="loa", at=now(), actual="idle", heard=False))
    await shows(hub, "Micrô không nghe thấy lần phát cuối: kiểm tra loa")
    await node.state(SpeakerState(id="loa", at=now(), actual="idle", heard=True))
    await shows(hub, "Micrô nghe thấy lần phát cuối ·")


async def test_readiness_of_each_coming_bulletin_is_told(hub: Running, node: FakeNode) -> None:
    at = ahead(1, 17)
    fault = Fault.of("speech.no_engine", detail="espeak-ng")
    base: dict[str, Any] = {"at": now(), "next": at}
    for state in (
        BulletinState(id="b-1", actual="ready", title="Một", prepared=5, needed=5, **base),
        BulletinState(id="b-2", actual="preparing", title="Hai", prepared=2, needed=5, **base),
        BulletinState(id="b-3", actual="preparing", title="Ba", prepared=0, needed=1, fault=fault, **base),
        BulletinState(id="b-4", actual="partly", title="Bốn", at=now(), last=now(), heard=False),
        BulletinState(id="b-5", actual="aired", title="Năm", at=now(), last=now(), heard=True, next=at),
    ):
        await node.state(state)
    text = await shows(hub, "Năm")
    when = f"phát lúc 17:00 ngày {at.astimezone(VN):%d/%m}"
    for words in (
        f"Một Sẵn sàng, {when}",
        f"Hai Đang chuẩn bị 2/5, {when}",
        f"Ba Chưa sẵn sàng: Không giọng đọc nào hoạt động: espeak-ng. · {when}",
        "· micrô không nghe thấy",
        "· micrô nghe thấy · lần tới 17:00",
    ):
        assert words in text, words


async def test_emergency_stands_on_top_and_is_acknowledged_on_one_node(hub: Running, node: FakeNode) -> None:
    await node.state(emergency())
    text = await shows(hub, "Tin khẩn cấp đang phát Lũ về Ở 1 cụm loa: Trạm bơm Đông")
    assert "KHẨN CẤP, phát lại đến khi có người bấm Lũ về" in text
    answer = await hub.http.post(f"{PATH}/emergencies/b-lu/acknowledge", headers=HX)
    assert "Đã xác nhận: tin khẩn cấp sẽ dừng khi đọc hết câu" in html.unescape(answer.text)
    args: Any = node.commands[-1].args
    assert (args.do, args.emergency) == ("emergency.acknowledge", "b-lu")
    await node.state(SpeakerState(id="loa", at=now(), actual="idle"))
    async with asyncio.timeout(8):
        while "Tin khẩn cấp đang phát" in await page(hub):
            await asyncio.sleep(0.05)


async def test_emergency_is_acknowledged_on_all_nodes_at_once(hub: Running, node: FakeNode, broker: Mosquitto) -> None:
    async with FakeNode(broker.port, node.verifier, node="cong-lang", title="Cổng làng") as other:
        for each in (node, other):
            await each.state(emergency())
        await shows(hub, "Ở 2 cụm loa: Cổng làng")
        answer = await hub.http.post("/emergencies/b-lu/acknowledge", headers=HX)
        assert "Đã xác nhận" in html.unescape(answer.text)
        assert [n.commands[-1].do for n in (node, other)] == ["emergency.acknowledge"] * 2

        async def refuse(n: FakeNode, asked: Any) -> None:
            await n.ack(asked, "rejected", fault=Fault.of("command.busy"))

        other.replies["emergency.acknowledge"] = refuse
        answer = await hub.http.post("/emergencies/b-lu/acknowledge", headers=HX)
        assert "Đã xác nhận ở 1/2 cụm loa. Chưa được: Cổng làng." in html.unescape(answer.text)
    over = await hub.http.post("/emergencies/b-none/acknowledge", headers=HX)
    assert "không còn phát lại" in html.unescape(over.text)
    foreign = await hub.http.post("/emergencies/b-lu/acknowledge", headers={"Origin": "http://evil.example"})
    assert foreign.status_code == 403


async def test_staff_of_a_commune_say_for_all_of_it_at_once_that_it_was_heard(
    hub: Running, node: FakeNode, broker: Mosquitto
) -> None:
    staff = await signed_in(hub.hub, "can-bo", Grant(Role.STAFF, Place("29401")))
    as_staff = {**HX, "Cookie": f"{COOKIE}={staff}"}
    same = FakeNode(broker.port, node.verifier, node="cong-lang", title="Cổng làng")
    foreign = FakeNode(broker.port, node.verifier, node="xa-ben", commune="30001", title="Xã bên")
    async with same, foreign:
        for each in (node, same, foreign):
            await each.state(emergency())
        await shows(hub, "Ở 3 cụm loa:", "Đã nghe (3 cụm loa)", path="/")
        seen = plain((await hub.http.get("/", headers=as_staff)).text)
        assert "Ở 2 cụm loa:" in seen and "Đã nghe (2 cụm loa)" in seen and "Xã bên" not in seen
        answer = await hub.http.post("/emergencies/b-lu/acknowledge", headers=as_staff)
        assert "Đã xác nhận: tin khẩn cấp sẽ dừng" in html.unescape(answer.text)
        assert [[c.do for c in n.commands] for n in (node, same, foreign)] == [["emergency.acknowledge"]] * 2 + [[]]
        viewer = await signed_in(hub.hub, "xem", Grant(Role.VIEWER, Place("29401")))
        as_viewer = {**HX, "Cookie": f"{COOKIE}={viewer}"}
        assert "Đã nghe" not in plain((await hub.http.get("/", headers=as_viewer)).text)
        assert (await hub.http.post("/emergencies/b-lu/acknowledge", headers=as_viewer)).status_code == 403


async def test_emergency_that_is_silent_for_a_moment_keeps_its_words(hub: Running, node: FakeNode) -> None:
    id_ = "01990000-0000-7000-8000-000000000001"
    told = {"id": id_, "state": "sounding", "by": "console", "text": "Vỡ đê, mời bà con lên nhà văn hoá"}
    await node.send(event(1, "emergency", f"emergency/{id_}", **told))
    await node.state(SpeakerState(id="loa", at=now(), actual="idle", emergencies=(id_,)))
    await shows(hub, "Tin khẩn cấp đang phát Vỡ đê, mời bà con lên nhà văn hoá", "Tin khẩn cấp bắt đầu phát · Vỡ đê")


def clash(seq: int = 1, **more: Any) -> Any:
    data = {"speaker": "loa", "items": ["b-1", "b-2"], "titles": ["Một", "Hai"], "at": ahead(1, 17).isoformat()}
    return event(seq, "clash", "speaker/loa", **{**data, **more})


async def clashing(node: FakeNode) -> None:
    for id_, title in (("b-1", "Một"), ("b-2", "Hai")):
        state = BulletinState(id=id_, at=now(), actual="ready", title=title, next=ahead(1, 17), **{"class": "priority"})
        await node.state(state)


async def test_a_person_chooses_what_goes_first(hub: Running, node: FakeNode) -> None:
    await clashing(node)
    await node.send(clash())
    await shows(hub, "Chọn bản tin phát trước: Một", "trùng giờ 17:00")
    answer = await hub.http.post(f"{PATH}/order", data={"seq": "1", "order": "b-2 b-1"}, headers=HX)
    assert "Đã chọn: “Hai” phát trước." in html.unescape(answer.text)
    assert node.commands[-1].args.bulletins == ("b-2", "b-1")  # type: ignore[union-attr]
    assert "Chọn bản tin phát trước" not in await page(hub)
    for order in ("", "b-1", "b-1 UPPER", "b " * 30):
        answer = await hub.http.post(f"{PATH}/order", data={"seq": "1", "order": order}, headers=HX)
        assert "Yêu cầu không đúng" in html.unescape(answer.text), order


async def test_a_refused_choice_can_be_made_again(hub: Running, node: FakeNode) -> None:
    await clashing(node)
    await node.send(clash())
    await shows(hub, "Chọn bản tin phát trước")

    async def refuse(n: FakeNode, asked: Any) -> None:
        await n.ack(asked, "rejected", fault=Fault.of("command.busy"))

    node.replies["bulletin.order"] = refuse
    answer = await hub.http.post(f"{PATH}/order", data={"seq": "1", "order": "b-2 b-1"}, headers=HX)
    assert "Nút từ chối" in html.unescape(answer.text)
    assert "Chọn bản tin phát trước" in await page(hub)


async def test_clashes_that_are_over_are_not_asked_about(hub: Running, node: FakeNode) -> None:
    await clashing(node)
    await node.send(
        clash(1, at=(now() - timedelta(hours=2)).isoformat()),
        clash(2, items=["b-1", "b-gone"], titles=["Một", "Mất"]),
        event(3, "clash", None, items="nonsense"),
        event(4, "started"),
    )
    await shows(hub, "Nút khởi động")
    assert "Chọn bản tin phát trước" not in await page(hub)


async def test_volume_is_set(hub: Running, node: FakeNode) -> None:
    answer = await hub.http.post(f"{PATH}/speakers/loa/volume", data={"volume": "70"}, headers=HX)
    assert "Đã đặt âm lượng 70 %" in html.unescape(answer.text)
    args: Any = node.commands[-1].args
    assert (args.speaker, args.volume) == ("loa", 70)
    for wrong in ("", "loud", "101", "-1", "nan"):
        answer = await hub.http.post(f"{PATH}/speakers/loa/volume", data={"volume": wrong}, headers=HX)
        assert "Yêu cầu không đúng" in html.unescape(answer.text)


async def test_new_events_are_told_and_unknown_ones_do_not_break_the_page(hub: Running, node: FakeNode) -> None:
    airing = {"id": "b-1", "speaker": "loa", "title": "Một", "class": "ordinary", "authority": "commune"}
    why = {"code": "bulletin.missed_late", "params": {"at": "2020-01-01T22:30:00+00:00"}}
    await node.state(BulletinState(id="b-1", at=now(), actual="aired", title="Một"))
    await node.send(
        event(1, "aired", "speaker/loa", state="aired", by="console", **airing),
        event(2, "aired", "speaker/loa", state="missed", **airing, **why),
        event(3, "heard", "speaker/loa", id="b-1", heard=False),
        event(4, "from-the-future", "thing/x", state={"a": 1}),
        event(5, "clash", "speaker/loa", titles=["Một", "Hai"]),
    )
    text = await shows(hub, "Bản tin ưu tiên trùng giờ · Một / Hai")
    for words in (
        "Đã phát: Một · từ bảng điều khiển",
        "Bị lỡ: Một · Không phát được: nút không hoạt động lúc 05:30 ngày 02/01/2020",
        "Micrô không nghe thấy: Một",
        "Việc khác (from-the-future) · x",
    ):
        assert words in text, words


async def test_calendar_joins_nodes_and_shows_lunar_days(hub: Running, node: FakeNode, broker: Mosquitto) -> None:
    instants = tuple(ahead(day, 5, 30) for day in range(1, 9))
    state = BulletinState(id="b-1", at=now(), actual="ready", title="Bản tin sáng", next=instants[0], coming=instants)
    own = BulletinState(id="b-2", at=now(), actual="preparing", title="Riêng", next=ahead(3, 6), coming=(ahead(3, 6),))
    async with FakeNode(broker.port, node.verifier, node="cong-lang", title="Cổng làng") as other:
        for each in (node, other):
            await each.state(state)
        await other.state(own)
        text = await shows(hub, "Riêng", "Cổng làng, Trạm bơm Đông", path="/calendar")
        assert text.count("05:30 Bản tin sáng Cổng làng, Trạm bơm Đông Sẵn sàng") == 6  # today and the six days after
        day = (datetime.now(VN) + timedelta(days=3)).date()
        assert f"{day:%d/%m} {lunar.words(day, translator('vi'))} 05:30 Bản tin sáng" in text
        assert text.index("Bản tin sáng") < text.index("06:00 Riêng Cổng làng Đang chuẩn bị")
        mine = await page(hub, f"/calendar?where={ADDRESS}")
        assert "Riêng" not in mine
        assert mine.count("05:30 Bản tin sáng Sẵn sàng") == 6
        assert "Riêng" in await page(hub, "/calendar?where=29401/nobody")
        assert "Next" not in mine
        assert "On air in the next 7 days" in await page(hub, "/calendar?lang=en")
        assert "On air in the next 7 days" in await page(hub, "/calendar")  # it is remembered


async def test_the_worst_readiness_of_all_nodes_is_shown(hub: Running, node: FakeNode, broker: Mosquitto) -> None:
    base: dict[str, Any] = {"id": "b-1", "at": now(), "title": "Chung", "next": ahead(1, 6), "coming": (ahead(1, 6),)}
    async with FakeNode(broker.port, node.verifier, node="cong-lang", title="Cổng làng") as other:
        await node.state(BulletinState(actual="ready", **base))
        fault = Fault.of("speech.no_engine", detail="x")
        await other.state(BulletinState(actual="preparing", fault=fault, **base))
        await shows(hub, "Chung Cổng làng, Trạm bơm Đông Chưa sẵn sàng: Không giọng đọc nào", path="/calendar")


async def test_what_nodes_and_people_write_is_text_never_html(hub: Running, node: FakeNode) -> None:
    airing = {"id": EVIL, "speaker": EVIL, "title": EVIL, "class": "ordinary", "authority": EVIL, "state": "aired"}
    airing |= {"by": EVIL, "approved_by": EVIL, "reason": EVIL, "started_us": round(now().timestamp() * 1e6)}
    node.title = EVIL
    await node.say(node.topics.about, node.about().body())
    await node.state(emergency(EVIL, title=EVIL, queue=(EVIL,)))
    await clashing(node)
    await node.state(
        BulletinState(id="b-3", at=now(), actual="ready", title=EVIL, next=ahead(1, 5), coming=(ahead(1, 5),))
    )
    await node.send(clash(1, titles=[EVIL, EVIL]), event(2, "aired", None, **airing), event(3, EVIL, EVIL))
    await until(lambda: hub.hub.ledger.accounts.get(ADDRESS) and hub.hub.ledger.accounts[ADDRESS].progress.through == 3)
    for path in ("/", "/nodes", PATH, "/calendar", "/aired", "/aired?lang=en", f"{PATH}/live"):
        if path.endswith("/live"):
            async with asyncio.timeout(5), hub.http.stream("GET", path) as stream:
                raw = ""
                async for chunk in stream.aiter_text():
                    raw += chunk
                    if "alert(1)" in raw and "_health" in raw:
                        break
        else:
            raw = (await hub.http.get(path)).text
        assert "alert(1)" in raw, path
        assert "<script>alert" not in raw, path
        assert "<img src=x" not in raw, path


@pytest.mark.parametrize(
    ("day", "vi", "en"),
    [
        (date(2026, 2, 17), "mùng 1 tháng Giêng", "day 1, lunar month 1"),
        (date(2007, 2, 17), "mùng 1 tháng Giêng", "day 1, lunar month 1"),  # the Chinese one is a day later
        (date(2026, 11, 23), "rằm tháng Mười âm", "full moon, lunar month 10"),
        (date(2027, 1, 30), "23 tháng Chạp", "day 23, lunar month 12"),
        (date(2025, 7, 25), "mùng 1 tháng Sáu âm nhuận", "day 1, leap lunar month 6"),
        (date(1900, 1, 1), "", ""),
        (date(2300, 1, 1), "", ""),
    ],
)
def test_lunar_days_in_words(day: date, vi: str, en: str) -> None:
    assert (lunar.words(day, translator("vi")), lunar.words(day, translator("en"))) == (vi, en)
