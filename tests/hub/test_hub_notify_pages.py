"""An administrator adds a channel, tries it, changes it; its secret is never shown, and nobody else comes near it."""

import asyncio
import html
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from hub_rig import FakeNode, Mosquitto, Running, config_for, now, serving, signed_in, until
from notify_rig import hook, mail

from edge_agent.contract.errors import Fault
from edge_agent.contract.records import Event
from edge_agent.contract.signature import Verifier
from edge_agent.contract.switched import LightState
from hub.alerts.addresses import address
from hub.alerts.model import Rule
from hub.alerts.nearby import is_here
from hub.alerts.sending import Undelivered, send
from hub.alerts.tables import channels, messages
from hub.people.audit import acts
from hub.people.joining import Wrong
from hub.people.rights import Grant, Place, Role
from hub.people.sessions import COOKIE

RULES = {f"rule_{rule.value}": "1" for rule in Rule}
SECRET = "Mat-Khau-Rieng"


def web(port: int, **more: str) -> dict[str, str]:
    """The form of a web hook."""
    path = f"http://user:{SECRET}@127.0.0.1:{port}/hook"
    return {"kind": "web", "web": path, "name": "Trực điện", "place": "29401", **RULES, **more}


async def rows(hub: Running, table: sa.Table) -> list[Any]:
    return list(await hub.hub.store.read(lambda c: c.execute(sa.select(table)).mappings().all()))


async def test_a_channel_is_added_tried_and_its_secret_never_shown(hub: Running, node: FakeNode) -> None:
    async with hook() as there:
        made = await hub.http.post("/notify", data=web(there.port), follow_redirects=True)
        page = html.unescape(made.text)
        assert made.status_code == 200 and "Đã thêm kênh Trực điện" in page and "Chưa nhắn tin nào" in page
        (path,) = re.findall(r'action="(/notify/[^"]+/test)"', page)
        tried = await hub.http.post(path, follow_redirects=True)
        assert "Đang gửi thử tới Trực điện" in tried.text
        await until(lambda: there.got, 30)
        assert there.got[0]["title"] == "Xã Tân Hội: Tin thử" and "do quan-tri gửi" in there.bodies[0]

        async def shown() -> str:
            return html.unescape((await hub.http.get("/notify")).text)

        for _ in range(100):
            if "Đã gửi lúc" in (page := await shown()):
                break
        assert "Đã gửi lúc" in page and "127.0.0.1" in page
        audited = json.dumps([dict(row) for row in await rows(hub, acts)], ensure_ascii=False)
        assert SECRET not in page + audited + made.text and "notify.make" in audited and "notify.test" in audited


async def test_the_running_hub_tells_what_nodes_report(broker: Mosquitto, tmp_path: Path) -> None:
    config = config_for(tmp_path, broker.port, notify={"settle_s": 0, "gather_s": 0, "local_services": True})
    async with hook() as there, serving(config) as hub:
        signer = hub.hub.signer
        async with FakeNode(broker.port, Verifier({signer.key_id: signer.public})) as node:
            await hub.http.post("/notify", data=web(there.port))
            missed = {"state": "missed", "title": "Tin sáng"}
            await node.send(Event(seq=1, at=now(), type="aired", about="speaker/loa", data=missed))
            await until(lambda: there.got, 30)
            assert "1 bản tin bị lỡ" in there.got[0]["title"] and "Tin sáng, Trạm bơm Đông" in there.bodies[0]
            dark = Fault.of("fault.lampFailure", id="cong-thon", value="0 W")
            await node.state(LightState(id="cong-thon", at=now(), wanted=100, actual=100, why="program", fault=dark))
            await until(lambda: len(there.got) > 1, 60)
            assert "Đèn cổng thôn, Trạm bơm Đông" in there.bodies[1] and "đèn không sáng" in there.bodies[1]
            assert hub.hub.notify.wake in hub.hub.alerts.desk.on_waiting, "an alert that waits is told at once"


async def test_a_channel_that_refuses_is_seen_as_such(hub: Running, node: FakeNode) -> None:
    async with hook() as there:
        there.status = 401
        await hub.http.post("/notify", data=web(there.port))
        (channel,) = await rows(hub, channels)
        await hub.http.post(f"/notify/{channel['id']}/test")
        await until(lambda: there.asked, 30)
        for _ in range(200):
            page = html.unescape((await hub.http.get("/notify")).text)
            if "Dịch vụ từ chối (mã 401)" in page:
                break
        assert "Dịch vụ từ chối (mã 401)" in page and "sẽ thử lại" in page
        off = {"name": "Trực điện", "place": "29401", "rule_cap": "1"}
        assert (await hub.http.post(f"/notify/{channel['id']}", data=off)).status_code == 303
        assert "Đang tắt" in (await hub.http.get("/notify")).text
        assert [row["state"] for row in await rows(hub, messages)] == ["given_up"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
async def test_no_channel_leads_to_this_machine_itself(host: str) -> None:
    async with hook() as there:
        with pytest.raises(Undelivered, match=r"^notify\.error_local$"):
            await send(f"json://{host}:{there.port}/hook", "Tin", "Tin", 20)
        assert there.asked == 0


async def test_the_page_says_that_an_address_leads_here(broker: Mosquitto, tmp_path: Path) -> None:
    async with hook() as there, serving(config_for(tmp_path, broker.port, notify={})) as hub:
        made = await hub.http.post("/notify", data=web(there.port), follow_redirects=True)
        (path,) = re.findall(r'action="(/notify/[^"]+/test)"', made.text)
        await hub.http.post(path)
        async with asyncio.timeout(30):
            while "dẫn về chính máy chủ" not in html.unescape((await hub.http.get("/notify")).text):
                await asyncio.sleep(0.1)
        assert there.asked == 0


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("169.254.169.254", True),
        ("::ffff:127.0.0.1", True),
        ("fe80::1%eth0", True),
        ("::", True),
        ("/run/x", True),
        ("203.0.113.7", False),
    ],
)
def test_what_counts_as_this_machine(host: str, here: bool) -> None:
    assert is_here(host) is here


async def test_what_is_wrong_is_said_and_what_was_typed_stays_but_secrets(hub: Running, node: FakeNode) -> None:
    post = {"kind": "mail", "server": "mail.xa.example", "user": "loa@xa.example", "password": SECRET}
    post |= {"to": "truc@xa.example", "name": "Trực <b>ban</b>", "place": "29401", "rule_lamp": "1"}
    for more, words in (
        ({"kind": "pigeon"}, "Hãy chọn nhắn qua đâu."),
        ({"server": "http://x/"}, "Hãy ghi máy chủ thư"),
        ({"to": "truc"}, "Hãy ghi đúng địa chỉ thư nhận"),
        ({"password": ""}, "Hãy ghi cả tên đăng nhập và mật khẩu"),
        ({"name": ""}, "Hãy ghi tên kênh."),
        ({"rule_lamp": ""}, "Hãy chọn ít nhất một việc để báo."),
        ({"place": ""}, "Hãy chọn nơi mà bạn quản trị."),
        ({"quiet_from": "22:00"}, "Hãy ghi cả giờ bắt đầu và giờ hết"),
        ({"quiet_from": "25:00", "quiet_until": "6"}, "Hãy ghi cả giờ bắt đầu và giờ hết"),
        ({"kind": "web", "web": "ftp://x/"}, "Hãy ghi địa chỉ bắt đầu bằng https://."),
        ({"kind": "web", "web": "https://[x/"}, "Hãy ghi địa chỉ bắt đầu bằng https://."),
        ({"kind": "telegram", "token": "x"}, "Mã của bot Telegram không đúng."),
        ({"kind": "other", "url": "syslog://"}, "Không biết cách nhắn này."),
        ({"kind": "other", "url": "dbus://x"}, "Không biết cách nhắn này."),
    ):
        answer = await hub.http.post("/notify", data={**post, **more})
        page = html.unescape(answer.text)
        assert (answer.status_code, words in page) == (422, True), words
        assert SECRET not in page
        if more.get("kind", "mail") == "mail" and "to" not in more:
            assert "truc@xa.example" in page
    assert "Trực <b>ban" not in answer.text
    assert await rows(hub, channels) == []


async def test_mail_goes_out_by_what_the_form_says(hub: Running, node: FakeNode) -> None:
    async with mail() as post:
        form = {"kind": "mail", "server": f"127.0.0.1:{post.port}", "from": "loa@xa.example"}
        form |= {"to": "truc@xa.example; phu@xa.example", "name": "Thư", "place": "*", **RULES}
        assert (await hub.http.post("/notify", data=form)).status_code == 303
        (channel,) = await rows(hub, channels)
        await hub.http.post(f"/notify/{channel['id']}/test")
        await until(lambda: sum(len(to) for to, _ in post.got) == 2, 30)
        assert "Xã Tân Hội: Tin thử" in str(post.got[0][1]["Subject"])
        await hub.http.post(f"/notify/{channel['id']}/remove")
        page = html.unescape((await hub.http.get("/notify")).text)
        assert "Chưa có kênh nào." in page and "Tin thử" in page, "the log stays"


async def test_who_administers_one_commune_keeps_to_it(hub: Running, node: FakeNode) -> None:
    await hub.http.post("/notify", data=web(1, name="Của tỉnh", place="*"))
    (channel,) = await rows(hub, channels)
    ours = {"Sec-Fetch-Site": "same-origin"}
    secret = await signed_in(hub.hub, "truong-xa", Grant(Role.ADMINISTRATOR, Place("29401")))
    async with httpx.AsyncClient(timeout=30, base_url=hub.url, cookies={COOKIE: secret}, headers=ours) as http:
        await http.post(f"/notify/{channel['id']}/test")
        await http.post(f"/notify/{channel['id']}/remove")
        assert "Của tỉnh" not in (await http.get("/notify")).text
        for place in ("*", "30001", "30001//thon-ngoai"):
            assert (await http.post("/notify", data=web(1, place=place))).status_code == 422
        assert (await http.post("/notify", data=web(1))).status_code == 303
    assert len(await rows(hub, channels)) == 2 and await rows(hub, messages) == []
    staff = await signed_in(hub.hub, "can-bo", Grant(Role.STAFF, Place("29401")))
    async with httpx.AsyncClient(timeout=30, base_url=hub.url, cookies={COOKIE: staff}, headers=ours) as http:
        assert (await http.get("/notify")).status_code == 403
        assert (await http.post("/notify", data=web(1))).status_code == 403


def test_passwords_travel_closed_and_queries_stay_the_services() -> None:
    post = {"kind": "mail", "server": "m.example:465", "user": "a@b.example", "password": "p@:/?", "to": "c@d.example"}
    made = address(post)
    assert made.url.startswith("mailtos://a%40b.example:p%40%3A%2F%3F@m.example:465") and made.shown == "c@d.example"
    there = address({"kind": "web", "web": "https://sms.example/send?key=1&to=2"})
    assert (there.url, there.shown) == ("jsons://sms.example/send?-key=1&-to=2", "sms.example")
    with pytest.raises(Wrong):
        address({"kind": "other", "url": "mailto:// x"})
