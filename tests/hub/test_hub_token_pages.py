"""An administrator lets a program in by a page, sees its token once, and puts it out again."""

import html
import re

import httpx
from hub_rig import FakeNode, Running, signed_in

from hub.people.rights import Grant, Place, Role
from hub.people.sessions import COOKIE

GIVEN = {"name": "Bộ phận một cửa", "right_see": "1", "right_write": "1", "place": "29401", "days": "30"}
SECRET = re.compile(r"ehub_[\w-]{40,}")


async def made(hub: Running, **more: str) -> httpx.Response:
    return await hub.http.post("/tokens", data={**GIVEN, **more}, follow_redirects=True)


async def test_the_token_is_shown_once_and_opens_the_api(hub: Running, node: FakeNode) -> None:
    page = await made(hub)
    assert page.status_code == 200
    (secret,) = SECRET.findall(page.text)
    assert "Gửi bản tin chờ duyệt" in page.text and "Bộ phận một cửa" in page.text
    again = await hub.http.get(page.url)
    assert "Bộ phận một cửa" in again.text and not SECRET.search(again.text)
    async with httpx.AsyncClient(timeout=30, base_url=hub.url, headers={"Authorization": f"Bearer {secret}"}) as http:
        assert (await http.get("/api/v1/nodes")).status_code == 200
        assert (await http.post("/api/v1/nodes/29401/tram-bom/stop", json={})).status_code == 403
        (path,) = re.findall(r'action="(/tokens/[^"]+/revoke)"', again.text)
        out = await hub.http.post(path, follow_redirects=True)
        assert "Đã thu hồi mã của Bộ phận một cửa." in html.unescape(out.text)
        assert (await http.get("/api/v1/nodes")).status_code == 401
    assert "Không có mã truy cập này." in (await hub.http.post(path, follow_redirects=True)).text


async def test_what_is_missing_is_said_and_what_was_typed_stays(hub: Running, node: FakeNode) -> None:
    for more, words in (
        ({"name": ""}, "Hãy ghi tên phần mềm."),
        ({"right_see": "", "right_write": ""}, "Hãy chọn ít nhất một việc."),
        ({"place": ""}, "Hãy chọn nơi phần mềm được làm việc."),
    ):
        page = await made(hub, **more)
        assert page.status_code == 422
        assert words in page.text
        assert more.get("name", GIVEN["name"]) in page.text
    evil = await made(hub, name="<script>alert(1)</script>")
    assert "<script>alert" not in evil.text and "&lt;script&gt;" in evil.text


async def test_who_administers_one_commune_lets_in_there_only(hub: Running, node: FakeNode) -> None:
    await made(hub, name="Của tỉnh", place="*")
    secret = await signed_in(hub.hub, "truong-xa", Grant(Role.ADMINISTRATOR, Place("29401")))
    ours = {"Sec-Fetch-Site": "same-origin"}
    async with httpx.AsyncClient(
        timeout=30, base_url=hub.url, cookies={COOKIE: secret}, headers=ours, follow_redirects=True
    ) as http:
        assert "Của tỉnh" not in (await http.get("/tokens")).text
        for place in ("*", "29402"):
            refused = await http.post("/tokens", data={**GIVEN, "other": place})
            assert (refused.status_code, "Không thể cấp quyền này" in refused.text) == (422, True)
        assert SECRET.search((await http.post("/tokens", data=GIVEN)).text)
        (province,) = [t for t in hub.hub.people.tokens._by_hash.values() if t.name == "Của tỉnh"]
        await http.post(f"/tokens/{province.id}/revoke")
        assert hub.hub.people.tokens.get(province.id) is not None
    staff = await signed_in(hub.hub, "can-bo", Grant(Role.STAFF, Place("29401")))
    async with httpx.AsyncClient(timeout=30, base_url=hub.url, cookies={COOKIE: staff}, headers=ours) as http:
        assert (await http.get("/tokens")).status_code == 403
        assert (await http.post("/tokens", data=GIVEN)).status_code == 403
