"""Looking back over HTTP: what is asked of the node and how often, what the hub knows by itself, refusals, restarts."""

import asyncio
import contextlib
import hashlib
import html
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hub_rig import FakeNode, Mosquitto, Running, config_for, serving, until
from lookback_rig import BASE, Recording, a_day, day, film, moved, picture, piece, put, told

from edge_agent.contract.errors import Fault
from edge_agent.contract.records import Event
from edge_agent.contract.signature import Verifier
from edge_agent.contract.watching import Recorded

YESTERDAY = f"{day(12):%Y-%m-%d}"
ADDRESS = "29401/tram-bom"
ON_BOTH_DATABASES = "long"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def recording(node: FakeNode) -> Recording:
    return a_day().on(node)


def asked(node: FakeNode, do: str) -> list[Any]:
    return [command.args for command in node.commands if command.do == do]


async def words(hub: Running, path: str, **query: str) -> str:
    answer = await hub.http.get(f"{BASE}/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return " ".join(html.unescape(answer.text).split())


async def listed(hub: Running, **query: str) -> dict[str, Any]:
    answer = await hub.http.get(f"{BASE}/recordings.json", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def kept(hub: Running, through: int) -> None:
    def there() -> bool:
        account = hub.hub.ledger.accounts.get(ADDRESS)
        return account is not None and account.progress.through >= through

    await until(there)


async def ask_clip(hub: Running, begin: datetime, end: datetime) -> str:
    form = {"begin": begin.isoformat(), "end": end.isoformat()}
    answer = await hub.http.post(f"{BASE}/clips", data=form, headers=HTMX)
    assert answer.status_code == 200
    return " ".join(html.unescape(answer.text).split())


async def test_day_is_asked_in_the_time_of_the_node_and_once_for_all_who_look(
    hub: Running, node: FakeNode, recording: Recording
) -> None:
    pages = await asyncio.gather(*(words(hub, "lookback", day=YESTERDAY) for _ in range(5)))
    assert len(asked(node, "camera.recordings")) == 1
    args = asked(node, "camera.recordings")[0]
    assert (args.begin, args.end) == (day(0), day(24))
    for text in (
        "Đã ghi 22 giờ 30 phút · 8 lần có chuyển động",
        "19:44:07",
        "người · 3 phút 46 giây",
        "Cổng thôn, Sân",
    ):
        assert text in pages[0], text
    assert pages[0].index("19:44:07") < pages[0].index("05:12:00")
    assert 'class="video" x="430.0" y="30" width="830.0"' in pages[0]


async def test_same_as_json(hub: Running, node: FakeNode, recording: Recording) -> None:
    found = await listed(hub, day=YESTERDAY)
    assert (found["node"], found["camera"], found["source"], found["online"]) == (ADDRESS, "cong", "node", True)
    assert found["timezone"] == "Asia/Ho_Chi_Minh"
    assert [m["id"] for m in found["moved"]] == [f"e-{n}" for n in range(8)]
    assert len(found["recorded"]) == 3
    part = await listed(hub, begin=day(7).isoformat(), end=day(9).isoformat())
    assert [m["id"] for m in part["moved"]] == ["e-1", "e-2"]


@pytest.mark.parametrize(
    "query",
    [
        {"day": "2026-13-01"},
        {"day": "hôm qua"},
        {"day": "1999-01-01"},
        {"day": "20261122"},
        {"day": "2090-01-01"},
        {"begin": "rac", "end": "rac"},
        {"begin": "2026-11-01T00:00Z"},
        {"begin": "2026-11-01T00:00Z", "end": "x"},
        {"begin": "2026-11-01T00:00Z", "end": "2026-11-09T00:00Z"},
        {"begin": "2026-11-02T00:00Z", "end": "2026-11-01T00:00Z"},
        {"begin": "0001-01-01T00:00+14:00", "end": "0001-01-02T00:00+14:00"},
        {"begin": "9999-12-31T00:00-12:00", "end": "9999-12-31T23:00-12:00"},
    ],
)
async def test_wrong_times_are_refused_and_not_asked(hub: Running, node: FakeNode, query: dict[str, str]) -> None:
    answer = await hub.http.get(f"{BASE}/recordings.json", params=query)
    assert (answer.status_code, answer.json()["code"]) == (400, "camera.lookback_bad_time")
    assert asked(node, "camera.recordings") == []


async def test_clip_longer_than_an_hour_is_refused_in_words_and_may_be_kept(
    hub: Running, node: FakeNode, recording: Recording
) -> None:
    form = {"day": YESTERDAY, "at": "08:00", "to": "11:00"}
    answer = await hub.http.post(f"{BASE}/clips", data=form)
    assert answer.status_code == 400
    assert "dài nhất một giờ" in answer.text
    assert asked(node, "camera.clip") == []
    await hub.http.post(f"{BASE}/keep", data=form)
    (args,) = asked(node, "camera.keep")
    assert (args.begin, args.end) == (day(8), day(11))


async def test_more_events_than_one_answer_holds_are_asked_for_further(
    hub: Running, node: FakeNode, recording: Recording
) -> None:
    recording.listed_at_most = 3
    found = await listed(hub, day=YESTERDAY)
    assert [m["id"] for m in found["moved"]] == [f"e-{n}" for n in range(8)]
    assert not found["more"]


async def test_node_that_is_away_is_told_with_what_it_had_said_before(
    hub: Running, node: FakeNode, recording: Recording
) -> None:
    await listed(hub, day=YESTERDAY)
    await node.lose()
    await until(lambda: not hub.hub.registry.is_online(ADDRESS))
    text = await words(hub, "lookback", day=YESTERDAY)
    assert "Nút đang mất kết nối" in text and "Dưới đây là những gì nút đã báo lúc" in text
    assert "19:44:07" in text and 'class="video"' in text
    still = await words(hub, "still", day=YESTERDAY, at="08:00")
    assert "Mất kết nối" in still
    assert "Nút đang mất kết nối" in await ask_clip(hub, day(8), day(8, 1))


@contextlib.asynccontextmanager
async def station(first: Running, broker: Mosquitto) -> AsyncIterator[tuple[FakeNode, Recording]]:
    """A node with its day, known to a hub that the test itself stops and starts."""
    signer = first.hub.signer
    async with FakeNode(broker.port, Verifier({signer.key_id: signer.public}), hub_url=first.url) as fake:
        await until(lambda: first.hub.registry.is_online(ADDRESS))
        yield fake, a_day().on(fake)


async def test_motion_that_was_told_is_known_without_the_node_and_after_a_restart(
    broker: Mosquitto, tmp_path: Path, database: Any
) -> None:
    jpeg = picture("size=320x180")
    async with serving(config_for(tmp_path, broker.port, **database)) as first, station(first, broker) as (node, _):
        sha256 = await put(node, jpeg)
        event = moved("told", day(9), 30, zones=("Sân",))
        begun = event.model_copy(update={"end": None})
        await node.send(told(2, event, sha256), told(1, begun), told(3, moved("later", day(10), None)))
        nonsense = {"id": "x" * 500, "begin": "yesterday", "score": "much"}
        await node.send(Event(seq=4, at=datetime.now(UTC), type="motion", about="camera/cong", data=nonsense))
        await kept(first, 4)
        await node.lose()
    async with serving(config_for(tmp_path, broker.port, **database)) as again:
        await until(lambda: ADDRESS in again.hub.registry.nodes)
        text = await words(again, "lookback", day=YESTERDAY)
        assert "Dưới đây chỉ là những gì máy chủ đã nhận" in text
        assert text.count("<li><details") == 2 and "09:00:00" in text and "đang chuyển động" in text
        assert "30 giây" in text and "Sân" in text
        got = await again.http.get(f"{BASE}/events/told/picture")
        assert got.content == jpeg
    assert asked(node, "camera.snapshot") == []


async def test_event_picture_is_asked_of_the_node_once(hub: Running, node: FakeNode, recording: Recording) -> None:
    await node.send(told(1, recording.moved[0]))
    await kept(hub, 1)
    for _ in range(3):
        got = await hub.http.get(f"{BASE}/events/e-0/picture")
        assert got.headers["content-type"] == "image/jpeg" and got.content == recording.pictures["e-0"]
    assert [args.event for args in asked(node, "camera.snapshot")] == ["e-0"]


async def test_event_picture_that_is_not_there_is_excused_and_not_asked_for_at_once_again(
    hub: Running, node: FakeNode, recording: Recording
) -> None:
    recording.refuse["camera.snapshot"] = Fault.of("camera.not_recorded", detail="e-0")
    for _ in range(2):
        got = await hub.http.get(f"{BASE}/events/e-0/picture")
        assert got.headers["content-type"] == "image/svg+xml" and "Lúc đó không có" in got.text
    assert len(asked(node, "camera.snapshot")) == 1
    assert (await hub.http.get(f"{BASE}/events/{'x' * 65}/picture")).status_code == 404


async def test_picture_of_an_instant(hub: Running, node: FakeNode, recording: Recording) -> None:
    for at in ("7:30", "7h30", "0730", "07:30:00", "073000", "730"):
        text = await words(hub, "still", day=YESTERDAY, at=at)
        assert "Hình đã ghi lúc 07:29:59" in text
    assert {args.at for args in asked(node, "camera.snapshot")} == {day(7, 30)}
    for bad in ("25:00", "7:61", "", "sáng", "7:30:00:00", "١٢:٠٠"):
        answer = await hub.http.get(f"{BASE}/still", params={"day": YESTERDAY, "at": bad})
        assert answer.status_code == 400 and "Ngày hoặc giờ chưa đúng" in answer.text


async def test_clip_is_cut_once_sent_slowly_and_served_in_parts(
    hub: Running, node: FakeNode, recording: Recording, tmp_path: Path
) -> None:
    body = recording.clip = film(tmp_path / "film.mp4")
    begin, end = day(8), day(8, 1)
    text = await ask_clip(hub, begin, end)
    assert "Đang chờ nút gửi" in text and "3 giây không ghi được" in text
    path = text.partition('hx-get="')[2].partition('"')[0]
    assert await piece(node, body, 0, 1000) == 204
    assert 'value="1000"' in await ask_clip(hub, begin, end)
    assert await piece(node, body, 1000, len(body)) == 201
    done = (await hub.http.get(path, headers=HTMX)).text
    assert "Đã nhận đủ" in done and "hx-trigger" not in done
    assert len(asked(node, "camera.clip")) == 1

    video = done.partition('<video controls playsinline preload="metadata" src="')[2].partition('"')[0]
    some = await hub.http.get(video, headers={"Range": "bytes=100-199"})
    assert (some.status_code, some.content) == (206, body[100:200])
    saved = await hub.http.get(f"{path}/file")
    assert saved.headers["content-disposition"].startswith("attachment;") and saved.content == body
    assert saved.headers["content-type"] == "video/mp4"


async def test_clip_goes_on_through_a_restart_of_the_hub(broker: Mosquitto, tmp_path: Path, database: Any) -> None:
    body = film(tmp_path / "film.mp4")
    async with (
        serving(config_for(tmp_path, broker.port, **database)) as first,
        station(first, broker) as (node, recording),
    ):
        recording.clip = body
        text = await ask_clip(first, day(8), day(8, 1))
        path = text.partition('hx-get="')[2].partition('"')[0]
        await piece(node, body, 0, 1000)
    async with serving(config_for(tmp_path, broker.port, **database)) as again, station(again, broker) as (node, _):
        assert 'value="1000"' in (await again.http.get(path, headers=HTMX)).text
        assert 'value="1000"' in await words(again, "lookback", day=YESTERDAY)
        await piece(node, body, 1000, len(body))
        assert "Đã nhận đủ" in (await again.http.get(path, headers=HTMX)).text


async def test_clip_that_was_being_cut_when_the_hub_stopped_can_be_asked_for_again(
    broker: Mosquitto, tmp_path: Path, database: Any
) -> None:
    async def cuts_for_long(fake: FakeNode, command: Any) -> None:
        await fake.ack(command, "accepted")

    async with serving(config_for(tmp_path, broker.port, **database)) as first, station(first, broker) as (node, _):
        node.replies["camera.clip"] = cuts_for_long
        text = await ask_clip(first, day(8), day(8, 1))
        assert "Nút đang cắt đoạn phim" in text
        path = text.partition('hx-get="')[2].partition('"')[0]
    async with (
        serving(config_for(tmp_path, broker.port, **database)) as again,
        station(again, broker) as (node, recording),
    ):
        assert "chưa lấy xong" in (await again.http.get(path, headers=HTMX)).text
        recording.clip = b"\0" * 100
        assert "Đang chờ nút gửi" in await ask_clip(again, day(8), day(8, 1))


async def test_clip_that_fails_says_why_and_can_be_asked_for_again(
    hub: Running, node: FakeNode, recording: Recording, tmp_path: Path
) -> None:
    recording.clip = film(tmp_path / "film.mp4", 1)
    recording.refuse["camera.clip"] = Fault.of("camera.not_recorded", detail="08:00")
    text = await ask_clip(hub, day(8), day(8, 1))
    assert "Không lấy được đoạn phim. Lúc đó không có hình ghi lại" in text and "Tải lại" in text
    recording.refuse.clear()
    assert "Đang chờ nút gửi" in await ask_clip(hub, day(8), day(8, 1))
    digest = hashlib.sha256(recording.clip).hexdigest()
    data = {"state": "failed", "sha256": digest, "camera": "cong", "code": "media.refused", "detail": "HTTP 401"}
    await node.send(Event(seq=1, at=datetime.now(UTC), type="clip", about="camera/cong", data=data))
    await kept(hub, 1)
    assert "Máy chủ không nhận tệp: HTTP 401" in await words(hub, "lookback", day=YESTERDAY)


async def test_clip_that_had_to_make_room_is_told_so(
    hub: Running, node: FakeNode, recording: Recording, tmp_path: Path
) -> None:
    recording.clip = film(tmp_path / "film.mp4", 1)
    await ask_clip(hub, day(8), day(8, 1))
    data = {"state": "sent", "sha256": hashlib.sha256(recording.clip).hexdigest(), "camera": "cong"}
    await node.send(Event(seq=1, at=datetime.now(UTC), type="clip", about="camera/cong", data=data))
    await kept(hub, 1)
    assert "không có ở máy chủ nữa" in await words(hub, "lookback", day=YESTERDAY)
    assert "Đang chờ nút gửi" in await ask_clip(hub, day(8), day(8, 1))


async def test_answer_of_a_node_that_makes_no_sense_is_a_failure(hub: Running, node: FakeNode) -> None:
    async def odd(fake: FakeNode, command: Any) -> None:
        await fake.ack(command, "done", result={"sha256": "../../etc", "bytes": -1, "begin": "x", "moved": 7})

    node.replies |= {"camera.clip": odd, "camera.recordings": odd, "camera.snapshot": odd}
    assert "Không lấy được đoạn phim" in await ask_clip(hub, day(8), day(8, 1))
    assert (await listed(hub, day=YESTERDAY))["source"] == "hub"
    assert "Không làm được" in await words(hub, "lookback", day=YESTERDAY)
    assert "Chưa lấy được hình" in await words(hub, "still", day=YESTERDAY, at="08:00")


MAD = [
    {"begin": "0001-01-01T00:00:00Z", "end": "9999-12-31T23:59:59Z"},
    {"begin": "9999-12-31T23:59:59Z", "end": "9999-12-31T23:59:59Z"},
    {"begin": "2026-11-22T05:00:00Z", "end": "2026-11-22T04:00:00Z"},
]


@pytest.mark.parametrize("times", MAD)
async def test_mad_times_and_sizes_of_a_node_break_no_page(hub: Running, node: FakeNode, times: dict[str, str]) -> None:
    async def mad(fake: FakeNode, command: Any) -> None:
        spans = [{**times, "bytes": 5}, {"begin": day(1).isoformat(), "end": day(2).isoformat(), "bytes": 10**400}]
        event = {"id": "x", "score": 0.5, **times}
        clip = {"sha256": "a" * 64, "bytes": 5, "gap_s": 1e999, **times}
        await fake.ack(command, "done", result={"camera": "cong", "recorded": spans, "moved": [event], **clip})

    node.replies |= {"camera.recordings": mad, "camera.clip": mad}
    data = {"id": "y", "score": 0.5, "zones": ["x"], **times}
    await node.send(
        Event(seq=1, at=datetime.now(UTC), type="motion", about="camera/cong", data=data),
        Event(
            seq=2, at=datetime.now(UTC), type="clip", about="camera/cong", data={"state": "failed", "cls": 1, "code": 7}
        ),
    )
    await kept(hub, 2)
    for query in ({"day": YESTERDAY}, {"day": "2026-11-22"}, {}):
        await words(hub, "lookback", **query)
        await listed(hub, **query)
    await ask_clip(hub, day(8), day(8, 1))
    await words(hub, "lookback", day=YESTERDAY)


@pytest.mark.parametrize(
    ("form", "begin", "end"),
    [
        ({"day": YESTERDAY, "at": "08:00:00", "to": "08:01:30"}, day(8), day(8, 1, 30)),
        ({"day": YESTERDAY, "at": "23:59:30", "to": "00:00:30"}, day(23, 59, 30), day(24, 0, 30)),
        ({"day": YESTERDAY, "at": "08:00", "to": "09:00"}, day(8), day(9)),
    ],
)
async def test_clip_of_two_times(
    hub: Running, node: FakeNode, recording: Recording, form: dict[str, str], begin: datetime, end: datetime
) -> None:
    recording.clip = b"\0" * 100
    answer = await hub.http.post(f"{BASE}/clips", data=form)
    assert answer.status_code == 303 and answer.headers["location"] == f"{BASE}/lookback?day={YESTERDAY}"
    assert [(a.begin, a.end) for a in asked(node, "camera.clip")] == [(begin, end)]


async def test_times_in_the_wrong_order_are_refused(hub: Running, node: FakeNode) -> None:
    for form in ({"day": YESTERDAY, "at": "09:00", "to": "08:00"}, {"day": YESTERDAY, "at": "09:00"}, {}, MAD[0]):
        answer = await hub.http.post(f"{BASE}/clips", data=form)
        assert answer.status_code == 400
    assert asked(node, "camera.clip") == []


async def test_kept_video_shows_at_once(hub: Running, node: FakeNode, recording: Recording) -> None:
    assert 'class="kept"' not in await words(hub, "lookback", day=YESTERDAY)
    form = {"begin": day(8).isoformat(), "end": day(8, 10).isoformat()}
    answer = await hub.http.post(f"{BASE}/keep", data=form, headers=HTMX)
    assert "Đã giữ lại" in answer.text
    text = await words(hub, "lookback", day=YESTERDAY)
    assert 'class="kept"' in text and "Thôi giữ" in text
    answer = await hub.http.post(f"{BASE}/keep", data={**form, "keep": "0"}, headers=HTMX)
    assert [a.keep for a in asked(node, "camera.keep")] == [True, False]
    recording.refuse["camera.keep"] = Fault.of("camera.protected_full", detail="1 GB")
    answer = await hub.http.post(f"{BASE}/keep", data=form, headers=HTMX)
    assert "Quá nhiều đoạn hình được giữ tay" in html.unescape(answer.text)


async def test_other_sites_and_unknown_cameras_get_nothing(hub: Running, node: FakeNode, recording: Recording) -> None:
    for path in ("lookback", "recordings.json", "still?at=08:00&day=" + YESTERDAY, "events/e-0/picture", "clips/x"):
        foreign = await hub.http.get(f"{BASE}/{path}", headers={"Sec-Fetch-Site": "cross-site"})
        assert foreign.status_code == 403, path
        unknown = await hub.http.get(f"{BASE}-khac/{path}")
        assert unknown.status_code == 404, path
    for path in ("clips", "keep"):
        foreign = await hub.http.post(f"{BASE}/{path}", data={}, headers={"Origin": "https://evil.example"})
        assert foreign.status_code == 403
    assert node.commands == []


async def test_clip_of_another_camera_is_not_shown_under_this_one(
    hub: Running, node: FakeNode, recording: Recording, broker: Mosquitto
) -> None:
    recording.clip = b"\0" * 100
    text = await ask_clip(hub, day(8), day(8, 1))
    path = text.partition('hx-get="')[2].partition('"')[0]
    async with FakeNode(broker.port, node.verifier, node="xa-hon"):
        await until(lambda: "29401/xa-hon" in hub.hub.registry.nodes)
        await until(lambda: hub.hub.registry.nodes["29401/xa-hon"].about)
        other = path.replace("tram-bom", "xa-hon")
        assert (await hub.http.get(path)).status_code == 200
        assert (await hub.http.get(other)).status_code == 404


async def test_hostile_words_of_a_node_stay_words(hub: Running, node: FakeNode, recording: Recording) -> None:
    evil = '"><script>alert(1)</script>'
    recording.moved = [moved(f"{evil}/../x", day(9), 5, zones=(evil,), label=evil)]
    answer = await hub.http.get(f"{BASE}/lookback", params={"day": YESTERDAY})
    assert "<script>alert" not in answer.text
    source = answer.text.partition('<img class="small" src="')[2].partition('"')[0]
    got = await hub.http.get(source)
    assert got.status_code == 200
    assert asked(node, "camera.snapshot")[0].event == f"{evil}/../x"


async def test_a_thousand_pieces_and_events_are_drawn_within_bounds(
    hub: Running, node: FakeNode, recording: Recording
) -> None:
    minute = timedelta(seconds=80)
    recording.recorded = [
        Recorded(begin=day(0) + n * minute, end=day(0) + n * minute + timedelta(seconds=70), bytes=10)
        for n in range(150)
    ]
    recording.moved = [moved(f"m-{n}", day(0) + n * timedelta(seconds=60), 5, zones=()) for n in range(1000)]
    recording.listed_at_most = 250
    text = await words(hub, "lookback", day=YESTERDAY)
    assert "1000 lần có chuyển động" in text and text.count("<li><details") == 20 and "Xem thêm (980)" in text
    more = await words(hub, "lookback", day=YESTERDAY, shown="99999999")
    assert more.count("<li><details") == 20
    more = await words(hub, "lookback", day=YESTERDAY, shown="80")
    assert more.count("<li><details") == 80
    assert len(text) < 400_000


async def test_json_of_a_refusal_is_json(hub: Running, node: FakeNode, recording: Recording) -> None:
    recording.refuse["camera.recordings"] = Fault.of("camera.disk_error", detail="I/O error")
    found = await listed(hub, day=YESTERDAY)
    assert (found["source"], found["fault"]["code"]) == ("hub", "camera.disk_error")
    json.dumps(found)


async def test_looks_are_written_down(hub: Running, node: FakeNode, recording: Recording) -> None:
    recording.clip = b"\0" * 100
    await words(hub, "still", day=YESTERDAY, at="08:00")
    await ask_clip(hub, day(8), day(8, 1))
    page = html.unescape((await hub.http.get(BASE)).text)
    assert "quan-tri xem ảnh" in page and "quan-tri lấy đoạn phim" in page
    acts = (await hub.http.get("/audit.json")).json()
    told_ = {row["act"]: row["what"] for row in (acts if isinstance(acts, list) else acts["acts"])}
    assert told_["camera.clip"].startswith("cong 20") and told_["camera.still"].startswith("cong 20")


async def test_anybody_without_scripts_gets_whole_pages(hub: Running, recording: Recording) -> None:
    async with httpx.AsyncClient(base_url=hub.url, follow_redirects=True, **hub.signed) as http:
        for path in (f"lookback?day={YESTERDAY}", f"still?day={YESTERDAY}&at=08:00"):
            assert (await http.get(f"{BASE}/{path}")).text.lstrip().startswith("<!doctype html>")
        page = await http.post(f"{BASE}/clips", data={"day": YESTERDAY, "at": "8:00", "to": "8:01"})
        assert page.text.lstrip().startswith("<!doctype html>") and "Đoạn phim đã lấy (1)" in page.text


async def test_programs_get_the_same_by_the_api(hub: Running, node: FakeNode, recording: Recording) -> None:
    path = f"/api/v1/nodes/{ADDRESS}/cameras/cong/recordings"
    span = {"begin": day(0).isoformat(), "end": day(24).isoformat()}
    told = (await hub.http.get(path, params=span)).json()
    same = await listed(hub, **span)
    assert (told["source"], told["online"], told["camera"]) == ("node", True, "cong")
    assert (told["recorded"], told["moved"]) == (same["recorded"], same["moved"])
    long = await hub.http.get(path, params={**span, "end": (day(24) + timedelta(days=2)).isoformat()})
    assert (long.status_code, long.json()["code"]) == (422, "camera.lookback_bad_time")
    nobody = await hub.http.get(path.replace("/cong/", "/khac/"), params=span)
    assert nobody.status_code == 404
    naive = await hub.http.get(path, params={"begin": "2026-11-22T00:00:00", "end": span["end"]})
    assert (naive.status_code, naive.json()["where"]) == (422, "query.begin")
