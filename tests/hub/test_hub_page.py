"""The page and its forms over real HTTP, with a node on a real broker."""

import asyncio
import html
import re
from datetime import UTC, datetime
from typing import Any

import httpx
from hub_rig import FakeNode, Mosquitto, Running, config_for, event, now, sample, serving, until

from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import BulletinState, LightState, SpeakerState
from edge_agent.contract.signature import Verifier
from hub.people.sessions import COOKIE

PATH = "/nodes/29401/tram-bom"
HX = {"HX-Request": "true"}


async def page(hub: Running, path: str = PATH, **headers: str) -> str:
    return html.unescape((await hub.http.get(path, headers=headers)).text)


async def test_card_shows_what_the_node_reports(hub: Running, node: FakeNode) -> None:
    text = await page(hub)
    for words in (
        "Trạm bơm Đông",
        "Đèn cổng thôn",
        "Đang tắt",
        "Theo lịch",
        "Đang kết nối từ",
        "Không phát gì",
        "đang ghi",
    ):
        assert words in text
    assert "1/1 nút đang kết nối" in text


async def test_tap_on_a_light_is_done_when_the_node_says_so(hub: Running, node: FakeNode) -> None:
    answer = await hub.http.post(f"{PATH}/lights/cong-thon", data={"level": "100"}, headers=HX)
    assert answer.status_code == 200
    assert "Đèn cổng thôn: nút báo đã làm xong" in answer.text
    assert 'aria-pressed="true"' in answer.text  # the lights come back with the state that followed
    assert node.commands[-1].do == "switch.override"
    text = await page(hub)
    assert "Bật tay bởi quan-tri đến 05:15 ngày 02/01/2099" in text
    released = await hub.http.post(f"{PATH}/lights/cong-thon/release", headers=HX)
    assert "đã theo lịch trở lại" in released.text


async def test_refusal_is_told_in_the_nodes_own_sentence(hub: Running, node: FakeNode) -> None:
    async def refuse(n: FakeNode, asked: Any) -> None:
        await n.ack(asked, "rejected", fault=Fault.of("light.not_dimmable", id="cong-thon", level=100))

    node.replies["switch.override"] = refuse
    answer = await hub.http.post(f"{PATH}/lights/cong-thon", data={"level": "100"}, headers=HX)
    assert "Nút từ chối. Đèn cong-thon chỉ bật hoặc tắt" in answer.text
    assert "hx-trigger" not in answer.headers


async def test_silent_node_is_never_told_as_done(hub: Running, node: FakeNode, monkeypatch: Any) -> None:
    monkeypatch.setattr("hub.things.acts.SWITCH_S", 0.3)
    node.silent = True
    answer = await hub.http.post(f"{PATH}/lights/cong-thon", data={"level": "100"}, headers=HX)
    assert "Chưa chắc đã làm" in answer.text


async def test_answer_of_another_node_does_not_count(hub: Running, node: FakeNode, monkeypatch: Any) -> None:
    monkeypatch.setattr("hub.things.acts.SWITCH_S", 0.5)

    async def forge(n: FakeNode, asked: Any) -> None:
        body = b'{"id":"%s","node":"other","state":"done","at":"2026-01-01T00:00:00Z"}' % asked.id.encode()
        await n.say("edge/29401/other/ack", body, retain=False)

    node.replies["switch.override"] = forge
    answer = await hub.http.post(f"{PATH}/lights/cong-thon", data={"level": "100"}, headers=HX)
    assert "Chưa chắc đã làm" in answer.text


async def test_without_javascript_a_form_leads_back_with_the_answer(hub: Running, node: FakeNode) -> None:
    answer = await hub.http.post(f"{PATH}/speak", data={"text": "Mời bà con đi họp", "speaker": "loa"})
    assert answer.status_code == 303
    shown = await hub.http.get(answer.headers["location"])
    assert "Nút đã nhận và sẽ đọc ngay" in shown.text
    again = await hub.http.get(answer.headers["location"])
    assert "sẽ đọc ngay" not in again.text
    await until(lambda: any(c.do == "speak" for c in node.commands))
    await asyncio.sleep(0.1)
    assert "Đang phát: Mời bà con đi họp" in await page(hub)


async def test_bulletin_on_a_nodes_calendar_is_listed_and_cancelled(hub: Running, node: FakeNode) -> None:
    at = datetime(2099, 1, 4, 22, 30, tzinfo=UTC)
    await node.state(BulletinState(id="hop", at=now(), actual="ready", title="Họp thôn", next=at))
    async with asyncio.timeout(8):
        while "Sẵn sàng, phát lúc 05:30 ngày 05/01/2099" not in await page(hub):
            await asyncio.sleep(0.05)
    cancelled = await hub.http.post(f"{PATH}/bulletins/hop/cancel", headers=HX)
    assert "Nút đã huỷ bản tin" in cancelled.text


async def test_forms_say_what_is_wrong(hub: Running, node: FakeNode) -> None:
    async def post(path: str, **data: str) -> str:
        return html.unescape((await hub.http.post(f"{PATH}{path}", data=data, headers=HX)).text)

    assert "Hãy viết nội dung trước" in await post("/speak", text="  \u0000 ")
    assert "dài quá 5000" in await post("/speak", text="a" * 5001)
    assert "Yêu cầu không đúng" in await post("/lights/cong-thon", level="nan")
    assert "Yêu cầu không đúng" in await post("/lights/cong-thon", level="101")
    assert "Yêu cầu không đúng" in await post("/lights/UPPER", level="1")
    assert "quá lớn" in await post("/speak", text="a" * 200_000)
    assert not node.commands
    missing = await hub.http.post("/nodes/29401/nobody/speak", data={"text": "a"}, headers=HX)
    assert "Không có nút này" in missing.text


async def test_names_from_nodes_are_text_never_html(hub: Running, node: FakeNode) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x>"
    node.title = evil
    await node.say(node.topics.about, node.about().body())
    await node.state(BulletinState(id="b", at=now(), actual="ready", title=evil, next=now()))
    await node.send(event(1, "fault", "light/x", code=evil, text=evil))
    await until(lambda: hub.hub.ledger.accounts.get("29401/tram-bom"))
    raw = (await hub.http.get("/nodes/29401/tram-bom")).text
    assert "alert(1)" in raw
    assert "<script>alert" not in raw
    assert "<img src=x" not in raw
    live = await read_live(hub, "alert(1)")
    assert "<script>alert" not in live


async def read_live(hub: Running, wanted: str, limit: float = 5) -> str:
    text = ""
    async with asyncio.timeout(limit), hub.http.stream("GET", "/nodes/29401/tram-bom/live") as stream:
        async for chunk in stream.aiter_text():
            text += chunk
            if wanted in text:
                break
    return text


async def test_live_sends_only_what_changed(hub: Running, node: FakeNode) -> None:
    seen: list[str] = []
    async with hub.http.stream("GET", "/nodes/29401/tram-bom/live") as stream:
        chunks = stream.aiter_text()
        while "tram-bom_health" not in "".join(seen):
            seen.append(await anext(chunks))
        await node.state(LightState(id="cong-thon", at=now(), wanted=60, actual=60, why="rule"))
        fresh = ""
        while "Đang sáng 60 %" not in fresh:
            fresh += await anext(chunks)
    assert "n_29401_tram-bom_l_cong-thon" in fresh
    assert "n_29401_tram-bom_l_san-nha" not in fresh
    assert "n_29401_tram-bom_bulletins" not in fresh
    assert "textarea" not in "".join(seen) + fresh
    await until(lambda: hub.hub.live.viewers == 0)


async def test_live_is_bounded(broker: Mosquitto, tmp_path: Any) -> None:
    async with serving(config_for(tmp_path, broker.port, limits={"viewers": 1})) as hub:
        async with hub.http.stream("GET", "/live"):
            await until(lambda: hub.hub.live.viewers == 1)
            assert (await hub.http.get("/live")).status_code == 503
        await until(lambda: hub.hub.live.viewers == 0)


async def test_open_pages_do_not_hold_up_the_end(broker: Mosquitto, tmp_path: Any) -> None:
    config = config_for(tmp_path, broker.port)
    async with httpx.AsyncClient(timeout=10) as http:

        async def read(stream: httpx.Response) -> str:
            return "".join([text async for text in stream.aiter_text()])

        async with serving(config) as hub:
            asked = http.build_request("GET", f"{hub.url}/live", headers={"Cookie": f"{COOKIE}={hub.secret}"})
            stream = await http.send(asked, stream=True)
            await until(lambda: hub.hub.live.viewers == 1)
            reading = asyncio.create_task(read(stream))
        async with asyncio.timeout(5):
            assert "hub-state" in await reading  # ended properly: a stream that is cut raises


async def test_page_opens_without_a_broker_and_says_so(tmp_path: Any) -> None:
    config = config_for(tmp_path, 1)
    async with serving(config, connected=False) as hub:
        await until(lambda: hub.hub.link.fault)
        text = await page(hub, "/")
        assert "Trung tâm mất liên lạc với các nút từ" in text
        assert "Chưa có nút nào" in text


async def test_command_is_refused_at_once_while_the_broker_is_away(
    hub: Running, node: FakeNode, broker: Mosquitto
) -> None:
    broker.stop()
    await until(lambda: not hub.hub.link.connected)
    answer = await hub.http.post(f"{PATH}/lights/cong-thon", data={"level": "100"}, headers=HX)
    assert "Chưa gửi được" in answer.text
    broker.start()
    await until(lambda: hub.hub.link.connected, 20)


async def test_language_by_link_and_cookie(hub: Running, node: FakeNode) -> None:
    assert 'lang="vi"' in await page(hub)
    assert "Trung tâm liên lạc tốt" in await page(hub, **{"Accept-Language": "en-GB,en;q=0.9,vi;q=0.5"})
    await hub.http.get("/?lang=en")
    assert "Tap to switch on" in await page(hub)


async def test_events_and_telemetry_are_shown_in_words(hub: Running, node: FakeNode) -> None:
    await node.send(
        event(1, "switched", "light/cong-thon", level=100, why="override", by="console"),
        event(2, "fault", "light/cong-thon", code="light.switching_error", id="cong-thon", wanted=100, actual=0),
        event(3, "command", None, state="done", do="speak", id="x"),
        sample(4, cpu=12.5, memory=40, temperature=51.2, disk=33, outbox_waiting=0),
    )
    strange = (
        b'{"node":"tram-bom","session":"s","records":[{"seq":5,"at":"%s","values":{"cpu":12.5,"load_1m":-Infinity}}]}'
    )
    await node.say(node.topics.telemetry, strange % now().isoformat().encode(), retain=False)
    await until(lambda: getattr(hub.hub.ledger.accounts.get("29401/tram-bom"), "version", 0) >= 5)
    text = await page(hub)
    assert re.search(r"Đèn cổng thôn · bật 100 % · từ bảng điều khiển", text)
    assert "Hỏng: Đèn cổng thôn · Đèn cong-thon không theo lệnh: muốn 100 %, thực tế 0 %." in text
    assert "Nhận lệnh" not in text
    assert "Bộ xử lý đang dùng" in text


async def test_waiting_for_a_silent_node_does_not_hold_up_the_end(
    broker: Mosquitto, tmp_path: Any, caplog: Any
) -> None:
    async with serving(config_for(tmp_path, broker.port)) as hub:
        verifier = Verifier({hub.hub.signer.key_id: hub.hub.signer.public})
        node = FakeNode(broker.port, verifier, silent=True)
        await node.__aenter__()
        await until(lambda: "29401/tram-bom" in hub.hub.registry.nodes)
        post = hub.http.post(f"{PATH}/lights/cong-thon", data={"level": "100"}, headers=HX)
        waiting = asyncio.create_task(post)
        picture = asyncio.create_task(hub.http.get(f"{PATH}/cameras/cong/picture"))
        await until(lambda: len(node.commands) >= 2)
        hub.hub.close_pages()
        assert "Chưa chắc đã làm" in (await waiting).text
        assert (await picture).headers["content-type"] == "image/svg+xml"
    await node.lose()
    assert "Cancel" not in caplog.text


async def test_a_speaker_that_plays_can_be_stopped(hub: Running, node: FakeNode) -> None:
    assert "Dừng loa" not in await page(hub)
    await node.state(SpeakerState(id="loa", at=now(), actual="playing", title="Họp thôn"))

    async def shown() -> bool:
        return "Dừng loa" in await page(hub)

    for _ in range(100):
        if await shown():
            break
        await asyncio.sleep(0.05)
    assert await shown()

    async def stop(n: FakeNode, asked: Any) -> None:
        await n.ack(asked, "done", result={"was_playing": True})

    node.replies["speaker.stop"] = stop
    answer = await hub.http.post(f"{PATH}/speakers/loa/stop", headers=HX)
    assert "Đã dừng loa" in answer.text
    assert (node.commands[-1].do, node.commands[-1].args.speaker) == ("speaker.stop", "loa")  # type: ignore[union-attr]


async def test_nothing_is_sent_to_a_node_that_is_away(hub: Running, node: FakeNode) -> None:
    await node.lose()
    await until(lambda: not hub.hub.registry.nodes["29401/tram-bom"].online)
    for path, data in (
        ("lights/cong-thon", {"level": "100"}),
        ("speak", {"text": "Xin chào"}),
        ("speakers/loa/stop", {}),
    ):
        answer = await hub.http.post(f"{PATH}/{path}", data=data, headers=HX)
        assert "lệnh không được gửi" in answer.text
    assert node.commands == []
    assert "lần báo cuối cùng" in await page(hub)
