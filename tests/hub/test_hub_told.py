"""What a real node tells of itself, through a real broker, on the hub's pages: examination, coming switches, voices."""

import asyncio
import html
import re
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hub_rig import TOKEN, FakeNode, Mosquitto, Running, now, signed_in, until

from bench.rig import COMMUNE, NODE, node_config, process
from edge_agent.contract.capabilities import SpokenVoice
from edge_agent.contract.commands import PlanBulletin
from edge_agent.contract.health import DoctorState, Finding
from edge_agent.contract.reports import About, BulletinState
from edge_agent.contract.timetables import TimetableState
from hub.people.rights import Grant, Place, Role
from hub.people.sessions import COOKIE
from hub.sentences import Speaker
from hub.things.foretold import foretold
from hub.things.tonight import night

ADDRESS = f"{COMMUNE}/{NODE}"
PATH = f"/nodes/{ADDRESS}"
HCM = ZoneInfo("Asia/Ho_Chi_Minh")
EVENING = {"on": "18:00", "off": "05:00", "steps": [{"at": "23:00", "level": 0}]}


def words(raw: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", raw)).split())


@pytest.fixture
async def real(hub: Running, broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Path]:
    """A real agent: a lamp with a programme, two voices of which one is broken, and a driver that cannot work here."""
    folder = tmp_path / "node"
    folder.mkdir()
    (folder / "token").write_text(TOKEN)
    config = node_config(
        folder,
        broker.port,
        hub.hub.signer,
        hub={"url": hub.url, "token": {"file": str(folder / "token")}},
        drivers=[
            {"id": "relays", "driver": "simulated-relay", "lines": {"1": {}, "2": {}}},
            {"id": "horn", "driver": "file-speaker"},
            {"id": "pins", "driver": "rpi-gpio-relay", "lines": {"1": {"pin": 17}}},
        ],
        lights=[
            {"id": "lamp", "name": "Đèn cổng", "line": "relays/1", "programme": EVENING},
            {"id": "row", "name": "Đèn trục", "line": "relays/2", "programme": EVENING},
        ],
        voice={
            "chain": [
                {"engine": "espeak-ng", "id": "nu", "name": "Giọng nữ"},
                {"engine": "espeak-ng", "id": "nam", "name": "Giọng nam", "pitch": 20},
                {"engine": "espeak-ng", "id": "hong", "name": "Giọng hỏng", "pitch": 70, "program": "/nonexistent"},
            ]
        },
    )
    with process(sys.executable, "-m", "edge_agent", "run", str(config), log=folder / "agent.log"):
        nodes = hub.hub.registry.nodes
        await until(
            lambda: (n := nodes.get(ADDRESS)) and n.online and n.about and ("timetable", "lamp") in n.states, 60
        )
        yield folder


async def page(hub: Running, path: str, who: str = "") -> str:
    headers = {"Cookie": f"{COOKIE}={who}"} if who else {}
    return (await hub.http.get(path, headers=headers)).text


async def test_a_node_is_examined_from_its_page_and_what_was_found_stays(hub: Running, real: Path) -> None:
    assert "Chưa ai khám nút này" in words(await page(hub, PATH))
    async with hub.http.stream("GET", f"{PATH}/live") as stream:
        told = (await hub.http.post(f"{PATH}/examine", headers={"HX-Request": "true"})).text
        assert "Nút bắt đầu tự khám" in told
        live = ""
        async with asyncio.timeout(60):
            async for chunk in stream.aiter_text():
                live += chunk
                if "Khám xong lúc" in words(live):
                    break
    assert "Đang khám: " in words(live) and "<progress" in live
    text = words(await page(hub, PATH))
    assert re.search(
        r"Khám xong lúc .*\d\d:\d\d.*, do \S.* yêu cầu: \d+ phần tốt, 1 phần cần chú ý, 1 phần hỏng\.", text
    )
    found = text[text.index("Khám xong lúc") :]
    assert "Thiết bị pins: Hỏng." in found[: found.index("Đồng hồ")]  # what is wrong stands first
    assert "Giọng đọc: Tốt." in found and "espeak-ng" in found
    assert "Thẻ nhớ: Tốt." in found and "Nơi nhận ảnh và tiếng: Tốt." in found
    english = words(await page(hub, f"{PATH}?lang=en"))
    assert "Device pins: Faulty." in english and "speaks by espeak-ng" in english
    async with asyncio.timeout(20):
        while "Nút được khám" not in words(await page(hub, f"{PATH}?lang=vi")):
            await asyncio.sleep(0.2)


async def test_only_an_installer_of_this_place_may_and_one_at_a_time(hub: Running, real: Path) -> None:
    head = await signed_in(hub.hub, "truong-thon", Grant(Role.AREA_HEAD, Place(COMMUNE, "", NODE)))
    assert "Khám ngay" not in words(await page(hub, PATH, who=head))
    signed = {"Cookie": f"{COOKIE}={head}"}
    assert (await hub.http.post(f"{PATH}/examine", headers=signed)).status_code in (401, 403)
    fitter = await signed_in(hub.hub, "tho-lap", Grant(Role.INSTALLER, Place(COMMUNE)))
    assert "Khám ngay" in words(await page(hub, PATH, who=fitter))
    both = await asyncio.gather(*(hub.http.post(f"{PATH}/examine", headers={"HX-Request": "true"}) for _ in range(2)))
    state = await until(lambda: hub.hub.registry.nodes[ADDRESS].states.get(("doctor", "node")), 30)
    assert isinstance(state, DoctorState)
    assert all("toast" in each.text for each in both)
    await until(lambda: getattr(hub.hub.registry.nodes[ADDRESS].states[("doctor", "node")], "ended", None), 60)


async def test_the_coming_night_of_a_real_node_is_drawn_whole(hub: Running, real: Path) -> None:
    known = hub.hub.registry.nodes[ADDRESS]
    plan = known.states["timetable", "lamp"]
    assert isinstance(plan, TimetableState) and known.about
    assert {each.id: each.timetable for each in known.about.capabilities if each.kind == "light"} == {
        "lamp": "lamp",
        "row": "lamp",  # the same programme, told once
    }
    five = Speaker("vi", HCM, plan.begin + timedelta(hours=5))
    drawn = night([(known, {})], five)
    assert drawn is not None
    (line,) = drawn.lines
    assert "và 1 đèn nữa" in line.name and "23:00 tắt" in line.said
    assert all(bar.kind != "unknown" or bar.x < 60 for bar in line.bars)  # 16:00 to 17:00: nobody had reported it
    told = await hub.http.post(f"{PATH}/lights/lamp", data={"do": "on:600"}, headers={"HX-Request": "true"})
    assert "toast good" in told.text
    lamp = await until(lambda: (s := known.states["light", "lamp"]).why == "override" and s, 10)  # type: ignore[union-attr]
    coming = foretold(known, lamp, lamp.at)
    assert coming.edges[0][1] == 100
    assert coming.edges[-1][0] == plan.end and None not in [level for _, level in coming.edges[:-1]]


def bulletin(voice: str) -> PlanBulletin:
    """One whose sound the node makes itself."""
    text = {"kind": "text", "text": "Xin chào bà con.", "voice": voice}
    body = {"id": "chao", "title": "Chào", "at": "2099-01-01T01:00:00Z", "segments": [text]}
    return PlanBulletin.model_validate({"bulletin": body})


async def test_a_node_refuses_a_voice_that_it_has_not_and_tells_when_another_speaks(hub: Running, real: Path) -> None:
    known = hub.hub.registry.nodes[ADDRESS]
    assert known.about and [voice.id for voice in known.about.speaks] == ["nu", "nam", "hong"]
    send = hub.hub.commands.send
    refused = await send(ADDRESS, bulletin("ba-gia"), limit=30, life=60)
    assert refused.state == "rejected" and refused.fault and refused.fault.code == "voice.unknown"
    assert "Các giọng có ở đây: nu, nam, hong" in refused.fault.vi
    for voice, told in (("nam", None), ("hong", "voice.instead")):
        assert (await send(ADDRESS, bulletin(voice), limit=30, life=60)).state == "done"

        def ready(voice: str = voice, told: str | None = told) -> bool:
            state = known.states.get(("bulletin", "chao"))
            assert voice and (state is None or isinstance(state, BulletinState))
            return bool(state and state.actual == "ready" and (state.said.code if state.said else None) == told)

        await until(ready, 60)
    assert "Giọng “hong” không đọc được ở nút này" in words(await page(hub, PATH))


class Newer(FakeNode):
    """A node that tells its voices, and so can be examined."""

    def about(self) -> About:
        voices = (SpokenVoice(id="nu", name="Giọng nữ", engine="espeak-ng"),)
        return super().about().model_copy(update={"speaks": voices})


async def test_one_that_was_cut_short_or_is_from_another_time_is_told_as_that(
    hub: Running, node: FakeNode, broker: Mosquitto
) -> None:
    old = f"/nodes/{node.commune}/{node.node}"
    assert "bản cũ, chưa khám từ xa được" in words(await page(hub, old))
    told = (await hub.http.post(f"{old}/examine", headers={"HX-Request": "true"})).text
    assert "toast bad" in told and "bản cũ" in told
    assert not [command for command in node.commands if command.do == "node.examine"]
    async with Newer(broker.port, node.verifier, node="cho", title="Chợ Đình", hub_url=hub.url) as other:
        address = "29401/cho"
        state = DoctorState(id="node", at=now(), actual="examining", session="s-1", began=now(), by="Lan", parts=4)
        await other.state(state.model_copy(update={"part": "camera cong", "done": 2}))
        nodes = hub.hub.registry.nodes
        await until(lambda: address in nodes and ("doctor", "node") in nodes[address].states and nodes[address].about)
        seen = words(await page(hub, f"/nodes/{address}"))
        assert "Đang khám: Camera Cổng thôn. Do Lan yêu cầu." in seen and "Khám ngay" not in seen
        await other.state(state.model_copy(update={"session": "s-0"}))
        await until(lambda: nodes[address].states["doctor", "node"].session == "s-0")  # type: ignore[union-attr]
        seen = words(await page(hub, f"/nodes/{address}"))
        assert "bị bỏ dở vì nút tắt hoặc khởi động lại" in seen and "Khám ngay" in seen
        strange = Finding(part="antenna", state="faulty", vi="<b>gãy</b>", en="broken")
        await other.state(state.model_copy(update={"actual": "done", "ended": now(), "findings": (strange,)}))
        await until(lambda: nodes[address].states["doctor", "node"].findings)  # type: ignore[union-attr]
        raw = await page(hub, f"/nodes/{address}")
        assert "antenna: Hỏng. &lt;b&gt;gãy&lt;/b&gt;" in raw
    await until(lambda: not hub.hub.registry.nodes[address].online)
    seen = words(await page(hub, f"/nodes/{address}"))
    assert "antenna: Hỏng" in seen and "đang mất kết nối nên chưa khám được" in seen
