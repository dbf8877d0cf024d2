"""Lights, pumps, groups, sensors, cabinets and rules on the page, over real HTTP with nodes on a real broker."""

import asyncio
import html
import re
from typing import Any

import pytest
from hub_rig import FakeNode, Mosquitto, Running, event, now, until

from edge_agent.contract.capabilities import Capability, Group
from edge_agent.contract.errors import Fault
from edge_agent.contract.switched import LightState, SensorState

NODE = "29401/tram-bom"
PATH = f"/nodes/{NODE}"
HX = {"HX-Request": "true"}


async def page(hub: Running, path: str = PATH) -> str:
    text = html.unescape((await hub.http.get(path)).text)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


async def post(hub: Running, path: str, **data: str) -> str:
    return html.unescape((await hub.http.post(f"{PATH}/{path}", data=data, headers=HX)).text)


@pytest.fixture
async def farm(hub: Running, node: FakeNode) -> FakeNode:
    await node.furnish(rows=3)
    await until(lambda: len(hub.hub.registry.nodes[NODE].states) >= 15)
    return node


async def test_each_thing_says_what_why_and_until_when(hub: Running, farm: FakeNode) -> None:
    text = await page(hub)
    for words in (
        "Đèn sân bóng Đã bật nhưng không sáng Bật tay bởi Lan đến ",
        "Máy bơm ao Đang tắt Khoá an toàn: bể cạn nước. Giữ khoá đến khi có người kiểm tra",
        "Đã kiểm tra, mở khoá",
        "Van tưới vườn rau Đang tắt Bật tay từ bảng điều khiển đến ",
        "Quạt chuồng gà Đang chạy Theo luật: Quạt chạy vì nhiệt độ 33,2 °C",
        "12,4 kWh ước tính · 132 giờ",
        "4,2 kWh đo được · 12 giờ · bật 3 lần · 1240 lít",
        "Nhiệt độ chuồng 33,2 °C",
        "Cửa mở · Có điện lưới · 412 W · 1032 kWh đo được · mất điện 2 lần",
        "Quạt khi nóng → Quạt chuồng gà Chạy thật",
        "Đường trục thôn 3/4 đang bật",
        "3/6 đèn đang sáng",
    ):
        assert words in text
    assert re.search(r"Chờ đến \d\d:\d\d:\d\d mới bật lại được", text)
    assert "Muốn" not in text  # what waits for its time is not wrong


async def test_what_is_wrong_stands_first_with_since_when(hub: Running, farm: FakeNode) -> None:
    text = await page(hub)
    assert "Cần xem: 3 chỗ" in text
    told = text[text.index("Cần xem") : text.index("Tất cả đèn")]
    assert re.search(r"Tủ điện trạm bơm: cửa tủ đang mở. Từ \d\d:\d\d", told)
    assert re.search(r"Đèn sân bóng: đã bật nhưng đèn không sáng .* Từ \d\d:\d\d", told)
    assert "Mức nước bể" in told
    assert "san-bong:" not in text


async def test_one_tap_for_half_an_hour_back_to_automatic_and_reset(hub: Running, farm: FakeNode) -> None:
    for path, data, seen in (
        ("lights/cong-thon", {"do": "on"}, {"level": 100, "seconds": None}),
        ("lights/cong-thon", {"do": "off"}, {"level": 0, "seconds": None}),
        ("lights/cong-thon", {"do": "on:1800"}, {"level": 100, "seconds": 1800}),
        ("switches/quat", {"do": "on:7200"}, {"level": 100, "seconds": 7200}),
        ("lights/san-bong", {"level": "35"}, {"level": 35, "seconds": None}),
        ("switches/van", {"do": "on", "litres": "2,5"}, {"level": 100, "amount": 2.5}),
        ("switches/van", {"do": "auto"}, {"do": "switch.release"}),
        ("switches/bom", {"do": "reset"}, {"do": "switch.reset"}),
        ("rules/nong", {"armed": "0"}, {"do": "rule.arm", "armed": False}),
        ("groups/truc-thon", {"do": "on:1800"}, {"thing": "truc-thon", "seconds": 1800}),
        ("groups/lights", {"do": "off"}, {"thing": "lights", "level": 0}),
    ):
        answer = await post(hub, path, **data)
        assert "toast good" in answer, (path, data, answer)
        args = farm.commands[-1].args
        assert {name: getattr(args, name) for name in seen} == seen
    asked = len(farm.commands)
    assert "lớn hơn 0" in await post(hub, "switches/van", do="on", litres="nhiều")
    assert "lớn hơn 0" in await post(hub, "switches/van", do="on", litres="nan")
    assert "không đúng" in await post(hub, "lights/cong-thon", do="on:forever")
    assert "không đúng" in await post(hub, "lights/cong-thon", do="on:90000")
    assert "không đúng" in await post(hub, "lights/cong-thon", do="explode")
    assert len(farm.commands) == asked


async def test_pump_that_a_tap_starts_says_how_to_stop_it(hub: Running, farm: FakeNode) -> None:
    raw = (await hub.http.get("/nodes/29401/tram-bom")).text
    button = re.search(r'<button id="n_29401_tram-bom_switch_bom"[^>]*>', raw)
    assert button and 'value="on:1800"' in button[0]
    answer = await post(hub, "switches/bom", do="on:1800")
    assert "Máy bơm ao: đang chạy. Muốn dừng, chạm lại" in answer
    assert 'value="off"' in answer  # the very button stops it


async def test_group_that_follows_in_part_names_who_did_not(hub: Running, farm: FakeNode) -> None:
    async def partly(n: FakeNode, asked: Any) -> None:
        things = {"cong-thon": {"wanted": 100}, "den-1": {"fault": Fault.of("command.busy").model_dump(mode="json")}}
        fault = Fault.of("switch.partly", done=1, all=2, failed="den-1")
        await n.ack(asked, "failed", fault=fault, result={"things": things})

    farm.replies["switch.override"] = partly
    answer = await post(hub, "groups/truc-thon", do="on")
    assert "Đường trục thôn: 1/2 đã làm xong. Chưa được: Đèn trục 1 (Nút đang có quá nhiều lệnh chờ" in answer
    assert "toast bad" in answer


async def test_all_lights_of_the_commune_show_each_nodes_answer_as_it_comes(
    hub: Running, node: FakeNode, broker: Mosquitto
) -> None:
    assert "Đèn toàn xã" not in await page(hub, "/")
    held = asyncio.Event()

    async def late(n: FakeNode, asked: Any) -> None:
        await held.wait()
        await n.ack(asked, "rejected", fault=Fault.of("command.busy"))

    async with FakeNode(broker.port, node.verifier, node="cong-lang", title="Cổng làng", hub_url=hub.url) as other:
        other.replies["switch.override"] = late
        await until(lambda: (n := hub.hub.registry.nodes.get("29401/cong-lang")) and n.about)
        assert "Đèn toàn xã (2 nút)" in await page(hub, "/")
        data = {"thing": "lights", "do": "on:1800"}
        asking = asyncio.create_task(hub.http.post("/communes/29401/switch", data=data))
        async with asyncio.timeout(5):
            while "1/2 nút báo đã làm xong. Đang chờ các nút khác" not in await page(hub, "/"):
                await asyncio.sleep(0.05)
        held.set()
        answer = await asking
    assert answer.status_code == 303
    text = html.unescape((await hub.http.get(answer.headers["location"])).text)
    assert "1/2 nút báo đã làm xong. Chưa được: Cổng làng." in text
    assert "Nút đang có quá nhiều lệnh chờ" in text


async def test_groups_are_joined_only_where_id_and_name_agree(hub: Running, node: FakeNode, broker: Mosquitto) -> None:
    both = Group(id="cho", name="Chợ", members=("cong-thon",))
    other = FakeNode(broker.port, node.verifier, node="cong-lang", title="Cổng làng", hub_url=hub.url)
    other.groups = (both, Group(id="den-thon", name="Đèn thôn Tây", members=("cong-thon",)))
    node.groups = (both, Group(id="den-thon", name="Đèn thôn Đông", members=("cong-thon",)))
    await node.say(node.topics.about, node.about().body())
    async with other:
        await until(lambda: (n := hub.hub.registry.nodes.get("29401/cong-lang")) and n.about)
        await until(lambda: hub.hub.registry.nodes[NODE].about.groups)  # type: ignore[union-attr]
        text = await page(hub, "/")
        assert "Chợ ở 2 nút" in text
        assert "Đèn thôn Tây ở 2 nút" not in text and "Đèn thôn Đông ở 2 nút" not in text
        data = {"thing": "den-thon", "name": "Đèn thôn Tây", "do": "on"}
        answer = await hub.http.post("/communes/29401/switch", data=data, headers=HX)
        assert "1/1 nút báo đã làm xong" in html.unescape(answer.text)
    assert node.commands == []


async def test_nodes_of_an_older_kind_are_shown_as_before(hub: Running, node: FakeNode) -> None:
    old = (
        b'{"id":"cong-thon","kind":"light","at":"2026-01-01T00:00:00Z","wanted":100,"actual":0,"why":"program",'
        b'"fault":{"code":"light.switching_error","vi":"cong-thon hong","en":"x"}}'
    )
    await node.say(node.topics.state("light", "cong-thon"), old)
    await until(lambda: hub.hub.registry.nodes[NODE].states["light", "cong-thon"].fault)
    text = await page(hub)
    assert "Đèn cổng thôn Đang tắt Theo lịch" in text
    assert "Cần xem: 1 chỗ Đèn cổng thôn cong-thon hong" in text
    await node.state(LightState(id="san-nha", at=now(), wanted=100, actual=0, why="program"))
    await until(lambda: hub.hub.registry.nodes[NODE].states["light", "san-nha"].wanted)  # type: ignore[union-attr]
    assert "Muốn 100 % nhưng thực tế 0 %" in await page(hub)


async def test_what_was_taken_out_of_the_configuration_is_drawn_no_more(hub: Running, farm: FakeNode) -> None:
    await farm.state(LightState(id="da-thao", at=now(), wanted=100, actual=100, why="override", by="Lan"))
    await until(lambda: ("light", "da-thao") in hub.hub.registry.nodes[NODE].states)
    text = await page(hub)
    assert "da-thao" not in text
    assert "3/6 đèn đang sáng" in text


async def test_groups_in_a_circle_do_no_harm(hub: Running, node: FakeNode) -> None:
    node.groups = (
        Group(id="a", name="A", members=("b", "cong-thon")),
        Group(id="b", name="B", members=("a", "b", "san-nha", "nobody")),
    )
    await node.say(node.topics.about, node.about().body())
    await until(lambda: hub.hub.registry.nodes[NODE].about.groups)  # type: ignore[union-attr]
    assert "A 0/2 đang bật" in await page(hub)


async def test_group_with_a_pump_runs_no_longer_than_the_pumps_own_button(hub: Running, farm: FakeNode) -> None:
    farm.groups = (*farm.groups, Group(id="ao", name="Ao cá", members=("bom", "cong-thon")))
    await farm.say(farm.topics.about, farm.about().body())
    await until(lambda: len(hub.hub.registry.nodes[NODE].about.groups) == 2)  # type: ignore[union-attr]
    raw = (await hub.http.get("/nodes/29401/tram-bom")).text
    assert re.search(r'id="n_29401_tram-bom_g_ao_on"[^>]* value="on:1800"', raw)
    assert re.search(r'id="n_29401_tram-bom_g_truc-thon_on"[^>]* value="on"', raw)


async def test_two_hundred_lights_are_folded_by_group(hub: Running, node: FakeNode) -> None:
    await node.furnish(rows=200)
    await until(lambda: len(hub.hub.registry.nodes[NODE].states) >= 211, 20)
    raw = (await hub.http.get("/nodes/29401/tram-bom")).text
    assert raw.count('class="lamp"') == 206
    assert re.search(r"<summary>Đường trục thôn \(201\)</summary>", raw)
    assert raw.index("Cần xem") < raw.index("<summary>Đường trục thôn")


async def test_many_sensors_are_folded_and_a_broken_one_stands_first(hub: Running, farm: FakeNode) -> None:
    about = farm.about()
    more = tuple(Capability(id=f"do-{n}", kind="sensor", name=f"Đo {n}") for n in range(9))
    told = about.model_copy(update={"capabilities": (*about.capabilities, *more)})
    await farm.say(farm.topics.about, told.body())
    fault = Fault.of("sensor.silent", id="Đo 3", since="06:00", detail="x")
    await farm.state(SensorState(id="do-3", at=now(), fault=fault))
    await until(lambda: ("sensor", "do-3") in hub.hub.registry.nodes[NODE].states)
    await until(lambda: len(hub.hub.registry.nodes[NODE].about.capabilities) == len(told.capabilities))  # type: ignore[union-attr]
    body = html.unescape((await hub.http.get("/nodes/29401/tram-bom")).text)
    assert re.search(r'<details class="fold" id="\S+_fold_sensors"><summary>Cảm biến \(\d+\)</summary>', body)
    assert body.index("Cảm biến Đo 3 im lặng") < body.index("_fold_sensors")


async def test_events_of_things_are_told_in_words(hub: Running, farm: FakeNode) -> None:
    since = now().isoformat()
    await farm.send(
        event(1, "fault", "light/san-bong", code="lampFailure", id="san-bong", value="0 A", since=since),
        event(2, "cleared", "light/san-bong", code="lampFailure", since=since),
        event(3, "interlock", "switch/bom", code="interlock.blocked", reason="bể cạn nước"),
        event(4, "interlock", "switch/bom", code="interlock.blocked", ended=True),
        event(5, "rule", "rule/nong", did="began", code="rule.acts", vi="Quạt chạy vì nóng.", en="Hot."),
        event(6, "override", "switch/van", ended="amount"),
        event(7, "fault", "cabinet/tu", code="somethingNew", id="tu"),
    )
    await until(lambda: len(hub.hub.ledger.accounts[NODE].events if NODE in hub.hub.ledger.accounts else ()) == 7)
    text = await page(hub)
    for words in (
        "Hỏng: Đèn sân bóng · Đèn sân bóng: đã bật nhưng đèn không sáng",
        "Đã hết lỗi: Đèn sân bóng",
        "Máy bơm ao · khoá an toàn · Khoá an toàn: bể cạn nước.",
        "Máy bơm ao · hết khoá an toàn",
        "Luật Quạt khi nóng bắt đầu · Quạt chạy vì nóng.",
        "Van tưới vườn rau · đủ số lít",
        "Hỏng: Tủ điện trạm bơm",
    ):
        assert words in text, words
