"""Who answers residents: the list, states, answers that become bulletins, power cuts, numbers to call."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from bulletins_rig import COMMUNE, EAST, WEST, ZONE, Cluster, Someone, cluster, known, someone, words
from hub_rig import Mosquitto, Running, config_for, now, serving
from test_hub_residents import form, jpeg

from hub.people.rights import Role
from hub.residents.places import code_of

ON_BOTH_DATABASES = "long"
LIST = "/reports-of-residents"


@pytest.fixture
async def hub(broker: Mosquitto, tmp_path: Path, database: dict[str, Any]) -> AsyncIterator[Running]:
    async with serving(config_for(tmp_path, broker.port, residents={"public": True}, **database)) as running:
        yield running


@pytest.fixture
async def pole(hub: Running, broker: Mosquitto) -> AsyncIterator[Cluster]:
    east = cluster(hub, broker.port, "cum-dong", "Cụm Đông", "Thôn Đông", (20.50, 105.90))
    west = cluster(hub, broker.port, "cum-tay", "Cụm Tây", "Thôn Tây", (20.51, 105.88))
    async with east, west:
        await known(hub, east, west)
        yield east


@pytest.fixture
async def staff(hub: Running) -> AsyncIterator[Someone]:
    async with someone(hub, "lan", Role.STAFF) as who:
        yield who


async def reported(hub: Running, where: str, **more: str) -> str:
    """Somebody reports; the number."""
    photo = {"photo": ("anh.jpg", jpeg(300, 200), "image/jpeg")}
    async with httpx.AsyncClient(base_url=hub.url, headers={"Origin": hub.url}, timeout=30) as resident:
        answer = await resident.post("/xa/report", data=form(where=code_of(where), **more), files=photo)
    found = re.search(r"\d{4}-\d{4}", answer.headers["location"])
    assert found
    return found[0]


async def followed(hub: Running, number: str) -> str:
    """What the resident sees."""
    async with httpx.AsyncClient(timeout=30, base_url=hub.url) as resident:
        return words(await resident.get(f"/xa/reports/{number}"))


async def test_from_report_to_answer_to_bulletin(hub: Running, pole: Cluster, staff: Someone) -> None:
    number = await reported(hub, EAST, phone="0912345678")
    page = await staff.see(LIST)
    assert "Đèn hỏng · Thôn Đông" in page and number in page
    path = f"{LIST}/{number}"
    assert "0912345678" in await staff.see(path)
    assert (await staff.http.get(f"{path}/photo")).headers["content-type"] == "image/jpeg"
    assert "Đã đổi tình trạng" in await staff.post(path, do="state", state="working", edition="1")
    assert "Đang làm" in await followed(hub, number)
    late = await staff.http.post(path, data={"do": "answer", "answer": "Tôi viết sau", "edition": "1"})
    assert late.status_code == 409 and "Tôi viết sau" in late.text, "somebody else changed it; nothing typed is lost"
    assert "Đã gửi trả lời" in await staff.post(path, do="answer", answer="Thợ đã thay bóng <b>.", edition="2")
    seen = await followed(hub, number)
    assert "Đã trả lời" in seen and "Thợ đã thay bóng" in seen
    link = {"do": "link", "thing": f"{COMMUNE}/cum-dong", "edition": "3"}
    assert "Đã ghi thiết bị" in words(await staff.http.post(path, data=link))
    assert "Bản nháp" in await staff.post(path, do="draft")
    [draft] = hub.hub.bulletins.desk.open.values()
    assert draft.created_by == staff.person.id
    assert "Thôn Đông" in draft.content.segments[0].text and "thay bóng" in draft.content.segments[0].text  # type: ignore[union-attr]
    assert f"/bulletins/{draft.id}" in (await staff.http.get(path)).text


async def test_only_who_answers_there_sees_it(hub: Running, pole: Cluster) -> None:
    number = await reported(hub, WEST, words="Loa nhà ông Bí Mật")
    path = f"{LIST}/{number}"
    async with someone(hub, "dong", Role.STAFF, EAST) as east:
        assert "Bí Mật" not in await east.see(LIST)
        for address in (path, f"{path}/photo"):
            assert (await east.http.get(address)).status_code == 404
        assert (await east.http.post(path, data={"do": "state", "state": "seen", "edition": "1"})).status_code == 404
    async with someone(hub, "tay", Role.STAFF, WEST) as west:
        assert "Bí Mật" in await west.see(LIST)
    async with someone(hub, "truong-thon", Role.AREA_HEAD, WEST) as head:
        assert (await head.http.get(f"{path}/photo")).status_code == 403
    async with httpx.AsyncClient(timeout=30, base_url=hub.url) as resident:
        assert (await resident.get(f"{path}/photo")).status_code in (303, 401)
    assert "Mới gửi" in await followed(hub, number)


async def test_a_report_links_only_to_what_is_in_its_place(hub: Running, pole: Cluster, staff: Someone) -> None:
    number = await reported(hub, EAST)
    for thing in (f"{COMMUNE}/cum-tay", "x" * 1000, "<b>"):
        answer = await staff.http.post(f"{LIST}/{number}", data={"do": "link", "thing": thing, "edition": "1"})
        assert answer.status_code == 422


def tomorrow_form(**more: str) -> dict[str, str]:
    there = now().astimezone(ZONE) + timedelta(days=1)
    times = {"date": f"{there:%Y-%m-%d}", "from": "08:00", "until": "11:30"}
    return {"do": "cut", "place": EAST, "where": "Xóm chùa, xóm chợ", **times, **more}


async def test_a_power_cut_is_shown_to_everybody_and_becomes_a_draft(
    hub: Running, pole: Cluster, staff: Someone
) -> None:
    path = f"{LIST}/notices"
    assert "Đã thêm lịch" in await staff.post(path, **tomorrow_form())
    async with httpx.AsyncClient(timeout=30, base_url=hub.url) as resident:
        page = words(await resident.get("/xa"))
        assert "Xóm chùa, xóm chợ" in page and "08:00" in page
    [cut] = hub.hub.residents.notices.cuts()
    assert "Bản nháp" in await staff.post(path, do="draft", id=cut.id)
    [draft] = hub.hub.bulletins.desk.open.values()
    assert "mất điện tại Xóm chùa" in draft.content.segments[0].text  # type: ignore[union-attr]
    await hub.hub.residents.load()
    assert hub.hub.residents.notices.cuts() == [cut], "it is in the database"
    assert "Đã bỏ lịch" in await staff.post(path, do="remove", id=cut.id)
    assert hub.hub.residents.notices.cuts() == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"where": ""}, "ghi mất điện ở những đâu"),
        ({"from": "25:99"}, "chọn đủ ngày và giờ"),
        ({"until": "07:00"}, "phải sau giờ cắt"),
        ({"place": "30001"}, "không còn nữa"),
        ({"why": "x" * 301}, "300"),
    ],
)
async def test_a_wrong_power_cut_is_told_and_kept_in_the_form(
    hub: Running, pole: Cluster, staff: Someone, wrong: dict[str, str], said: str
) -> None:
    answer = await staff.http.post(f"{LIST}/notices", data=tomorrow_form(**wrong))
    assert answer.status_code == 422 and said in words(answer)
    assert "where" in wrong or "Xóm chùa, xóm chợ" in answer.text
    assert hub.hub.residents.notices.cuts() == []


async def test_who_answers_in_one_area_announces_cuts_only_there(hub: Running, pole: Cluster) -> None:
    async with someone(hub, "dong", Role.STAFF, EAST) as east:
        path = f"{LIST}/notices"
        assert "Đã thêm lịch" in await east.post(path, **tomorrow_form())
        for place in (WEST, COMMUNE, ""):
            assert (await east.http.post(path, data=tomorrow_form(place=place))).status_code == 422
        lines = {"do": "lines", "name.0": "Xấu", "number.0": "113"}
        assert (await east.http.post(path, data=lines)).status_code == 422
    assert len(hub.hub.residents.notices.cuts()) == 1 and hub.hub.residents.notices.lines == ()


async def test_numbers_to_call(hub: Running, staff: Someone) -> None:
    path = f"{LIST}/notices"
    given = {
        "do": "lines",
        "name.0": "Công an xã",
        "number.0": "0351 234 567",
        "name.1": "Điện lực",
        "number.1": "19006769",
    }
    assert "Đã lưu" in await staff.post(path, **given)
    async with httpx.AsyncClient(timeout=30, base_url=hub.url) as resident:
        page = await resident.get("/xa")
        assert 'href="tel:0351234567"' in page.text and "Điện lực" in page.text
    wrong = await staff.http.post(path, data={**given, "number.1": "javascript:1"})
    assert wrong.status_code == 422 and "javascript:1" in wrong.text and "Dòng 2" in words(wrong)
    await hub.hub.residents.load()
    assert [line.number for line in hub.hub.residents.notices.lines] == ["0351 234 567", "19006769"]
