"""Cameras at a glance: tiles, who looks and who looked, and what everybody may see."""

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hub_rig import FakeNode, Mosquitto, Running, config_for, event, now, serving, signed_in, until
from websockets.asyncio.client import connect

from hub.people.acting import acting
from hub.people.rights import EVERYWHERE, Grant, Person, Place, Role
from hub.people.sessions import COOKIE

NODE = "29401/tram-bom"
CAMERA = f"/nodes/{NODE}/cameras/cong"


def words(answer: httpx.Response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.unescape(answer.text)))


@pytest.fixture
async def staff(hub: Running) -> AsyncIterator[httpx.AsyncClient]:
    secret = await signed_in(hub.hub, "can-bo", Grant(Role.STAFF, EVERYWHERE))
    async with httpx.AsyncClient(
        base_url=hub.url, timeout=15, cookies={COOKIE: secret}, headers={"Origin": hub.url}
    ) as http:
        yield http


async def looks(hub: Running, text: str) -> str:
    """The camera's page, once it tells of this."""
    async with asyncio.timeout(8):
        while text not in (page := words(await hub.http.get(CAMERA))):
            await asyncio.sleep(0.05)
    return page


async def test_tiles_say_state_and_motion_and_fetch_pictures_only_by_themselves(hub: Running, node: FakeNode) -> None:
    begin = (now() - timedelta(hours=1)).isoformat()
    await node.send(event(1, "motion", "camera/cong", id="m-1", begin=begin, end=begin, score=0.5, picture=False))
    async with asyncio.timeout(8):
        while "1 lần có chuyển động trong 6 giờ qua" not in words(await hub.http.get("/cameras")):
            await asyncio.sleep(0.05)
    answer = await hub.http.get("/cameras")
    assert "Cổng thôn" in answer.text and f'data-camera="{CAMERA}/picture"' in answer.text
    assert 'loading="lazy"' in answer.text and "data-every" in answer.text
    assert [c.do for c in node.commands if c.do.startswith("camera.")] == []  # to list cameras wakes none
    assert "Không có camera nào như vậy" in words(await hub.http.get("/cameras?q=khong"))
    assert "Cổng thôn" in words(await hub.http.get("/cameras?q=cong+tram"))


async def test_nobody_sees_tiles_of_other_areas(hub: Running, node: FakeNode) -> None:
    for place, there in ((Place("29401", "thon-dong"), True), (Place("29401", "thon-tay"), False)):
        secret = await signed_in(hub.hub, f"truong-{place.area}", Grant(Role.AREA_HEAD, place))
        async with httpx.AsyncClient(timeout=30, base_url=hub.url, cookies={COOKIE: secret}) as http:
            page = (await http.get("/cameras")).text
            assert ("Cổng thôn" in page) is there
            assert ("Ở đây chưa có camera." in page) is not there
            assert (await http.get(CAMERA)).status_code == (200 if there else 403)


async def test_each_look_is_written_down_with_how_long(hub: Running, node: FakeNode, staff: httpx.AsyncClient) -> None:
    assert "Chưa có ai xem" in words(await hub.http.get(CAMERA))
    for _ in range(3):  # a page asks again and again
        await staff.get(f"{CAMERA}/picture")
    await staff.get(f"{CAMERA}/lookback")
    page = await looks(hub, "can-bo xem lại")
    assert page.count("can-bo xem ảnh") == 1
    url = hub.url.replace("http", "ws") + f"{CAMERA}/live"
    cookie = f"{COOKIE}={staff.cookies[COOKIE]}"
    async with connect(url, additional_headers={"Cookie": cookie, "Origin": hub.url}) as socket:
        assert json.loads(await socket.recv())["say"] == "hello"
        page = await looks(hub, "1 người đang xem")
        assert "Đang xem: can-bo" in page
        assert "1 người đang xem" in words(await hub.http.get("/cameras"))
    assert re.search(r"can-bo xem trực tiếp · \d+ giây", await looks(hub, "can-bo xem trực tiếp"))
    acts = words(await hub.http.get("/audit"))
    assert "Xem ảnh camera" in acts and "Xem camera" in acts
    assert "Ai đã xem" not in words(await staff.get(CAMERA))


async def test_a_camera_becomes_public_only_with_a_reason(
    hub: Running, node: FakeNode, staff: httpx.AsyncClient
) -> None:
    public = hub.hub.public_cameras
    answer = await staff.post(f"{CAMERA}/public", data={"public": "1", "reason": " <b>"})
    assert answer.status_code == 400 and "Hãy ghi lý do" in words(answer)
    assert "&lt;b&gt;" in answer.text and public.list() == ()  # what was typed is still there, as text
    answer = await staff.post(f"{CAMERA}/public", data={"public": "1", "reason": "x" * 301})
    assert answer.status_code == 400 and public.list() == ()
    answer = await staff.post(f"{CAMERA}/public", data={"public": "1", "reason": "Bãi đỗ xe chợ, họp dân đã đồng ý"})
    assert answer.status_code == 303 and public.is_public(NODE, "cong")
    page = words(await hub.http.get(CAMERA))
    assert "Người dân đang xem được" in page and "can-bo cho phép lúc" in page and "họp dân đã đồng ý" in page
    assert (await staff.post(f"{CAMERA}/public", data={"public": "0"})).status_code == 303
    assert not public.is_public(NODE, "cong") and await public.picture(NODE, "cong") is None


async def test_who_may_only_watch_marks_nothing(hub: Running, node: FakeNode) -> None:
    secret = await signed_in(hub.hub, "truong", Grant(Role.AREA_HEAD, Place("29401", "thon-dong")))
    signed: Any = {"cookies": {COOKIE: secret}, "headers": {"Origin": hub.url}}
    async with httpx.AsyncClient(base_url=hub.url, **signed) as http:
        assert "Cho người dân xem" not in words(await http.get(CAMERA))
        answer = await http.post(f"{CAMERA}/public", data={"public": "1", "reason": "vì tôi muốn"})
    assert answer.status_code == 403 and hub.hub.public_cameras.list() == ()


async def test_a_public_picture_costs_the_node_one_snapshot_a_minute(hub: Running, node: FakeNode) -> None:
    public = hub.hub.public_cameras
    assert await public.picture(NODE, "cong") is None
    with acting(Person("p", "Lan")):
        await public.mark(NODE, "cong", "chợ đông người")
    first = await public.picture(NODE, "cong")
    assert first is not None and first.medium is not None
    for _ in range(20):
        assert await public.picture(NODE, "cong") is first
    assert [c.do for c in node.commands].count("camera.snapshot") == 1
    assert "Chưa có ai xem" in words(await hub.http.get(CAMERA))  # residents are not written down


async def test_what_is_public_is_known_after_a_restart(broker: Mosquitto, tmp_path: Any) -> None:
    config = config_for(tmp_path, broker.port)
    async with serving(config) as hub:
        with acting(Person("p", "Lan")):
            await hub.hub.public_cameras.mark(NODE, "cong", "chợ đông người")
    async with serving(config) as hub:
        await until(lambda: hub.hub.public_cameras.is_public(NODE, "cong"))
        kept = hub.hub.public_cameras.get(NODE, "cong")
        assert kept is not None and (kept.name, kept.reason) == ("Lan", "chợ đông người")
