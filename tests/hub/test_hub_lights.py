"""The pages of lights: villages, all lamps of one at once, undo, two people at one lamp, tonight's picture."""

import asyncio
import html
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from hub_rig import FakeNode, Mosquitto, Running, now, signed_in, until

from edge_agent.contract.capabilities import SpokenVoice
from edge_agent.contract.errors import Fault
from edge_agent.contract.switched import LightState
from edge_agent.contract.timetables import ComingSwitch, TimetableState
from hub.monthly.tables import add, millis, month_of
from hub.node import Node
from hub.people.rights import Grant, Place, Role
from hub.people.sessions import COOKIE
from hub.sentences import Speaker
from hub.things.acts import morning
from hub.things.tonight import Line, night

NODE = "29401/tram-bom"
PATH = f"/nodes/{NODE}"
EAST = "/lights/29401/thon-dong"
HX = {"HX-Request": "true"}
HCM = ZoneInfo("Asia/Ho_Chi_Minh")


async def page(hub: Running, path: str = EAST) -> str:
    answer = await hub.http.get(path, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    text = html.unescape(answer.text)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


async def post(http: httpx.AsyncClient, path: str, **data: str) -> str:
    return html.unescape((await http.post(path, data=data, headers=HX)).text)


def undo_of(answer: str) -> str:
    found = re.search(r'action="(/lights/undo/[^"]+)"', answer)
    assert found, answer
    return found[1]


class _West(FakeNode):
    """A node of another area."""

    def about(self) -> Any:
        return super().about().model_copy(update={"zone": "Thôn Tây"})


@pytest.fixture
async def farm(hub: Running, node: FakeNode) -> FakeNode:
    await node.furnish(rows=3)
    await until(lambda: len(hub.hub.registry.nodes[NODE].states) >= 15)
    return node


@pytest.fixture
async def west(hub: Running, node: FakeNode, broker: Mosquitto) -> AsyncIterator[FakeNode]:
    async with _West(broker.port, node.verifier, node="cho-tay", title="Chợ Tây", hub_url=hub.url) as other:
        await until(lambda: (n := hub.hub.registry.nodes.get("29401/cho-tay")) and n.about and len(n.states) >= 4)
        yield other


@pytest.fixture
async def head(hub: Running) -> AsyncIterator[httpx.AsyncClient]:
    """The head of the eastern area."""
    secret = await signed_in(hub.hub, "truong-thon", Grant(Role.AREA_HEAD, Place("29401", "thon-dong")))
    async with httpx.AsyncClient(
        base_url=hub.url, timeout=15, cookies={COOKIE: secret}, headers={"Origin": hub.url}
    ) as http:
        yield http


async def test_who_has_one_village_is_there_at_once_and_sees_its_rows(hub: Running, farm: FakeNode) -> None:
    answer = await hub.http.get("/lights")
    assert answer.status_code == 303 and answer.headers["location"].startswith(EAST)
    text = await page(hub, "/lights")
    for words in (
        "Đèn Thôn Đông",
        "Tất cả đèn Thôn Đông (1 nút)",
        "Đường trục thôn 3/4 đang bật",
        "Tắt 10 phút",
        "Bật đến sáng",
        "Cần xem: 3 chỗ",
        "Máy bơm ao Đang tắt Khoá an toàn: bể cạn nước",
        "Đã kiểm tra, mở khoá",
        "Đêm nay",
    ):
        assert words in text, words


async def test_villages_are_listed_and_the_lamps_of_none_are_drawn(
    hub: Running, farm: FakeNode, west: FakeNode
) -> None:
    raw = (await hub.http.get("/lights")).text
    assert 'class="lamp"' not in raw
    text = await page(hub, "/lights")
    assert "Thôn Đông" in text and "Thôn Tây" in text and "4/6 đèn đang sáng" in text
    assert "1 nút báo có chỗ hỏng" in text
    assert "Đèn cổng thôn" not in text


async def test_a_whole_village_goes_dark_for_ten_minutes_and_no_other(
    hub: Running, farm: FakeNode, west: FakeNode
) -> None:
    answer = await post(hub.http, f"{EAST}/switch", thing="lights", do="off:600")
    assert "1/1 nút báo đã làm xong" in answer and "toast good" in answer
    args: Any = farm.commands[-1].args
    assert (args.thing, args.level, args.seconds) == ("lights", 0, 600)
    assert west.commands == []
    text = await page(hub)
    assert "1/1 đã trả lời. 1/1 nút báo đã làm xong." in text and "0/6 đèn đang sáng" in text


async def test_who_does_not_answer_is_named_while_the_others_are_counted(
    hub: Running, node: FakeNode, broker: Mosquitto
) -> None:
    held = asyncio.Event()

    async def late(n: FakeNode, asked: Any) -> None:
        await held.wait()
        await n.ack(asked, "rejected", fault=Fault.of("command.busy"))

    async with FakeNode(broker.port, node.verifier, node="cong-lang", title="Cổng làng", hub_url=hub.url) as other:
        other.replies["switch.override"] = late
        await until(lambda: (n := hub.hub.registry.nodes.get("29401/cong-lang")) and n.about)
        asking = asyncio.create_task(hub.http.post(f"{EAST}/switch", data={"thing": "lights", "do": "on"}))
        async with asyncio.timeout(8):
            while "1/2 đã trả lời" not in await page(hub):
                await asyncio.sleep(0.05)
        held.set()
        await asking
        text = await page(hub)
        assert "2/2 đã trả lời. 1/2 nút báo đã làm xong." in text
        assert "Cổng làng Nút đang có quá nhiều lệnh chờ" in text


async def test_undo_gives_back_what_decided_before(hub: Running, farm: FakeNode) -> None:
    answer = await post(hub.http, f"{PATH}/lights/cong-thon", do="on")
    assert "Hoàn tác" in answer and 'data-stays="10000"' in answer
    assert "Đã trả lại như trước" in await post(hub.http, undo_of(answer))
    args: Any = farm.commands[-1].args
    assert (args.do, args.thing) == ("switch.release", "cong-thon")
    ends = (now() + timedelta(hours=2)).replace(microsecond=0)
    lamp = LightState(id="den-1", at=now(), wanted=40, actual=40, why="override", by="Lan", until=ends)
    await farm.state(lamp)
    await until(lambda: hub.hub.registry.nodes[NODE].states["light", "den-1"].by == "Lan")  # type: ignore[union-attr]
    answer = await post(hub.http, f"{PATH}/lights/den-1", do="off")
    assert "Đã trả lại như trước" in await post(hub.http, undo_of(answer))
    args = farm.commands[-1].args
    assert (args.do, args.thing, args.level, args.until) == ("switch.override", "den-1", 40, ends)


async def test_undo_of_a_village_restores_each_row_and_works_once(hub: Running, farm: FakeNode) -> None:
    answer = await post(hub.http, f"{EAST}/switch", thing="lights", do="off")
    token = undo_of(answer)
    assert "Đã trả lại như trước" in await post(hub.http, token)
    again = [c.args for c in farm.commands[-2:]]
    assert {getattr(a, "thing", "") for a in again} == {"lights", "san-bong"}  # the lamp that Lan had dimmed
    assert "Đã quá lúc hoàn tác" in await post(hub.http, token)


async def test_of_two_people_the_last_wins_and_the_first_undoes_nothing(
    hub: Running, farm: FakeNode, head: httpx.AsyncClient
) -> None:
    first = await post(hub.http, f"{PATH}/lights/cong-thon", do="on")
    assert "toast good" in await post(head, f"{PATH}/lights/cong-thon", do="off:600")
    for http in (hub.http, head):
        text = html.unescape((await http.get(EAST)).text)
        assert "Tắt tay bởi truong-thon" in text
    asked = len(farm.commands)
    assert "đã có người khác đổi: truong-thon" in await post(hub.http, undo_of(first))
    assert len(farm.commands) == asked


async def test_nobody_undoes_what_another_person_did(hub: Running, farm: FakeNode, head: httpx.AsyncClient) -> None:
    token = undo_of(await post(hub.http, f"{PATH}/lights/cong-thon", do="on"))
    assert "Đã quá lúc hoàn tác" in await post(head, token)
    assert "Đã trả lại như trước" in await post(hub.http, token)


async def test_an_area_head_sees_and_switches_only_the_own_area(
    hub: Running, farm: FakeNode, west: FakeNode, head: httpx.AsyncClient
) -> None:
    assert (await head.get("/lights")).headers["location"].startswith(EAST)
    assert (await head.get("/lights/29401/thon-tay")).status_code == 404
    assert (await head.get("/lights/29401/thon-tay/cards")).status_code == 404
    refused = await head.post("/lights/29401/thon-tay/switch", data={"thing": "lights", "do": "on"}, headers=HX)
    assert refused.status_code == 403
    assert (await head.post("/lights/29401/-/switch", data={"do": "on"}, headers=HX)).status_code == 403
    assert west.commands == []
    assert "toast good" in await post(head, f"{EAST}/switch", thing="lights", do="on:morning")
    args: Any = farm.commands[-1].args
    assert args.until.astimezone(HCM).hour == 6


async def test_nonsense_changes_nothing(hub: Running, farm: FakeNode) -> None:
    for data in ({"do": "explode"}, {"do": "on:forever"}, {"do": "reset"}, {"thing": "x" * 300, "do": "on"}):
        assert "toast bad" in await post(hub.http, f"{EAST}/switch", **data), data
    assert farm.commands == []
    assert (await hub.http.get("/lights/29401/khong-co")).status_code == 404
    assert (await hub.http.get(f"{EAST}?page=999999999")).status_code == 200


async def test_energy_of_the_month_says_how_it_is_known(hub: Running, farm: FakeNode) -> None:
    month = month_of(millis(now()), HCM)
    kept = {(month, NODE, "kwh_measured", "a"): 12.5, (month, NODE, "kwh_estimated", "b"): 3.0}
    await hub.hub.store.call(lambda c: add(c, kept | {(month, "29401/khac", "kwh_measured", "a"): 99.0}))
    assert "Điện tháng này: 12,5 kWh đo được, 3 kWh ước tính theo công suất." in await page(hub)


def test_morning_is_the_next_six_o_clock() -> None:
    assert morning(datetime(2026, 11, 23, 15, tzinfo=UTC), HCM) == datetime(2026, 11, 24, 6, tzinfo=HCM)
    assert morning(datetime(2026, 11, 22, 20, tzinfo=UTC), HCM) == datetime(2026, 11, 23, 6, tzinfo=HCM)


async def test_tonights_picture_says_what_is_known_and_what_is_not(hub: Running, node: FakeNode) -> None:
    evening = datetime(2026, 11, 23, 20, tzinfo=HCM)
    lamp = LightState(
        id="cong-thon", at=evening - timedelta(hours=2), wanted=100, actual=100, why="program",
        until=evening + timedelta(hours=2),
    )  # fmt: skip
    known = hub.hub.registry.nodes[NODE]
    known.states["light", "cong-thon"] = lamp
    past = {"cong-thon": [(evening - timedelta(hours=3), 0.0), (evening - timedelta(hours=2), 100.0)]}
    drawn = night([(known, past)], Speaker("vi", HCM, evening))
    assert drawn is not None
    line = next(line for line in drawn.lines if "cổng" in line.name)
    assert [(bar.kind, bar.x, bar.width) for bar in line.bars] == [
        ("unknown", 0.0, 60.0),  # 16:00 to 17:00
        ("off", 60.0, 60.0),
        ("on", 120.0, 240.0),  # 18:00 to 22:00
        ("unknown", 360.0, 600.0),
    ]
    assert drawn.now == 240.0
    assert "Đang sáng đến 22:00; sau đó nút chưa báo" in drawn.said


AT_EIGHT = datetime(2026, 11, 23, 20, tzinfo=HCM)


def told_ahead(known: Node, *switches: tuple[int, float], photocell: bool = False) -> None:
    """The node says what its gate lamp will do: hours after noon, and levels."""
    noon = AT_EIGHT.replace(hour=12)
    coming = tuple(ComingSwitch(at=noon + timedelta(hours=hour), level=level) for hour, level in switches)
    begin, end = noon, noon + timedelta(days=2)
    state = TimetableState(id="cong-thon", at=noon, begin=begin, end=end, switches=coming, photocell=photocell)
    known.states["timetable", "cong-thon"] = state
    assert known.about is not None
    lamps = tuple(each.model_copy(update={"timetable": "cong-thon"}) for each in known.about.capabilities[:1])
    speaks = (SpokenVoice(id="nu", name="Nữ", engine="espeak-ng"),)
    changes = {"capabilities": (*lamps, *known.about.capabilities[1:]), "speaks": speaks}
    known.about = known.about.model_copy(update=changes)


def gate(known: Node, level: float, why: str, until: float | None = None) -> Line:
    """How the gate lamp is drawn at eight, when it is so until so many hours later."""
    end = None if until is None else AT_EIGHT + timedelta(hours=until)
    state = {"wanted": level, "actual": level, "why": why, "until": end}
    known.states["light", "cong-thon"] = LightState.model_validate({"id": "cong-thon", "at": AT_EIGHT, **state})
    known.states.pop(("light", "san-nha"), None)
    drawn = night([(known, {"cong-thon": [(AT_EIGHT - timedelta(hours=4), 0.0)]})], Speaker("vi", HCM, AT_EIGHT))
    assert drawn is not None
    return drawn.lines[0]


def seen(line: Line) -> list[tuple[str, int]]:
    """Kinds of its parts, and hours from 16:00 at which they begin."""
    return [(bar.kind, round(bar.x / 60)) for bar in line.bars]


async def test_the_whole_night_is_drawn_where_the_node_has_told_it(hub: Running, node: FakeNode) -> None:
    known = hub.hub.registry.nodes[NODE]
    told_ahead(known, (0, 0), (6, 100), (11, 40), (17, 0), (30, 100))
    line = gate(known, 100, "program", 3)
    assert seen(line) == [("off", 0), ("on", 4), ("dim", 7), ("off", 13)]
    assert line.said == "Đang sáng; 23:00 còn 40 %, 05:00 tắt."
    line = gate(known, 0, "override", 5)  # off until one in the morning, then its programme again
    assert (seen(line), line.said) == ([("off", 0), ("dim", 9), ("off", 13)], "Đang tắt; 01:00 còn 40 %, 05:00 tắt.")
    line = gate(known, 0, "override", 20)
    assert (seen(line), line.said) == ([("off", 0)], "Đang tắt, không đổi đến sáng.")
    line = gate(known, 100, "rule")  # for how long, a sensor knows
    assert (seen(line), line.said) == ([("off", 0), ("unknown", 4)], "Đang sáng; nút chưa báo lúc nào đổi.")
    line = gate(known, 100, "rule", 1)
    assert seen(line) == [("off", 0), ("on", 4), ("dim", 7), ("off", 13)]
    told_ahead(known, (0, 0), (6, 100), (11, 40), (17, 0), photocell=True)
    assert gate(known, 100, "program", 3).said.endswith("theo cảm biến sáng.")


async def test_what_no_timetable_holds_stays_and_an_old_timetable_counts_no_more(hub: Running, node: FakeNode) -> None:
    known = hub.hub.registry.nodes[NODE]
    told_ahead(known, (0, 0), (6, 100))
    assert known.about is not None
    free = known.about.capabilities[0].model_copy(update={"timetable": None})
    known.about = known.about.model_copy(update={"capabilities": (free,)})
    assert gate(known, 0, "default").said == "Đang tắt, không đổi đến sáng."
    assert seen(gate(known, 100, "override", 2)) == [("off", 0), ("on", 4), ("unknown", 6)]
    told_ahead(known, (0, 0), (6, 100))
    old = known.states["timetable", "cong-thon"]
    earlier = {"begin": AT_EIGHT - timedelta(days=9), "end": AT_EIGHT - timedelta(days=7)}
    known.states["timetable", "cong-thon"] = old.model_copy(update=earlier)
    assert seen(gate(known, 100, "program", 3))[-1] == ("unknown", 4)
