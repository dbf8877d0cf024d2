"""Who sees and does what with bulletins, in and out of their places; live parts included."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from bulletins_rig import COMMUNE, EAST, WEST, Cluster, Someone, cluster, known, someone, tomorrow
from hub_rig import Mosquitto, Running, until

from hub.bulletins.model import State
from hub.people.rights import Role


@pytest.fixture
async def staff(hub: Running) -> AsyncIterator[Someone]:
    async with someone(hub, "lan", Role.STAFF) as who:
        yield who


@pytest.fixture
async def east_head(hub: Running) -> AsyncIterator[Someone]:
    async with someone(hub, "truong-dong", Role.AREA_HEAD, EAST) as who:
        yield who


@pytest.fixture
async def clusters(hub: Running, broker: Mosquitto) -> AsyncIterator[tuple[Cluster, Cluster]]:
    east = cluster(hub, broker.port, "cum-dong", "Cụm Đông", "Thôn Đông", (20.50, 105.90))
    west = cluster(hub, broker.port, "cum-tay", "Cụm Tây", "Thôn Tây", (20.51, 105.88))
    async with east, west:
        await known(hub, east, west)
        yield east, west


async def live(who: Someone, path: str) -> str:
    """What a live stream sends first."""
    async with who.http.stream("GET", path) as answer:
        assert answer.status_code == 200, answer.status_code
        text = ""
        async with asyncio.timeout(10):
            async for line in answer.aiter_lines():
                text += line + "\n"
                if line == "" and "event: parts" in text:
                    return text
    raise AssertionError("the stream ended")


async def test_an_area_head_plans_for_their_area_only(east_head: Someone, clusters: tuple[Cluster, Cluster]) -> None:
    draft = await east_head.draft()
    page = (await east_head.http.get(f"/bulletins/{draft.id}/plan")).text
    assert "Thôn Đông" in page
    assert "Thôn Tây" not in page
    for place in (WEST, COMMUNE, "", f"{COMMUNE}/cum-tay", "99999"):
        assert "Bạn không có quyền phát ở nơi đã chọn" in await east_head.planned(draft, tomorrow(17), place), place
    assert east_head.now(draft).state is State.DRAFT
    assert "Đã gửi duyệt" in await east_head.planned(draft, tomorrow(17), f"{COMMUNE}/cum-dong")


async def test_an_approver_of_another_area_neither_sees_nor_signs(
    hub: Running, staff: Someone, east_head: Someone, clusters: tuple[Cluster, Cluster]
) -> None:
    draft = await east_head.draft()
    await east_head.planned(draft, tomorrow(17), EAST)
    await east_head.sounds(draft)
    async with (
        someone(hub, "duyet-tay", Role.APPROVER, WEST) as west,
        someone(hub, "duyet-dong", Role.APPROVER, EAST) as east,
    ):
        assert "Họp thôn" not in await west.see("/approve")
        assert "Họp thôn" not in await west.see("/bulletins?show=planned")
        assert (await west.http.get(f"/bulletins/{draft.id}")).status_code == 404
        assert (await west.http.get(f"/bulletins/{draft.id}/live")).status_code == 404
        number = str(east_head.now(draft).number)
        for act in ("approve", "send_back", "submit", "cancel", "take_back", "again", "move", "plan"):
            answer = await west.http.post(f"/bulletins/{draft.id}/{act}", data={"number": number, "word": "x"})
            assert answer.status_code == 404, act
        assert east_head.now(draft).state is State.SUBMITTED
        assert "Họp thôn" in await east.see("/approve")
        assert "Đã duyệt" in await east.act(draft, "approve")
    await until(lambda: clusters[0].plans)
    assert clusters[1].plans == []


async def test_who_may_not_approve_has_no_way_to(staff: Someone, clusters: tuple[Cluster, Cluster]) -> None:
    draft = await staff.draft()
    await staff.planned(draft, tomorrow(17), EAST)
    await staff.sounds(draft)
    for path in ("/approve", "/approve/live"):
        assert (await staff.http.get(path)).status_code == 403
    data = {"number": str(staff.now(draft).number), "word": "x"}
    for act in ("approve", "send_back"):
        assert (await staff.http.post(f"/bulletins/{draft.id}/{act}", data=data)).status_code == 403
    assert staff.now(draft).state is State.SUBMITTED


async def test_residents_see_what_will_be_heard_but_no_drafts_and_nothing_to_press(
    hub: Running, staff: Someone, clusters: tuple[Cluster, Cluster]
) -> None:
    draft = await staff.draft("Chưa ai được đọc", title="Tin nháp")
    waiting = await staff.draft(title="Tin chờ")
    await staff.planned(waiting, tomorrow(17), EAST)
    async with (
        someone(hub, "ba-con-dong", Role.VIEWER, EAST) as viewer,
        someone(hub, "ba-con-tay", Role.VIEWER, WEST) as far,
    ):
        assert (await viewer.http.get(f"/bulletins/{draft.id}")).status_code == 404
        assert "Tin chờ" in await viewer.see(f"/bulletins/{waiting.id}")
        assert "<form" not in (await viewer.http.get(f"/bulletins/{waiting.id}")).text.replace(
            '<form method="post" action="/sign-out">', ""
        )
        assert (await viewer.http.post(f"/bulletins/{waiting.id}/cancel", data={"number": "1"})).status_code == 403
        assert (await viewer.http.get(f"/bulletins/{waiting.id}/plan")).status_code == 403
        assert "Tin nháp" not in await live(viewer, "/bulletins/live?show=planned")
        assert (await far.http.get(f"/bulletins/{waiting.id}")).status_code == 404
        assert "Tin chờ" not in await live(far, "/bulletins/week/live")
        monday = tomorrow(17).strftime("%Y-%m-%d")
        assert "Tin chờ" in await live(viewer, f"/bulletins/week/live?from={monday}")


async def test_nobody_gets_in_without_signing_in(hub: Running, staff: Someone) -> None:
    draft = await staff.draft()
    async with httpx.AsyncClient(timeout=30, base_url=hub.url, headers={"Origin": hub.url}) as nobody:
        for path in ("", "/week", "/live", f"/{draft.id}", f"/{draft.id}/plan", f"/{draft.id}/live", "/week/live"):
            answer = await nobody.get(f"/bulletins{path}")
            assert answer.status_code in (302, 303, 401), path
            assert "Họp thôn" not in answer.text
        answer = await nobody.post(f"/bulletins/{draft.id}/cancel", data={"number": "1"})
        assert answer.status_code in (302, 303, 401)
    assert staff.now(draft).state is State.DRAFT


async def test_html_in_titles_words_and_names_stays_text(hub: Running, clusters: tuple[Cluster, Cluster]) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    async with (
        someone(hub, "lan", Role.STAFF) as staff,
        someone(hub, "minh", Role.APPROVER) as approver,
    ):
        draft = await staff.draft(f"Mời họp {evil}", title=f"Họp {evil}")
        await staff.planned(draft, tomorrow(17), EAST)
        await staff.sounds(draft)
        await approver.act(draft, "send_back", word=evil)
        for who, path in (
            (staff, "/bulletins"),
            (staff, f"/bulletins/{draft.id}"),
            (staff, f"/bulletins/{draft.id}/plan"),
            (staff, "/bulletins/week"),
        ):
            text = (await who.http.get(path)).text
            assert "<script>alert" not in text
            assert "<img src=x" not in text
        assert "<script>alert" not in await live(staff, f"/bulletins/{draft.id}/live")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"number": "-1"},
        {"number": "9" * 40},
        {"number": "x"},
        {"number": "1", "word": "a" * 5000},
    ],
    ids=["nothing", "negative", "huge", "no number", "long word"],
)
async def test_forged_forms_change_nothing(staff: Someone, data: dict[str, str]) -> None:
    draft = await staff.draft()
    for act in ("cancel", "submit", "move", "plan"):
        answer = await staff.http.post(f"/bulletins/{draft.id}/{act}", data=data)
        assert answer.status_code < 500
    assert staff.now(draft) == draft
