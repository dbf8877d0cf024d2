"""The way of a bulletin: handed in, heard, approved, brought to every cluster, followed; and what stands in its way."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from bulletins_rig import COMMUNE, EAST, WEST, ZONE, Cluster, Someone, cluster, known, someone, tomorrow, words
from hub_rig import Mosquitto, Running, config_for, now, serving, until

from edge_agent.contract.bulletins import Recurrence
from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import BulletinState
from hub.aired.rows import airings
from hub.bulletins import machine
from hub.bulletins.model import Schedule, State, Targets
from hub.people.acting import acting
from hub.people.rights import Role

WHOLE_DAY = [{"from": "00:00", "to": "23:59"}]


@pytest.fixture
async def staff(hub: Running) -> AsyncIterator[Someone]:
    async with someone(hub, "lan", Role.STAFF) as who:
        yield who


@pytest.fixture
async def approver(hub: Running) -> AsyncIterator[Someone]:
    async with someone(hub, "minh", Role.APPROVER) as who:
        yield who


@pytest.fixture
async def clusters(hub: Running, broker: Mosquitto) -> AsyncIterator[tuple[Cluster, Cluster]]:
    """One in each of two areas."""
    east = cluster(hub, broker.port, "cum-dong", "Cụm Đông", "Thôn Đông", (20.50, 105.90))
    west = cluster(hub, broker.port, "cum-tay", "Cụm Tây", "Thôn Tây", (20.51, 105.88))
    async with east, west:
        await known(hub, east, west)
        yield east, west


async def shows(who: Someone, path: str, wanted: str) -> str:
    """The page, once it says this."""
    text = ""
    async with asyncio.timeout(15):
        while wanted not in (text := await who.see(path)):
            await asyncio.sleep(0.1)
    return text


async def test_from_draft_to_heard(
    hub: Running, staff: Someone, approver: Someone, clusters: tuple[Cluster, Cluster]
) -> None:
    east, west = clusters
    draft = await staff.draft()
    at = tomorrow(17)
    assert "Đã gửi duyệt “Họp thôn”" in await staff.planned(draft, at, EAST, WEST)
    await staff.sounds(draft)
    page = await approver.see("/approve")
    assert "Một lần, lúc 17:00" in page
    assert "Thôn Đông, Thôn Tây" in page
    assert east.plans == west.plans == []
    assert "Đã duyệt “Họp thôn”" in await approver.act(draft, "approve")
    await until(lambda: east.plans and west.plans)
    planned = east.plans[0]
    assert (planned.id, planned.at, planned.approval.by) == (draft.id, at, "minh")
    sound = planned.versions[0].segments[0].rendered
    answer = await staff.http.get(f"/media/{sound.sha256}")
    assert hashlib.sha256(answer.content).hexdigest() == sound.sha256
    assert len(answer.content) == sound.bytes
    assert f'src="/media/{sound.sha256}"' in (await approver.http.get(f"/bulletins/{draft.id}")).text
    await shows(staff, f"/bulletins/{draft.id}", "Sẵn sàng ở 2/2 cụm loa")
    await east.state(BulletinState(id=draft.id, at=now(), actual="on_air", title="Họp thôn"))
    await shows(staff, f"/bulletins/{draft.id}", "Đang phát ở 1/2 cụm loa")
    more: dict[str, Any] = {"title": "Họp thôn", "last": now()}
    await east.state(BulletinState(id=draft.id, at=now(), actual="aired", heard=True, start_error_ms=3.2, **more))
    await west.state(BulletinState(id=draft.id, at=now(), actual="aired", heard=False, **more))
    page = await shows(staff, f"/bulletins/{draft.id}", "1 trên 2 cụm loa cần xem lại")
    assert "Đã phát ở 2/2 cụm loa, 1 cụm không nghe thấy" in page
    assert "Họp thôn" in await staff.see("/bulletins?show=past")
    assert "Họp thôn" not in await staff.see("/bulletins?show=planned")
    assert page.index("Cụm Tây") < page.index("Cụm Đông")  # the troubled ones first
    assert "micrô nghe thấy · đúng giờ" in page
    assert "Cụm Tây" in await shows(staff, "/bulletins?show=trouble", "micrô không nghe thấy")
    assert "minh đã duyệt" in page and "lan gửi duyệt" in page


async def test_nobody_signs_their_own_nor_what_changed_meanwhile(
    staff: Someone, approver: Someone, clusters: tuple[Cluster, Cluster]
) -> None:
    draft = await approver.draft()
    await approver.planned(draft, tomorrow(17), EAST)
    await approver.sounds(draft)
    assert "do chính bạn soạn" in await approver.see("/approve")
    assert "do chính bạn soạn" in await approver.act(draft, "approve")
    assert approver.now(draft).state is State.SUBMITTED
    mine = await staff.draft()
    await staff.planned(mine, tomorrow(18), EAST)
    seen = await staff.sounds(mine)
    await staff.planned(mine, tomorrow(19), EAST, do="save")
    said = await approver.act(mine, "approve", number=str(seen.number))
    assert "Bản tin vừa có thay đổi: lan chọn giờ và nơi phát" in said
    assert staff.now(mine).state is State.SUBMITTED
    said = await approver.act(mine, "send_back", number=str(seen.number), word="Sai giờ rồi, xem lại nhé")
    assert "Sai giờ rồi, xem lại nhé" in said  # nothing typed is lost
    await approver.act(mine, "send_back", word="Sai giờ")
    assert "minh trả lại: “Sai giờ”" in await staff.see("/bulletins")
    assert clusters[0].plans == []


async def test_signed_too_late_is_asked_and_one_tap_airs_it_at_the_soonest(
    hub: Running, staff: Someone, approver: Someone, clusters: tuple[Cluster, Cluster]
) -> None:
    desk = hub.hub.bulletins.desk
    draft = await staff.draft()
    await staff.planned(draft, tomorrow(17), EAST)
    await staff.sounds(draft)
    near = Schedule(at=now() + timedelta(seconds=5))
    with acting(staff.person):
        await desk.change(draft.id, lambda b: machine.plan(b, b.targets, near, desk.doing(b.number), signs=False))
    assert "Giờ phát đã qua hoặc quá gần" in await approver.see("/approve")
    assert "các cụm loa không kịp nhận" in await approver.act(draft, "approve")
    assert staff.now(draft).state is State.SUBMITTED
    assert "Đã duyệt “Họp thôn”, phát lúc" in await approver.act(draft, "approve", soonest="yes")
    await until(lambda: clusters[0].plans)
    assert clusters[0].plans[0].at > now() + timedelta(seconds=15)


async def test_two_approvers_at_once_sign_once(hub: Running, staff: Someone, approver: Someone) -> None:
    async with someone(hub, "hoa", Role.APPROVER) as other:
        draft = await staff.draft()
        await staff.planned(draft, tomorrow(17), COMMUNE)
        seen = await staff.sounds(draft)
        number = str(seen.number)
        said = await asyncio.gather(
            approver.act(draft, "approve", number=number), other.act(draft, "approve", number=number)
        )
        assert sorted("Đã duyệt “Họp thôn”" in text for text in said) == [False, True]
        assert any("vừa có thay đổi" in text for text in said)
        assert [step.act for step in staff.now(draft).history].count("approve") == 1


async def test_two_who_plan_at_once_lose_nothing_they_tapped(hub: Running, staff: Someone) -> None:
    async with someone(hub, "tu", Role.STAFF) as other:
        draft = await staff.draft()
        seen = str(draft.number)
        await staff.planned(draft, tomorrow(17), COMMUNE, do="save", number=seen)
        form = {"kind": "weekly", "wd.2": "1", "time": "06:15", "date": "2099-01-05", "place.0": COMMUNE}
        path = f"/bulletins/{draft.id}/plan"
        answer = await other.http.post(path, data={**form, "do": "save", "number": seen})
        assert answer.status_code == 409
        page = words(answer)
        assert "Có người vừa sửa bản tin: lan chọn giờ và nơi phát" in page
        assert "06:15 mỗi thứ Tư" in page
        number = re.search(r'name="number" value="(\d+)"', answer.text)
        assert number is not None
        assert "Đã lưu giờ" in words(await other.http.post(path, data={**form, "do": "save", "number": number[1]}))
        assert "06:15 mỗi thứ Tư" in await staff.see(f"/bulletins/{draft.id}")


async def test_a_node_that_refuses_is_told_with_its_reason_and_others_air(
    staff: Someone, approver: Someone, clusters: tuple[Cluster, Cluster]
) -> None:
    east, west = clusters

    async def refuse(node: Any, asked: Any) -> None:
        filled = {"at": "04:00 03/01/2099", "windows": "05:30-06:30", "next": "05:30 03/01/2099"}
        await node.ack(asked, "rejected", fault=Fault.of("hours.window", **filled))

    west.replies["bulletin.plan"] = refuse
    draft = await aired(staff, approver, COMMUNE)
    await shows(staff, f"/bulletins/{draft.id}", "Sẵn sàng ở 1/2 cụm loa")
    page = await shows(staff, f"/bulletins/{draft.id}", "Không nhận. Không được phát lúc 04:00")
    assert "1 trên 2 cụm loa cần xem lại" in page
    assert "ngoài khung giờ quy định" in await staff.see("/bulletins?show=trouble")
    assert "Bản tin bị lỡ" not in await staff.see("/")
    east.replies["bulletin.plan"] = refuse
    await approver.planned(draft, tomorrow(18), EAST, do="save")
    await shows(staff, "/", "Bản tin bị lỡ")
    assert "Mọi thứ đều tốt" not in await staff.see("/")
    page = await shows(staff, f"/bulletins/{draft.id}", "Không cụm loa nào nhận, sẽ không phát")
    assert (len(east.plans), len(west.plans)) == (2, 1)  # what was refused is not sent again


async def test_what_a_node_never_took_counts_as_missed_in_the_log(
    hub: Running,
    staff: Someone,
    approver: Someone,
    clusters: tuple[Cluster, Cluster],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(node: Any, asked: Any) -> None:
        filled = {"at": "04:00 03/01/2099", "windows": "05:30-06:30", "next": "05:30 03/01/2099"}
        await node.ack(asked, "rejected", fault=Fault.of("hours.window", **filled))

    async def stay_silent(node: Any, asked: Any) -> None:
        """As a node that is off."""

    clusters[0].replies["bulletin.plan"], clusters[1].replies["bulletin.plan"] = refuse, stay_silent
    draft = await aired(staff, approver, COMMUNE)
    await shows(staff, f"/bulletins/{draft.id}", "Không nhận. Không được phát lúc 04:00")
    dispatch = hub.hub.bulletins.dispatch
    schedule = staff.now(draft).schedule
    month = f"/aired?month={schedule.at.astimezone(ZONE):%Y-%m}"
    assert "Không có lần phát nào." in await staff.see(month)
    await dispatch.missed.look(dispatch._released, dispatch._rows, schedule.at + timedelta(hours=1))
    monkeypatch.setattr("hub.bulletins.outcome.GIVEN_UP", timedelta(days=-36500))  # as if its day were over
    await dispatch._finish(everything=True)
    assert draft.id not in hub.hub.bulletins.desk.open, "it is over"
    page = await staff.see(month)
    assert "Không được phát lúc 04:00" in page
    assert "Không gửi được tới cụm loa này trước giờ phát." in page
    states = await hub.hub.store.read(lambda c: list(c.execute(sa.select(airings.c.state)).scalars()))
    assert states == ["missed", "missed"]


async def aired(staff: Someone, approver: Someone, *places: str, **more: str) -> Any:
    """Written, planned, handed in and approved."""
    draft = await staff.draft()
    await staff.planned(draft, tomorrow(17), *places, **more)
    await staff.sounds(draft)
    assert "Đã duyệt" in await approver.act(draft, "approve")
    return draft


async def test_changed_is_sent_again_and_cancelled_is_taken_off_everywhere(
    staff: Someone, approver: Someone, clusters: tuple[Cluster, Cluster]
) -> None:
    east, west = clusters
    draft = await aired(staff, approver, EAST, WEST)
    await until(lambda: east.plans and west.plans)
    assert "Đã lưu" in await approver.planned(draft, tomorrow(18), EAST, do="save")
    await until(lambda: len(east.plans) == 2 and west.cancels)
    assert east.plans[-1].at == tomorrow(18)
    assert "Đã lưu" in await staff.planned(draft, tomorrow(19), EAST, do="save")
    assert staff.now(draft).state is State.SUBMITTED  # staff may not sign: the old plan stays until somebody does
    assert "Bản đã duyệt trước đó vẫn phát" in await staff.see(f"/bulletins/{draft.id}")
    assert "Đã huỷ “Họp thôn”" in await staff.act(draft, "cancel")
    await until(lambda: east.cancels)
    assert east.cancels[0].args.bulletin == draft.id  # type: ignore[union-attr]
    assert len(east.plans) == 2
    assert "Đã huỷ" in await staff.see(f"/bulletins/{draft.id}")


async def test_a_node_that_is_away_gets_it_when_it_is_back_and_a_new_one_gets_what_stands(
    hub: Running, broker: Mosquitto, staff: Someone, approver: Someone, clusters: tuple[Cluster, Cluster]
) -> None:
    east, west = clusters
    await west.lose()
    await until(lambda: not hub.hub.registry.is_online(f"{COMMUNE}/cum-tay"))
    draft = await aired(staff, approver, COMMUNE, kind="weekly", **{"wd.0": "1", "wd.2": "1"})
    assert "Cụm Tây" in await shows(staff, "/bulletins?show=trouble", "Cụm loa đang mất kết nối")
    await until(lambda: east.plans)
    assert east.plans[0].recurrence.rule == "FREQ=WEEKLY;BYDAY=MO,WE"
    back = cluster(hub, broker.port, "cum-tay", "Cụm Tây", "Thôn Tây", (20.51, 105.88))
    fresh = cluster(hub, broker.port, "cum-moi", "Cụm Mới", "Thôn Đông", (20.52, 105.9))
    async with back, fresh:
        await until(lambda: back.plans and fresh.plans, 20)
        await shows(staff, f"/bulletins/{draft.id}", "Sẵn sàng ở 3/3 cụm loa")
    assert back.plans[0].id == fresh.plans[0].id == draft.id


async def test_a_forgotten_node_is_waited_for_no_more_and_gets_what_stands_when_it_is_back(
    hub: Running, broker: Mosquitto, staff: Someone, approver: Someone, clusters: tuple[Cluster, Cluster]
) -> None:
    _, west = clusters
    await west.lose()
    await until(lambda: not hub.hub.registry.is_online(f"{COMMUNE}/cum-tay"))
    draft = await aired(staff, approver, COMMUNE)
    await shows(staff, f"/bulletins/{draft.id}", "Sẵn sàng ở 1/2 cụm loa")
    assert await hub.hub.registry.forget(f"{COMMUNE}/cum-tay", "minh")
    await shows(staff, f"/bulletins/{draft.id}", "Sẵn sàng ở 1/1 cụm loa")
    assert "Cụm loa đang mất kết nối" not in await staff.see("/bulletins?show=trouble")
    back = cluster(hub, broker.port, "cum-tay", "Cụm Tây", "Thôn Tây", (20.51, 105.88))
    async with back:
        await shows(staff, f"/bulletins/{draft.id}", "Sẵn sàng ở 2/2 cụm loa")
    assert back.plans[-1].id == draft.id


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
async def test_a_hub_that_was_restarted_goes_on_where_it_was(
    broker: Mosquitto, tmp_path: Path, database: dict[str, Any]
) -> None:
    config = config_for(tmp_path, broker.port, **database)
    async with serving(config) as hub:
        east = cluster(hub, broker.port, "cum-dong", "Cụm Đông", "Thôn Đông", (20.5, 105.9))
        async with (
            someone(hub, "lan", Role.STAFF) as staff,
            someone(hub, "minh", Role.APPROVER) as approver,
            east,
        ):
            await known(hub, east)
            east.silent = True
            draft = await aired(staff, approver, EAST)
            unfinished = await staff.draft("Tin chưa xong")
            await until(lambda: east.plans)
    async with serving(config) as hub, someone(hub, "lan", Role.STAFF) as staff, east:
        east.silent = False
        await known(hub, east)
        await until(lambda: len(east.plans) > 1, 20)
        await shows(staff, f"/bulletins/{draft.id}", "Sẵn sàng ở 1/1 cụm loa")
        assert east.plans[0] == east.plans[-1]
        assert "Tin chưa xong" in await staff.see(f"/bulletins/{unfinished.id}")


async def test_what_the_rules_want_nobody_to_sign_goes_by_itself_once_it_has_its_sound(
    broker: Mosquitto, tmp_path: Path
) -> None:
    config = config_for(tmp_path, broker.port, approval={"required_for": ["priority"], "own_allowed": ["staff"]})
    async with serving(config) as hub:
        east = cluster(hub, broker.port, "cum-dong", "Cụm Đông", "Thôn Đông", (20.5, 105.9))
        async with someone(hub, "lan", Role.STAFF) as staff, east:
            await known(hub, east)
            draft = await staff.draft()
            await staff.planned(draft, tomorrow(17), EAST)
            await until(lambda: east.plans, 40)
            assert east.plans[0].versions[0].segments[0].rendered is not None
            assert "không cần duyệt" in await staff.see(f"/bulletins/{draft.id}")
            urgent = await staff.draft(**{"class": "priority"})
            await staff.planned(urgent, tomorrow(18), EAST)
            assert (await staff.sounds(urgent)).state is State.SUBMITTED
            assert len(east.plans) == 1


async def test_an_emergency_is_only_let_through_by_its_own_button(
    staff: Someone, approver: Someone, clusters: tuple[Cluster, Cluster]
) -> None:
    draft = await staff.draft("Lũ về, bà con sơ tán ngay", **{"class": "emergency"})
    page = await staff.planned(draft, tomorrow(3), EAST)
    assert "Tin khẩn cấp chỉ được gửi bằng nút bấm riêng của nó" in page
    assert "hú còi" in page  # its button says what it does
    assert staff.now(draft).state is State.DRAFT
    assert "Đã gửi duyệt" in await staff.planned(draft, tomorrow(3), EAST, do="emergency")
    await until(lambda: clusters[0].plans, 40)  # the rules want nobody to sign an emergency
    assert clusters[0].plans[0].class_ == "emergency"


async def test_hours_are_told_before_with_a_way_out(broker: Mosquitto, tmp_path: Path) -> None:
    config = config_for(tmp_path, broker.port, hours={"preset": "two-sessions"})
    async with serving(config) as hub, someone(hub, "lan", Role.STAFF) as staff:
        draft = await staff.draft()
        page = await staff.planned(draft, tomorrow(4), COMMUNE)
        assert "Giờ này không được phát theo quy định" in page
        assert "ngoài khung giờ quy định (05:30-06:30, 17:00-18:00)" in page
        there = tomorrow(5, 30).astimezone(ZONE)
        assert f"Dời sang 05:30 ngày {there:%d/%m/%Y}" in page
        assert "Giờ này" not in await staff.planned(draft, tomorrow(4), COMMUNE, do=f"move:{there:%Y-%m-%dT%H:%M}")
        assert "Đã gửi duyệt" in await staff.planned(draft, tomorrow(5, 30), COMMUNE)


async def test_too_long_for_the_law_is_told_as_that_and_no_time_is_offered(broker: Mosquitto, tmp_path: Path) -> None:
    config = config_for(tmp_path, broker.port, hours={"windows": WHOLE_DAY, "minutes_per_session": 1})
    async with serving(config) as hub, someone(hub, "lan", Role.STAFF) as staff:
        draft = await staff.draft("bà con " * 225)  # 135 s by its words
        page = await staff.planned(draft, tomorrow(17), COMMUNE)
        assert "Bản tin dài 2 phút 15 giây" in page
        assert "Hãy dời sang" not in page and "Sớm nhất" not in page
        assert staff.now(draft).state is State.DRAFT


async def test_an_hour_that_is_over_today_is_tomorrow(staff: Someone) -> None:
    draft, there = await staff.draft(), datetime.now(UTC).astimezone(ZONE)
    page = await staff.planned(draft, there.replace(hour=0, minute=0), COMMUNE)
    assert "Giờ này hôm nay đã qua, nên phát vào ngày mai" in page
    assert f"{there + timedelta(days=1):%d/%m/%Y}" in page
    assert staff.now(draft) == draft  # who planned it looks at the day first


async def test_other_bulletins_at_that_time_are_named(staff: Someone, approver: Someone) -> None:
    await aired(staff, approver, EAST)
    other = await staff.draft(title="Điện cúp")
    page = await staff.planned(other, tomorrow(17), COMMUNE, do="show")
    assert "Trùng giờ với “Họp thôn”" in page
    assert "Dời sang 17:05" in page
    assert "Trùng giờ" not in await staff.planned(other, tomorrow(17), WEST, do="show")


async def test_past_or_never_or_nowhere_is_told_and_nothing_is_kept(staff: Someone) -> None:
    draft = await staff.draft()
    assert "đã qua" in await staff.planned(draft, datetime(2026, 1, 1, tzinfo=UTC), COMMUNE)
    assert "Hãy chọn nơi phát" in await staff.planned(draft, tomorrow(17))
    never = {"kind": "daily", "until": "2026-01-01"}
    assert "không phát lần nào nữa" in await staff.planned(draft, tomorrow(17), COMMUNE, **never)
    assert "ít nhất một thứ" in await staff.planned(draft, tomorrow(17), COMMUNE, kind="weekly")
    assert "Yêu cầu không đúng" in await staff.planned(draft, tomorrow(17), COMMUNE, kind="hourly")
    assert staff.now(draft) == draft


async def test_times_from_elsewhere_that_no_sentence_says_are_told_and_planned_anew(
    hub: Running, staff: Someone, clusters: tuple[Cluster, Cluster]
) -> None:
    draft = await staff.draft()
    odd = Schedule(at=tomorrow(17), recurrence=Recurrence(rule="FREQ=DAILY;INTERVAL=2"))
    filed = {"schedule": odd, "targets": Targets(places=(EAST,))}
    await hub.hub.bulletins.desk.change(
        draft.id, lambda b: b.model_copy(update=filed)
    )  # by a program, before this rule
    said = "không nói được nó thành câu"
    assert said in await staff.act(draft, "submit")
    assert said in await staff.see(f"/bulletins/{draft.id}/plan")
    assert "Đã gửi duyệt “Họp thôn”" in await staff.planned(draft, tomorrow(17), EAST)
    assert said not in await staff.see(f"/bulletins/{draft.id}/plan")


async def test_one_instance_is_left_out_and_another_moved(
    staff: Someone, approver: Someone, clusters: tuple[Cluster, Cluster]
) -> None:
    first = tomorrow(17)
    draft = await aired(staff, approver, EAST, kind="daily", left_out=first.isoformat())
    await until(lambda: clusters[0].plans)
    assert clusters[0].plans[0].recurrence.except_ == (first,)
    second = first + timedelta(days=1)
    there = (second + timedelta(hours=1)).astimezone(ZONE)
    form = {"date": f"{there:%Y-%m-%d}", "time": f"{there:%H:%M}", "planned": second.isoformat(), "how": "once"}
    page = await approver.act(draft, "move", **form)
    assert f"Đã dời “Họp thôn” sang {there:%H:%M %d/%m/%Y}" in page
    await until(lambda: len(clusters[0].plans) == 2)
    [change] = clusters[0].plans[-1].recurrence.changes
    assert (change.planned, change.at) == (second, second + timedelta(hours=1))
    await approver.act(draft, "move", **{**form, "how": "all"})
    await until(lambda: len(clusters[0].plans) == 3)
    assert (clusters[0].plans[-1].at.astimezone(ZONE)).hour == 18


async def test_feed_is_for_whom_it_was_made_and_ends_with_a_new_one(
    hub: Running, staff: Someone, approver: Someone, clusters: tuple[Cluster, Cluster]
) -> None:
    await aired(staff, approver, EAST, kind="weekly", **{"wd.0": "1"})
    page = (await staff.http.post("/bulletins/feed")).text
    address = re.search(r'value="(http[^"]+ics[^"]+)"', page)
    assert address is not None
    body = (await staff.http.get(address[1], headers={"Cookie": ""})).text
    assert "RRULE:FREQ=WEEKLY;BYDAY=MO" in body
    assert "SUMMARY:Họp thôn" in body
    assert (await staff.http.get("/bulletins.ics?key=forged")).status_code == 404
    assert (await staff.http.get("/bulletins.ics")).status_code == 404
    assert "Địa chỉ đó vẫn dùng được" in await staff.see("/bulletins/feed")
    assert "Bỏ địa chỉ cũ" in await staff.post("/bulletins/feed")  # asked first: the one in use stays
    assert (await staff.http.get(address[1])).status_code == 200
    await staff.http.post("/bulletins/feed", data={"sure": "yes"})
    assert (await staff.http.get(address[1])).status_code == 404
    async with someone(hub, "truong-tay", Role.AREA_HEAD, WEST) as head:
        page = (await head.http.post("/bulletins/feed")).text
        address = re.search(r'value="(http[^"]+ics[^"]+)"', page)
        assert address is not None
        assert "Họp thôn" not in (await head.http.get(address[1])).text
