"""On air: what each cluster plays, waits for and proves; notices to areas, whole places stopped, and who sees what."""

import asyncio
import html
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from hub_rig import FakeNode, Mosquitto, Running, now, signed_in, until

from edge_agent.contract.errors import Fault
from edge_agent.contract.records import Event
from edge_agent.contract.reports import About, BulletinState, SpeakerState
from hub.air.spoken import Told, told
from hub.commands import Outcome
from hub.people.rights import Grant, Place, Role
from hub.people.sessions import COOKIE
from hub.sentences import Speaker
from hub.titles import clear_of

EAST, WEST = "at:29401//thon-dong", "at:29401//thon-tay"


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.unescape(text)))


async def page(hub: Running, path: str = "/air") -> str:
    return plain((await hub.http.get(path)).text)


async def shows(hub: Running, path: str, words: str) -> str:
    """The page, once it says this."""
    text = ""
    async with asyncio.timeout(20):
        while words not in (text := await page(hub, path)):
            await asyncio.sleep(0.05)
    return text


class West(FakeNode):
    """A node of another area."""

    def about(self) -> About:
        return super().about().model_copy(update={"zone": "Thôn Tây"})


@pytest.fixture
async def west(hub: Running, node: FakeNode, broker: Mosquitto) -> AsyncIterator[FakeNode]:
    async with West(broker.port, node.verifier, node="loa-tay", title="Loa Thôn Tây") as other:
        await until(lambda: len(getattr(hub.hub.registry.nodes.get("29401/loa-tay"), "states", ())) >= 4)
        yield other


def aired(seq: int, title: str, **more: Any) -> Event:
    data = {"id": f"b-{seq}", "speaker": "loa", "title": title, "class": "ordinary", "authority": "commune"}
    data |= {"state": "aired", "started_us": round(now().timestamp() * 1e6), "seconds": 12, **more}
    return Event(seq=seq, at=now(), type="aired", about="speaker/loa", data=data)


async def test_now_next_and_proof_of_a_cluster(hub: Running, node: FakeNode) -> None:
    await shows(hub, "/air", "Sẵn sàng phát")
    since = now()
    await node.state(
        SpeakerState(
            id="loa",
            at=now(),
            actual="playing",
            playing="b-1",
            title="Bản tin sáng",
            since=since,
            ends=since + timedelta(minutes=3),
        )
    )
    coming = now() + timedelta(hours=2)
    await node.state(BulletinState(id="b-2", at=now(), actual="ready", title="Bản tin trưa", next=coming))
    await node.send(aired(1, "Bản tin hôm qua", heard=True, heard_score=11.5))
    text = await shows(hub, "/air", "“Bản tin hôm qua”")
    for words in ("Đang phát: Bản tin sáng", "Tiếp theo: Bản tin trưa · Sẵn sàng", "micrô nghe thấy."):
        assert words in text, words
    assert "data-ends=" in (await hub.http.get("/air")).text
    await node.send(aired(2, "Bản tin chiều", heard=False))
    await shows(hub, "/air", "micrô KHÔNG nghe thấy")
    await node.send(aired(3, "Bản tin tối"))
    await shows(hub, "/air", "không rõ có nghe thấy không")


async def test_an_all_clear_is_called_so_in_the_language_of_who_looks(hub: Running, node: FakeNode) -> None:
    coming = now() + timedelta(minutes=30)
    await node.state(BulletinState(id="by-1", at=now(), actual="ready", title=clear_of("Lũ  quét"), next=coming))
    await node.state(SpeakerState(id="loa", at=now(), actual="playing", playing="by-2", title=clear_of("Cháy rừng")))
    await node.send(aired(1, clear_of("Vỡ đê")))
    for path in ("/air", "/nodes/29401/tram-bom"):
        text = await shows(hub, f"{path}?lang=vi", "Báo yên: Lũ quét")
        assert "Báo yên: Cháy rừng" in text
        text = await shows(hub, f"{path}?lang=en", "All-clear: Lũ quét")
        assert "All-clear: Cháy rừng" in text and "Báo yên:" not in text
    assert "All-clear: Vỡ đê" in await shows(hub, "/aired?lang=en", "Vỡ đê")
    assert "All-clear: Lũ quét" in await shows(hub, "/calendar?lang=en", "Lũ quét")


async def test_why_a_cluster_is_not_ready(hub: Running, node: FakeNode) -> None:
    await node.state(SpeakerState(id="loa", at=now(), actual="idle", fault=Fault.of("speech.no_engine", detail="x")))
    await shows(hub, "/air", "Chưa sẵn sàng: Không giọng đọc nào")
    await node.lose()
    await shows(hub, "/air", "Chưa sẵn sàng: Mất kết nối")


async def test_filters_and_search(hub: Running, node: FakeNode, west: FakeNode) -> None:
    await west.state(SpeakerState(id="loa", at=now(), actual="idle", heard=False))
    text = await shows(hub, "/air", "Im lặng (1)")
    assert "Trạm bơm Đông" in text
    silent = await page(hub, "/air?show=silent")
    assert "Loa Thôn Tây" in silent
    assert "Trạm bơm Đông" not in silent
    found = await page(hub, "/air?q=tram+bom")
    assert "Loa Thôn Tây" not in found.split("Mọi nơi")[-1].split("Chỉnh âm lượng")[0] or "Trạm bơm" in found
    assert "Không có cụm loa nào như vậy" in await page(hub, "/air?q=khong-co-gi")
    area = await page(hub, "/air?place=29401//thon-tay")
    assert "Trạm bơm Đông" not in area
    for nonsense in ("/air?page=999", "/air?page=-1", "/air?show=x&place=%00&q=%3Cscript%3E"):
        assert (await hub.http.get(nonsense)).status_code == 200


async def test_notice_begins_on_all_chosen_clusters_at_one_instant(
    hub: Running, node: FakeNode, west: FakeNode
) -> None:
    answer = await hub.http.post(
        "/air/speak", data={"text": "Mời bà con ra nhà văn hoá họp.", EAST: "1", WEST: "1", "do": "send"}
    )
    assert answer.status_code == 303
    text = await shows(hub, answer.headers["location"], "2/2 cụm loa đã nhận")
    assert "Mời bà con ra nhà văn hoá họp." in text
    first, second = (n.commands[-1].args for n in (node, west))
    assert first == second
    assert first.at is not None  # type: ignore[union-attr]
    assert first.at > node.commands[-1].at  # type: ignore[union-attr,operator]


async def test_notice_is_read_first_and_asks_what_nobody_knows(hub: Running, node: FakeNode) -> None:
    form = {"text": "Họp ngày 5/6 ở UBND XQZT.", EAST: "1"}
    asked = await hub.http.post("/air/speak", data={**form, "do": "send"})
    assert asked.status_code == 200
    assert "cần chọn cách đọc" in plain(asked.text)
    assert "Họp ngày 5/6 ở UBND XQZT." in plain(asked.text)
    assert not [c for c in node.commands if c.do == "speak"]
    answers = {}
    for place, (name, written) in enumerate(re.findall(r'name="(q\d+)" value="([^"]*)"', asked.text)):
        answers |= {name: html.unescape(written), f"{name}.way": "own", f"{name}.own": f"chữ {'abc'[place % 3]}"}
    sent = await hub.http.post("/air/speak", data={**form, **answers, "do": "anyway"})
    assert sent.status_code == 303, plain(sent.text)
    await until(lambda: [c for c in node.commands if c.do == "speak"])


async def test_who_did_not_answer_is_asked_once_more(hub: Running, node: FakeNode, west: FakeNode) -> None:
    async def refuse(n: FakeNode, asked: Any) -> None:
        await n.ack(asked, "rejected", fault=Fault.of("command.busy"))

    west.replies["speak"] = refuse
    answer = await hub.http.post("/air/speak", data={"text": "Xin chào bà con.", EAST: "1", WEST: "1"})
    path = answer.headers["location"]
    text = await shows(hub, path, "Gọi lại 1 cụm loa chưa làm được")
    assert text.index("Loa Thôn Tây") < text.index("Trạm bơm Đông")
    del west.replies["speak"]
    again = await hub.http.post(f"{path}/again")
    await shows(hub, again.headers["location"], "1/1 cụm loa đã nhận")
    assert len([c for c in node.commands if c.do == "speak"]) == 1
    nothing = await hub.http.post(f"{again.headers['location']}/again")
    assert "said=" in nothing.headers["location"]


def airing(asked: Any, **more: Any) -> dict[str, Any]:
    return {**aired(1, asked.args.text, id=asked.id).data, **more}


async def test_a_round_says_what_became_of_the_words_at_each_cluster(
    hub: Running, node: FakeNode, west: FakeNode
) -> None:
    async def says_it_all(n: FakeNode, asked: Any) -> None:
        await n.ack(asked, "accepted")
        await n.ack(asked, "done", result=airing(asked))

    async def is_stopped(n: FakeNode, asked: Any) -> None:
        await n.ack(asked, "accepted")
        await n.ack(asked, "failed", fault=Fault.of("speaker.stopped", by="Bà Tư"))

    node.replies["speak"], west.replies["speak"] = says_it_all, is_stopped
    notice = {"text": "Mời bà con đi họp.", EAST: "1", WEST: "1"}
    path = (await hub.http.post("/air/speak", data=notice)).headers["location"]
    text = await shows(hub, path, "Trạm bơm Đông đã phát, không rõ có nghe thấy không")
    text = await shows(hub, path, "Loa Thôn Tây không phát hết. Bà Tư đã cho dừng.")
    assert "2/2 cụm loa đã nhận · 1 đã phát hết" in text and "1 không phát hết" in text
    assert "Gọi lại" not in text  # who stopped it would hear it once more
    spoken = node.commands[-1]
    data = airing(spoken)
    await node.send(Event(seq=1, at=now(), type="aired", about="speaker/loa", data=data))
    heard = {"id": spoken.id, "speaker": "loa", "started_us": data["started_us"], "heard": False}
    await node.send(Event(seq=2, at=now(), type="heard", about="speaker/loa", data=heard))
    text = await shows(hub, path, "Trạm bơm Đông đã phát, nhưng micrô KHÔNG nghe thấy.")
    assert "1 micrô KHÔNG nghe thấy" in text
    assert "Trạm bơm Đông aired, but NOT heard" in await shows(hub, f"{path}?lang=en", "Stopped by Bà Tư.")


async def test_the_log_of_a_node_tells_what_its_answer_did_not(hub: Running, node: FakeNode, west: FakeNode) -> None:
    async def only_begins(n: FakeNode, asked: Any) -> None:
        await n.ack(asked, "accepted")

    async def hears_it(n: FakeNode, asked: Any) -> None:
        await n.ack(asked, "done", result=airing(asked, heard=True))

    node.replies["speak"], west.replies["speak"] = only_begins, hears_it
    notice = {"text": "Mời bà con đi họp.", EAST: "1", WEST: "1"}
    path = (await hub.http.post("/air/speak", data=notice)).headers["location"]
    await shows(hub, path, "Trạm bơm Đông đã nhận, sắp phát")
    await shows(hub, path, "Loa Thôn Tây đã phát, micrô nghe thấy")
    asked = node.commands[-1]
    missed = airing(asked, state="missed", code="bulletin.missed_busy", started_us=None, seconds=0)
    missed["planned"] = asked.args.at.isoformat()  # type: ignore[union-attr]
    await node.send(Event(seq=1, at=now(), type="aired", about="speaker/loa", data=missed))
    text = await shows(hub, path, "Trạm bơm Đông không phát. Không phát được: loa còn bận đọc nội dung khác quá lâu.")
    assert "Gọi lại 1 cụm loa chưa làm được" in text


@pytest.mark.parametrize(
    ("state", "over", "fate", "words"),
    [
        ("accepted", False, "accepted", "đã nhận, sắp phát"),
        ("accepted", True, "lost", "đã nhận, nhưng không báo lại là đã phát"),
        ("done", True, "unknown", "đã phát, không rõ có nghe thấy không"),
        ("silent", True, "silent", "không trả lời"),
    ],
)
def test_what_a_node_never_said_is_not_made_up(state: Any, over: bool, fate: str, words: str) -> None:
    speak = Speaker("vi", ZoneInfo("Asia/Ho_Chi_Minh"), now())
    assert told(state, Outcome(state), None, speak, over=over) == Told(fate, words)


async def test_a_round_that_the_hub_forgot_says_so_and_stays_connected(hub: Running, node: FakeNode) -> None:
    async with asyncio.timeout(20), hub.http.stream("GET", "/air/rounds/of-before/live?lang=vi") as stream:
        assert stream.status_code == 200  # a browser that is refused would ask again for ever
        seen = ""
        async for chunk in stream.aiter_text():
            seen += chunk
            if "Trung tâm không còn nhớ việc này" in seen and 'id="round"' in seen:
                break
    assert (await hub.http.get("/air/rounds/of-before")).status_code == 404


async def test_whole_place_is_stopped_and_set_with_the_count_of_answers(
    hub: Running, node: FakeNode, west: FakeNode
) -> None:
    nothing = await hub.http.post("/air/stop", data={"place": ""})
    assert "Không có cụm loa nào đang phát" in await page(hub, nothing.headers["location"])
    for each in (node, west):
        await each.state(SpeakerState(id="loa", at=now(), actual="playing", playing="b", title="Dài"))
    await shows(hub, "/air", "Dừng 2 cụm loa đang phát")
    stop = await hub.http.post("/air/stop", data={"place": "29401//thon-dong"})
    await shows(hub, stop.headers["location"], "1/1 cụm loa đã nhận")
    assert node.commands[-1].do == "speaker.stop"
    assert west.commands == []
    volume = await hub.http.post("/air/volume", data={"place": "", "volume": "40"})
    await shows(hub, volume.headers["location"], "2/2 cụm loa đã nhận")
    assert west.commands[-1].args.volume == 40  # type: ignore[union-attr]
    for wrong in ("", "loud", "101", "nan"):
        refused = await hub.http.post("/air/volume", data={"place": "", "volume": wrong})
        assert "Yêu cầu không đúng" in await page(hub, refused.headers["location"])


async def test_area_head_sees_and_reaches_only_the_own_area(hub: Running, node: FakeNode, west: FakeNode) -> None:
    secret = await signed_in(hub.hub, "truong-thon", Grant(Role.AREA_HEAD, Place("29401", "thon-tay")))
    for each in (node, west):
        await each.state(SpeakerState(id="loa", at=now(), actual="playing", playing="b", title="Dài"))
    await shows(hub, "/air", "Dừng 2 cụm loa")
    mine = await hub.http.post("/air/speak", data={"text": "Của quản trị.", EAST: "1"})
    signed: Any = {"base_url": hub.url, "cookies": {COOKIE: secret}, "headers": {"Origin": hub.url}, "timeout": 15}
    async with httpx.AsyncClient(**signed) as http:
        for path in ("/air", "/air/speak", "/air/mic", "/air?place=29401//thon-dong"):
            raw = (await http.get(path)).text
            assert "Trạm bơm Đông" not in raw, path
            assert EAST not in raw, path
        assert "Dừng 1 cụm loa" in plain((await http.get("/air")).text)
        async with asyncio.timeout(10), http.stream("GET", "/air/live?place=29401") as stream:
            seen = ""
            async for chunk in stream.aiter_text():
                seen += chunk
                if "air_n_29401_loa-tay" in seen:
                    break
        assert "tram-bom" not in seen
        refused = await http.post("/air/speak", data={"text": "Sang thôn khác.", EAST: "1"})
        assert "Chưa chọn nơi đọc" in plain(refused.text)
        before = len(node.commands)
        await http.post("/air/stop", data={"place": "29401"})
        await until(lambda: west.commands)
        await http.post("/air/volume", data={"place": "29401//thon-dong", "volume": "10"})
        assert len(node.commands) == before
        assert (await http.get(mine.headers["location"])).status_code == 404  # what others asked is theirs
        assert (await http.get("/air/emergency")).status_code == 403


async def test_live_parts_change_by_themselves(hub: Running, node: FakeNode) -> None:
    async with asyncio.timeout(20), hub.http.stream("GET", "/air/live") as stream:
        seen = ""
        told = False
        async for chunk in stream.aiter_text():
            seen += chunk
            if "air_n_29401_tram-bom" in seen and not told:
                told = True
                await node.state(SpeakerState(id="loa", at=now(), actual="playing", playing="b", title="Tin mới"))
            if "Đang phát: Tin mới" in seen and "Dừng 1 cụm loa" in seen:
                break


async def test_signed_out_people_are_led_to_the_sign_in(hub: Running, node: FakeNode) -> None:
    async with httpx.AsyncClient(timeout=30, base_url=hub.url, headers={"Origin": hub.url}) as http:
        for path in ("/air", "/air/mic", "/air/speak", "/air/emergency", "/air/prepared", "/air/live"):
            assert (await http.get(path)).status_code in (303, 401), path
        for path in ("/air/speak", "/air/stop", "/air/volume", "/air/emergency", "/air/prepared"):
            assert (await http.post(path, data={"text": "x"})).status_code in (303, 401), path
    assert node.commands == []
