"""The pages of alerts over real HTTP: what is shown to whom, what a person decides, the API for programs."""

import asyncio
import re
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from cap_rig import SENDER, AlertOf, InfoOf, PlacedNode, area
from hub_rig import Mosquitto, Running, config_for, serving, signed_in, until

from edge_agent.contract.signature import Verifier
from hub.cap import rows
from hub.cap.rows import Row, State
from hub.people.chain import acts
from hub.people.rights import EVERYWHERE, Grant, Place, Role
from hub.people.sessions import COOKIE

CONFIG = {"senders": [{"id": SENDER, "name": "Đài khí tượng"}]}
MILD = (InfoOf(severity="Moderate", headline="Mưa lớn"),)
XML = {"Content-Type": "application/cap+xml"}


@pytest.fixture
async def hub(broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Running]:
    async with serving(config_for(tmp_path, broker.port, cap=CONFIG)) as running:
        yield running


@pytest.fixture
async def node(hub: Running, broker: Mosquitto) -> AsyncIterator[PlacedNode]:
    signer = hub.hub.signer
    placed = PlacedNode(broker.port, Verifier({signer.key_id: signer.public}), hub_url=hub.url)
    async with placed:
        await until(lambda: hub.hub.alerts.desk.spots() and hub.hub.registry.is_online("29401/tram-bom"), 30)
        yield placed


async def bring(hub: Running, alert: AlertOf) -> str:
    """By the form, as a person does; the id."""
    files = {"file": ("a.xml", alert.xml(), "application/xml")}
    answer = await hub.http.post("/alerts", files=files)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].partition("?")[0].rpartition("/")[2]


async def row(hub: Running, id_: str) -> Row:
    found = await hub.hub.alerts.store.read(partial(rows.get, id_=id_))
    assert found is not None
    return found


async def as_(hub: Running, login: str, role: Role, place: Place = EVERYWHERE) -> httpx.AsyncClient:
    secret = await signed_in(hub.hub, login, Grant(role, place))
    return httpx.AsyncClient(base_url=hub.url, timeout=30, cookies={COOKIE: secret}, headers={"Origin": hub.url})


def form(page: str, **more: str) -> dict[str, str]:
    """What the browser would send of the form that airs the first part."""
    part = page[page.index('<form method="post" action="/alerts/') :]
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', part[: part.index("</form>")]))
    text = re.search(r"<textarea[^>]*>(.*?)</textarea>", part, re.DOTALL)
    assert text is not None
    return {**fields, "text": text[1], **more}


async def page(hub: Running, path: str) -> str:
    answer = await hub.http.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


class TestDeciding:
    async def test_a_mild_alert_is_aired_by_one_tap(self, hub: Running, node: PlacedNode) -> None:
        id_ = await bring(hub, AlertOf(infos=MILD))
        listed = await page(hub, "/alerts")
        assert "Mưa lớn" in listed and "1 cụm loa" in listed and "Chờ bạn" in listed and "Rủi ro cấp 2" in listed
        detail = await page(hub, f"/alerts/{id_}")
        assert "Đài khí tượng thông báo. Mưa lớn." in detail and "Trạm bơm Đông" in detail
        answer = await hub.http.post(f"/alerts/{id_}/air", data=form(detail, do="air"))
        assert answer.status_code == 303, answer.text
        await until(lambda: node.told("bulletin.plan"), 60)
        bulletin = node.told("bulletin.plan")[0].bulletin
        assert (bulletin.id, bulletin.class_) == (id_, "priority")
        assert bulletin.approval is not None and bulletin.approval.by == "quan-tri"
        assert node.commands[-1].by == "quan-tri"
        await until_on_page(hub, f"/alerts/{id_}", "Đang phát")
        assert "quan-tri cho phát, 1 cụm loa." in await page(hub, f"/alerts/{id_}")
        assert (await row(hub, id_)).state == "aired"

    async def test_a_siren_takes_two_steps(self, hub: Running, node: PlacedNode) -> None:
        id_ = await bring(hub, AlertOf())
        detail = await page(hub, f"/alerts/{id_}")
        sure = await hub.http.post(f"/alerts/{id_}/air", data=form(detail, do="air"))
        assert sure.status_code == 200 and "Đây có đúng là tin khẩn cấp?" in sure.text and "ở 1 cụm" in sure.text
        assert node.told("bulletin.plan") == []
        again = form(sure.text, do="emergency", text="Bà con rời suối ngay.")
        assert (await hub.http.post(f"/alerts/{id_}/air", data=again)).status_code == 303
        await until(lambda: node.told("bulletin.plan"), 60)
        bulletin = node.told("bulletin.plan")[0].bulletin
        assert (bulletin.class_, bulletin.text) == ("emergency", "Bà con rời suối ngay.")

    async def test_ending_it_ends_it_at_the_node(self, hub: Running, node: PlacedNode) -> None:
        id_ = await bring(hub, AlertOf())
        fields = form(await page(hub, f"/alerts/{id_}"), do="emergency")
        await hub.http.post(f"/alerts/{id_}/air", data=fields)
        await until(lambda: node.told("bulletin.plan"), 60)
        detail = await until_on_page(hub, f"/alerts/{id_}", "Dừng phát tin này")
        assert "cap_head" in detail
        assert (await hub.http.post(f"/alerts/{id_}/end")).status_code == 303
        await until(lambda: node.told("bulletin.cancel"), 60)
        await until_on_page(hub, f"/alerts/{id_}", "Đã dừng.")

    async def test_two_who_decide_at_once_air_it_once(self, hub: Running, node: PlacedNode) -> None:
        id_ = await bring(hub, AlertOf(infos=MILD))
        fields = form(await page(hub, f"/alerts/{id_}"), do="air")
        answers = await asyncio.gather(*(hub.http.post(f"/alerts/{id_}/air", data=fields) for _ in range(2)))
        assert [answer.status_code for answer in answers] == [303, 303]
        pages = [(await hub.http.get(answer.headers["location"])).text for answer in answers]
        assert sum("Chưa làm gì cả" in text for text in pages) == 1
        await until(lambda: node.told("bulletin.plan"), 60)
        await asyncio.sleep(1)
        assert len(node.told("bulletin.plan")) == 1

    async def test_leaving_it_takes_a_word(self, hub: Running, node: PlacedNode) -> None:
        id_ = await bring(hub, AlertOf(infos=MILD))
        assert "Hãy ghi vì sao" in (await hub.http.post(f"/alerts/{id_}/dismiss", data={"word": " "})).text
        assert (await row(hub, id_)).state == "waiting"
        assert (await hub.http.post(f"/alerts/{id_}/dismiss", data={"word": "<b>Trời đã tạnh"})).status_code == 303
        assert (await row(hub, id_)).state == "dismissed"
        detail = await page(hub, f"/alerts/{id_}")
        assert "quan-tri bỏ qua: &lt;b&gt;Trời đã tạnh" in detail and "Phát ngay" not in detail
        late = await hub.http.post(f"/alerts/{id_}/air", data={"part": "0", "seen": "0", "text": "a", "do": "air"})
        assert "Chưa làm gì cả" in (await hub.http.get(late.headers["location"])).text

    async def test_a_test_is_aired_only_as_an_exercise_without_a_siren(self, hub: Running, node: PlacedNode) -> None:
        id_ = await bring(hub, AlertOf(status="Exercise"))
        detail = await page(hub, f"/alerts/{id_}")
        assert "DIỄN TẬP, không thật" in detail and "Phát, nói rõ là diễn tập" in detail
        await hub.http.post(f"/alerts/{id_}/air", data=form(detail, do="anyway", text="Bà con sơ tán."))
        await until(lambda: node.told("bulletin.plan"), 60)
        bulletin = node.told("bulletin.plan")[0].bulletin
        assert bulletin.class_ == "priority"
        real = "Đây là nội dung diễn tập, không phải tình huống thật."
        assert bulletin.text == f"{real} Bà con sơ tán. {real}"  # although the person had left it out

    async def test_an_alert_without_a_place_is_aired_where_a_person_chooses(
        self, hub: Running, node: PlacedNode
    ) -> None:
        id_ = await bring(hub, AlertOf(infos=(InfoOf(severity="Minor", areas=area("Vùng ven suối", polygon=None)),)))
        detail = await page(hub, f"/alerts/{id_}")
        assert "Không biết “Vùng ven suối”" in detail and "Thôn Đông" in detail
        nowhere = await hub.http.post(f"/alerts/{id_}/air", data=form(detail, do="air", text="Xin chào."))
        assert "Hãy chọn khu để phát" in nowhere.text and "Xin chào." in nowhere.text
        chosen = form(detail, do="air", **{"place.0": "29401//thon-dong"})
        assert "Chưa có cụm loa nào" in detail
        live = f"/alerts/{id_}/live?lang=vi"
        async with asyncio.timeout(30), hub.http.stream("GET", live) as stream:  # of somebody else who looks at it
            lines = stream.aiter_lines()
            while "Chưa có cụm loa nào" not in await anext(lines):
                pass
            assert (await hub.http.post(f"/alerts/{id_}/air", data=chosen)).status_code == 303
            while "Đã gửi tới 1 cụm loa do cán bộ chọn" not in await anext(lines):
                pass
        await until(lambda: node.told("bulletin.plan"), 60)
        assert "Chưa có cụm loa nào" not in await page(hub, f"/alerts/{id_}")  # above one that plays it

    async def test_a_part_whose_clusters_hear_another_part_says_so(self, hub: Running, node: PlacedNode) -> None:
        grave, mild = InfoOf(headline="Lũ quét"), InfoOf(severity="Minor", headline="Mưa lớn")
        id_ = await bring(hub, AlertOf(infos=(mild, grave)))
        detail = await page(hub, f"/alerts/{id_}")
        assert "Không cụm loa nào nghe riêng phần này" in detail and "Chưa có cụm loa nào" not in detail
        async with await as_(hub, "can-bo", Role.STAFF) as staff:  # sees the cluster, and may not decide
            seen = (await staff.get(f"/alerts/{id_}")).text
        assert "Nghe ở 1 cụm loa" in seen and "Chưa có cụm loa nào" not in seen

    async def test_an_alert_in_english_waits_for_words(self, hub: Running, node: PlacedNode) -> None:
        id_ = await bring(hub, AlertOf(infos=(InfoOf("en", event="Volcano", headline="Volcano", severity="Minor"),)))
        detail = await page(hub, f"/alerts/{id_}")
        assert "Hãy viết lời tiếng Việt" in detail
        empty = await hub.http.post(f"/alerts/{id_}/air", data=form(detail, do="air"))
        assert "Hãy viết nội dung trước" in empty.text
        assert node.told("bulletin.plan") == []

    async def test_who_decided_is_in_the_book(self, hub: Running, node: PlacedNode) -> None:
        id_ = await bring(hub, AlertOf(infos=MILD))
        await hub.http.post(f"/alerts/{id_}/dismiss", data={"word": "nhầm"})
        query = sa.select(acts.c.name, acts.c.act, acts.c.details).where(acts.c.act == "alert.dismiss")
        async with asyncio.timeout(30):
            while not (noted := await hub.hub.alerts.store.read(lambda c: c.execute(query).fetchall())):
                await asyncio.sleep(0.05)
        (found,) = noted
        assert found.name == "quan-tri" and id_ in found.details and "nhầm" in found.details


class TestBringing:
    @pytest.mark.parametrize(
        ("data", "status", "words"),
        [
            (b"", 400, "Hãy chọn một tệp"),
            (b"<alert/>", 422, "không phải tin cảnh báo CAP"),
            (b"<!DOCTYPE a><a/>", 422, "bị từ chối vì an toàn"),
            (AlertOf().xml().replace(b">Actual<", b">&lt;script&gt;<"), 422, "alert/status (dòng 2)"),
            (b"x" * 1_100_000, 413, "lớn hơn 1000 kB"),
        ],
    )
    async def test_a_file_that_cannot_be_used_is_told(self, hub: Running, data: bytes, status: int, words: str) -> None:
        answer = await hub.http.post("/alerts", files={"file": ("a.xml", data, "text/xml")})
        assert (answer.status_code, words in answer.text) == (status, True), answer.text
        assert "<script>" not in answer.text.replace('<script src="', "")

    async def test_a_body_that_is_no_form_is_refused(self, hub: Running) -> None:
        kinds = ("multipart/form-data; boundary=x", "multipart/form-data", "text/plain")
        for kind in kinds:
            answer = await hub.http.post("/alerts", content=b"\r\n--y", headers={"Content-Type": kind})
            assert answer.status_code in (400, 422), kind

    async def test_what_a_sender_writes_is_never_markup(self, hub: Running) -> None:
        evil = "<img src=x onerror=alert(1)>\"'{{1234*5678}}"
        info = InfoOf(headline=evil, description=evil, instruction=evil, areas=area(evil), event=evil)
        id_ = await bring(hub, AlertOf(infos=(info,)))
        for path in ("/alerts", f"/alerts/{id_}"):
            text = await page(hub, path)
            assert "<img src=x" not in text and str(1234 * 5678) not in text

    async def test_the_message_is_given_back_as_a_file(self, hub: Running) -> None:
        alert = AlertOf()
        answer = await hub.http.get(f"/alerts/{await bring(hub, alert)}/message")
        assert answer.content == alert.xml()
        assert answer.headers["content-disposition"] == "attachment"
        assert "sandbox" in answer.headers["content-security-policy"]

    async def test_the_page_follows_by_itself(self, hub: Running) -> None:
        async with hub.http.stream("GET", "/alerts/live?lang=vi") as stream:
            lines = stream.aiter_lines()
            await bring(hub, AlertOf(infos=MILD))
            async with asyncio.timeout(30):
                while "Mưa lớn" not in await anext(lines):
                    pass


class TestRights:
    async def test_nobody_sees_nothing(self, hub: Running) -> None:
        id_ = await bring(hub, AlertOf())
        async with httpx.AsyncClient(timeout=30, base_url=hub.url, headers={"Origin": hub.url}) as nobody:
            for path in ("/alerts", "/alerts/live", f"/alerts/{id_}", f"/alerts/{id_}/live", f"/alerts/{id_}/message"):
                answer = await nobody.get(path)
                assert answer.status_code in (303, 401) and "Lũ quét" not in answer.text
            for act in ("air", "dismiss", "accept", "end"):
                assert (await nobody.post(f"/alerts/{id_}/{act}")).status_code in (303, 401)
            assert (await nobody.post("/api/alerts", content=AlertOf("b").xml())).status_code == 401
        assert (await row(hub, id_)).state == "waiting"

    async def test_staff_see_and_bring_but_do_not_decide(self, hub: Running, node: PlacedNode) -> None:
        id_ = await bring(hub, AlertOf(infos=MILD))
        async with await as_(hub, "can-bo", Role.STAFF) as staff:
            detail = (await staff.get(f"/alerts/{id_}")).text
            assert "Mưa lớn" in detail and "Phát ngay" not in detail
            assert (await staff.post(f"/alerts/{id_}/air", data={"part": "0", "text": "a"})).status_code == 403
            assert (await staff.post(f"/alerts/{id_}/dismiss", data={"word": "a"})).status_code == 403
        assert node.told("bulletin.plan") == []

    async def test_who_has_another_place_does_not_see_it(self, hub: Running, node: PlacedNode) -> None:
        id_ = await bring(hub, AlertOf(infos=MILD))
        for role in (Role.APPROVER, Role.AREA_HEAD):
            async with await as_(hub, f"{role}-tay", role, Place("29401", "thon-tay")) as other:
                assert "Mưa lớn" not in (await other.get("/alerts")).text
                assert (await other.get(f"/alerts/{id_}")).status_code == 404
                assert (await other.get(f"/alerts/{id_}/live")).status_code == 404
                assert (await other.get(f"/api/alerts/{id_}")).status_code == 404
                told = await other.post(
                    f"/alerts/{id_}/air", data={"part": "0", "seen": "0", "text": "a", "do": "anyway"}
                )
                assert told.status_code in (403, 404)
        assert node.told("bulletin.plan") == []

    async def test_who_approves_for_a_part_airs_it_there_only(
        self, hub: Running, broker: Mosquitto, node: PlacedNode
    ) -> None:
        signer = hub.hub.signer
        west = PlacedNode(broker.port, Verifier({signer.key_id: signer.public}), node="loa-tay", zone="Thôn Tây")
        async with west:
            await until(lambda: len(hub.hub.alerts.desk.spots()) == 2, 30)
            id_ = await bring(hub, AlertOf(infos=MILD))
            async with await as_(hub, "duyet-dong", Role.APPROVER, Place("29401", "thon-dong")) as east:
                detail = (await east.get(f"/alerts/{id_}")).text
                fields = form(detail, do="air", **{"place.0": "29401//thon-tay"})
                assert (await east.post(f"/alerts/{id_}/air", data=fields)).status_code == 303
                word = await east.post(f"/alerts/{id_}/dismiss", data={"word": "xong"})
                assert "ngoài khu của bạn" in (await east.get(word.headers["location"])).text
            await until(lambda: node.told("bulletin.plan"), 60)
            await asyncio.sleep(1)
            assert west.told("bulletin.plan") == []
        assert (await row(hub, id_)).state == "waiting"  # the others still have to be decided about

    async def test_who_approves_for_a_part_takes_nothing_back_elsewhere(
        self, hub: Running, broker: Mosquitto, node: PlacedNode
    ) -> None:
        signer = hub.hub.signer
        async with PlacedNode(broker.port, Verifier({signer.key_id: signer.public}), node="loa-xa") as far:
            await until(lambda: len(hub.hub.alerts.desk.spots()) == 2, 30)
            alert = AlertOf(infos=(InfoOf(),))
            old = await bring(hub, alert)
            here = (InfoOf(severity="Moderate", areas=area(polygon=None, circle="10.5,106.5 1")),)
            cancel = await bring(hub, alert.after("x", "Cancel", infos=here))
            update = await bring(hub, alert.after("y", "Update", infos=here))
            async with await as_(hub, "duyet", Role.APPROVER, Place("29401", node=node.node)) as part:
                refused = await part.post(f"/alerts/{cancel}/accept")
                assert "said=" in refused.headers["location"]
                form = {"part": "0", "text": "Hết mưa.", "seen": "0"}
                await part.post(f"/alerts/{update}/air", data=form)
            await until(lambda: node.told("bulletin.plan"), 60)
            assert far.told("bulletin.plan") == []
            assert (await row(hub, old)).state is State.WAITING
            assert (await row(hub, cancel)).state is State.WAITING

    async def test_who_does_not_decide_brings_so_many_in_an_hour_and_wakes_nobody(
        self, hub: Running, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with await as_(hub, "truong-thon", Role.AREA_HEAD, Place("29401", "thon-dong")) as head:
            for n in range(10):
                answer = await head.post("/api/alerts", content=AlertOf(f"a-{n}").xml(), headers=XML)
                assert answer.status_code == 201
            many = await head.post("/api/alerts", content=AlertOf("a-10").xml(), headers=XML)
            assert (many.status_code, many.json()["problems"][0]["code"]) == (429, "cap.too_many")
        assert "a write failed" not in caplog.text, "a refusal is no fault of the database"
        assert "không báo gấp" in (await hub.http.get(f"/alerts/{answer.json()['id']}")).text
        own = await bring(hub, AlertOf("a-11"))
        assert "không báo gấp" not in (await hub.http.get(f"/alerts/{own}")).text
        kept = await hub.hub.alerts.store.read(partial(rows.listed, states=tuple(State), most=99))
        assert len(kept) == 11

    async def test_forms_of_other_sites_are_refused(self, hub: Running) -> None:
        id_ = await bring(hub, AlertOf())
        answer = await hub.http.post(f"/alerts/{id_}/air", headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403


class TestApi:
    async def test_a_program_brings_an_alert_and_follows_it(self, hub: Running, node: PlacedNode) -> None:
        taken = await hub.http.post("/api/alerts", content=AlertOf(infos=MILD).xml(), headers=XML)
        assert taken.status_code == 201 and taken.json()["state"] == "waiting"
        found: dict[str, Any] = (await hub.http.get(taken.headers["location"])).json()
        assert (found["level"], found["reason"], found["nodes"]) == (2, "unproved", ["29401/tram-bom"])

    async def test_a_copy_is_known(self, hub: Running) -> None:
        data = AlertOf(infos=MILD).xml()
        first = await hub.http.post("/api/alerts", content=data, headers=XML)
        second = await hub.http.post("/api/alerts", content=data, headers=XML)
        assert (first.status_code, second.status_code) == (201, 200)
        assert second.json() == {**first.json(), "new": False}

    @pytest.mark.parametrize(
        ("data", "kind", "status", "code"),
        [
            (b"<alert/>", "application/cap+xml", 422, "cap.bad_root"),
            (b"x", "application/json", 415, "cap.bad_content_type"),
            (b"x" * 1_000_001, "text/xml", 413, "cap.xml_large"),
            (b"", "text/xml; charset=utf-8", 422, "cap.xml_empty"),
        ],
    )
    async def test_what_is_wrong_has_a_code_and_both_languages(
        self, hub: Running, data: bytes, kind: str, status: int, code: str
    ) -> None:
        answer = await hub.http.post("/api/alerts", content=data, headers={"Content-Type": kind})
        problem = answer.json()["problems"][0]
        assert (answer.status_code, problem["code"]) == (status, code)
        assert problem["vi"] != problem["en"]

    async def test_an_unknown_alert(self, hub: Running) -> None:
        answer = await hub.http.get("/api/alerts/cap-none")
        assert (answer.status_code, answer.json()["problems"][0]["code"]) == (404, "cap.not_found")


async def until_on_page(hub: Running, path: str, words: str) -> str:
    async with asyncio.timeout(60):
        while words not in (text := await page(hub, path)):
            await asyncio.sleep(0.1)
    return text
