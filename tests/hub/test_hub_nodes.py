"""The list of nodes, the page of one, and the map: found, seen by whom may see, drawn where they stand."""

import asyncio
import html
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from hub_rig import FakeNode, Mosquitto, Running, event, now, sample, signed_in, until

from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import About, BulletinState, LightState, Position, SpeakerState
from hub.marks import Mark
from hub.nodes.drawing import NotOnePlane, Pin, fit
from hub.people.rights import Grant, Place, Role
from hub.people.sessions import COOKIE

ADDRESS = "29401/tram-bom"
PATH = f"/nodes/{ADDRESS}"


def words(raw: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", raw)).split())


async def page(hub: Running, path: str, who: str = "") -> str:
    headers = {"Cookie": f"{COOKIE}={who}"} if who else {}
    return (await hub.http.get(path, headers=headers)).text


class Placed(FakeNode):
    """A node that says where it stands."""

    spot = (20.9, 105.8)
    area = "Thôn Tây"

    def about(self) -> About:
        position = Position(latitude=self.spot[0], longitude=self.spot[1])
        return super().about().model_copy(update={"position": position, "zone": self.area})


@pytest.fixture
async def others(hub: Running, node: FakeNode, broker: Mosquitto) -> Any:
    """Two more nodes, in another area."""
    made = []
    for name, title, spot in (("cong-lang", "Cổng làng", (20.9, 105.8)), ("cho", "Chợ Đình", (20.5, 105.4))):
        other = Placed(broker.port, node.verifier, node=name, title=title, hub_url=hub.url)
        other.spot = spot
        await other.__aenter__()
        made.append(other)
    await until(lambda: all(n.about and len(n.states) >= 4 for n in hub.hub.registry.nodes.values()))
    await until(lambda: len(hub.hub.registry.nodes) == 3)
    yield made
    for other in made:
        await other.lose()


async def test_nodes_are_found_without_accents_and_by_area(
    hub: Running, node: FakeNode, others: list[FakeNode]
) -> None:
    found = words(await page(hub, "/nodes?q=cho+dinh"))
    assert "Chợ Đình" in found
    assert "Cổng làng" not in found
    assert "Trạm bơm Đông" in words(await page(hub, "/nodes?q=THON dong"))
    inside = words(await page(hub, "/nodes?place=29401%2F%2Fthon-tay"))
    assert "Chợ Đình" in inside and "Trạm bơm Đông" not in inside
    assert "Không có nút nào như vậy" in words(await page(hub, "/nodes?q=khong-co"))
    for nonsense in ("show=x", "page=-3", "page=99999999999", "place=%00", "q=" + "a" * 5000, "page=1e9"):
        assert (await hub.http.get(f"/nodes?{nonsense}")).status_code == 200


async def test_filters_and_sums_follow_what_nodes_report(hub: Running, node: FakeNode, others: list[FakeNode]) -> None:
    standings = hub.hub.registry.standings
    fault = Fault.of("light.switching_error", id="cong-thon", wanted=100, actual=0)
    await others[0].state(LightState(id="cong-thon", at=now(), wanted=100, actual=0, why="program", fault=fault))
    await others[1].state(SpeakerState(id="loa", at=now(), actual="idle", heard=False))
    await until(lambda: standings.sums()[Mark.FAULTY] == 1 and standings.sums()[Mark.SILENT] == 1)
    assert standings.sums("29401//thon-tay")[Mark.ONLINE] == 2
    assert standings.sums("29401//thon-dong")[Mark.FAULTY] == 0
    faulty = words(await page(hub, "/nodes?show=faults"))
    assert "Cổng làng" in faulty and "Chợ Đình" not in faulty
    assert "Chợ Đình" in words(await page(hub, "/nodes?show=silent"))
    await others[0].state(LightState(id="cong-thon", at=now(), wanted=0, actual=0, why="program"))
    await others[0].lose()
    await until(lambda: standings.sums()[Mark.AWAY] == 1)
    assert (standings.sums()[Mark.FAULTY], standings.sums()[Mark.ONLINE]) == (0, 2)
    assert "Cổng làng" in words(await page(hub, "/nodes?show=away"))
    for kind, thing in list(hub.hub.registry.nodes["29401/cho"].states):
        await others[1].say(others[1].topics.state(kind, thing), b"")
    await others[1].say(others[1].topics.about, b"")
    await others[1].say(others[1].topics.status, b"")
    await until(lambda: "29401/cho" not in hub.hub.registry.nodes)
    assert standings.sums()[Mark.ONLINE] == 1
    assert set(standings.in_place) == {"", "29401", "29401//thon-dong", "29401//thon-tay"}
    assert len(standings.ordered()) == 2


async def test_who_has_an_area_sees_and_hears_of_no_other(hub: Running, node: FakeNode, others: list[FakeNode]) -> None:
    head = await signed_in(hub.hub, "truong-thon", Grant(Role.AREA_HEAD, Place("29401", "thon-tay")))
    listed = words(await page(hub, "/nodes", who=head))
    assert "Chợ Đình" in listed and "Trạm bơm Đông" not in listed
    for path in (PATH, f"{PATH}/live", f"{PATH}/card"):
        assert (await hub.http.get(path, headers={"Cookie": f"{COOKIE}={head}"})).status_code == 403
    drawn = words(await page(hub, "/map", who=head))
    assert "Chợ Đình" in drawn and "Trạm bơm Đông" not in drawn
    for path in ("/nodes/live", "/home/live", "/map/live?commune=29401", "/live"):
        async with hub.http.stream("GET", path, headers={"Cookie": f"{COOKIE}={head}"}) as stream:
            told = ""
            await node.state(SpeakerState(id="loa", at=now(), actual="playing", title="Chuyện riêng thôn Đông"))
            await others[0].state(SpeakerState(id="loa", at=now(), actual="playing", title="Tin thôn Tây"))
            async with asyncio.timeout(10):
                async for chunk in stream.aiter_text():
                    told += chunk
                    heard = path == "/live" or "Tin thôn Tây" in told or ("/map" in path and "on_air" in told)
                    if heard and "2/2 nút" in told:
                        break
        assert "Chuyện riêng" not in told and "Trạm bơm Đông" not in told
        assert "2/2 nút" in told


async def test_card_offers_only_what_one_may_do(hub: Running, node: FakeNode) -> None:
    await node.furnish()
    viewer = await signed_in(hub.hub, "dan", Grant(Role.VIEWER, Place("29401")))
    seen = await page(hub, PATH, who=viewer)
    assert "Đèn cổng thôn" in seen
    for path in ("/speak", "/bulletins", "/volume", "/rules/", "/groups/", "cameras/cong/picture"):
        assert f'action="{PATH}{path}' not in seen and f"{PATH}/{path}" not in seen, path
    assert not re.search(r'class="lamp"[^>]*(?<!disabled)>', seen.replace("\n", " "))
    assert f'action="{PATH}/speak"' in await page(hub, PATH)


async def test_history_is_drawn_and_last_words_are_kept(hub: Running, node: FakeNode) -> None:
    early = [
        sample(n, temperature=50.5 + n, cpu=10.0 * n, link_rtt=0.4 * n).model_copy(
            update={"at": now() - timedelta(minutes=60 - n)}
        )
        for n in range(1, 6)
    ]
    await node.send(*early, event(6, "fault", "light/cong-thon", code="light.switching_error", id="cong-thon"))
    await until(lambda: getattr(hub.hub.ledger.accounts.get(ADDRESS), "version", 0) >= 6)
    seen = await page(hub, PATH)
    assert "Lời cuối" not in seen
    assert seen.count("<polyline") == 3
    assert "Lần cuối 55,5 °C, thấp nhất 51,5 °C, cao nhất 55,5 °C" in seen
    assert "0 ms … 2,5 ms" in seen  # no delay is less than none
    await node.lose()
    await until(lambda: hub.hub.registry.nodes[ADDRESS].offline)
    seen = words(await page(hub, PATH))
    assert "Lời cuối trước khi im lặng Mất kết nối từ" in seen
    assert "Nhiệt độ bo mạch 55,5 °C" in seen
    assert "Việc cuối cùng nút báo về" in seen


async def test_home_tells_what_comes_and_who_is_not_ready(hub: Running, node: FakeNode, others: list[FakeNode]) -> None:
    soon = now() + timedelta(minutes=20)
    for each, actual in ((node, "ready"), (others[0], "ready"), (others[1], "preparing")):
        state: Any = actual
        await each.state(BulletinState(id="b-1", at=now(), actual=state, title="Tin chiều", next=soon, coming=(soon,)))
    await until(lambda: hub.hub.registry.standings.sums()[Mark.UNREADY] == 1)
    await until(lambda: len(hub.hub.registry.coming._known["b-1"]) == 3)
    seen = words(await page(hub, "/"))
    assert "Tin chiều 1 trong 3 nơi chưa sẵn sàng" in seen
    head = await signed_in(hub.hub, "dong", Grant(Role.AREA_HEAD, Place("29401", "thon-dong")))
    raw = await page(hub, "/", who=head)
    assert [x in raw for x in ('href="/air"', 'href="/lights"', 'href="/cameras"', 'href="/write"')] == [
        True,
        True,
        True,
        False,
    ]
    assert "Cả 1 nơi đã sẵn sàng" in words(raw)
    viewer = words(await page(hub, "/", who=await signed_in(hub.hub, "xem", Grant(Role.VIEWER, Place("29401")))))
    assert "Tin chiều" in viewer and "Nói ra loa" not in viewer


def test_three_points_fit_a_picture_to_the_ground() -> None:
    pins = (Pin(0, 0, 21.0, 105.0), Pin(100, 0, 21.0, 105.1), Pin(0, 200, 20.9, 105.0))
    x, y = fit(pins).at(Position(latitude=20.95, longitude=105.05))
    assert (round(x, 6), round(y, 6)) == (50, 100)
    with pytest.raises(NotOnePlane):
        fit((pins[0], pins[1], Pin(50, 50, 21.0, 105.05)))
    with pytest.raises(NotOnePlane):
        fit((pins[0], pins[0], pins[1]))


async def test_picture_is_fitted_and_nodes_stand_on_it(hub: Running, node: FakeNode, others: list[FakeNode]) -> None:
    from PIL import Image

    made = io.BytesIO()
    Image.new("RGB", (800, 400), "white").save(made, "PNG")
    send = hub.http.post
    bad = await send("/map/29401/fit", data={"do": "picture"}, files={"picture": ("a.png", b"<svg onload=x>")})
    assert "không phải là ảnh" in (await hub.http.get(bad.headers["location"])).text
    await send("/map/29401/fit", data={"do": "picture"}, files={"picture": ("a.png", made.getvalue())})
    file = {"picture": ("", b"")}
    for x, y, latitude, longitude in (
        ("0", "0", "21", "105"),
        ("800", "0", "21", "106,6"),
        ("400", "0", "21", "105,8"),
    ):
        data = {"do": "pin", "at.x": x, "at.y": y, "latitude": latitude, "longitude": longitude}
        answer = await send("/map/29401/fit", data=data, files=file)
    assert "gần như trên một đường thẳng" in (await hub.http.get(answer.headers["location"])).text
    data = {"do": "pin", "at.x": "0", "at.y": "400", "latitude": "20,2", "longitude": "105"}
    await send("/map/29401/fit", data=data, files=file)
    seen = await page(hub, "/map")
    assert '<image href="/map/29401/picture?' in seen
    assert re.search(
        r'<circle class="finger" cx="500.0" cy="62.5"', seen
    )  # 105.8, 20.9: half way across, an eighth down
    picture = await hub.http.get("/map/29401/picture")
    assert picture.content.startswith(b"\xff\xd8\xff")
    head = await signed_in(hub.hub, "tay", Grant(Role.AREA_HEAD, Place("29401", "thon-tay")))
    refused = await send("/map/29401/fit", data={"do": "remove"}, files=file, headers={"Cookie": f"{COOKIE}={head}"})
    assert refused.status_code in (303, 403)
    assert (await hub.http.get("/map/29401/picture")).status_code == 200
