"""The form of a bulletin: class, repetition by the lunar calendar too, whose word, and what a node refuses."""

import html
import re
from typing import Any

import pytest
from hub_rig import FakeNode, Mosquitto, Running, config_for, serving, until

from edge_agent.contract.commands import Command
from edge_agent.contract.errors import Fault
from edge_agent.contract.signature import Verifier

PATH = "/nodes/29401/tram-bom"
HX = {"HX-Request": "true"}
FORM = {"title": "Họp thôn", "text": "Mời bà con đi họp", "date": "2099-01-03", "time": "05:30", "repeat": "once"}


async def post(hub: Running, path: str, **fields: str) -> str:
    return html.unescape((await hub.http.post(f"{PATH}/{path}", data=fields, headers=HX)).text)


def planned(node: FakeNode) -> Any:
    args: Any = node.commands[-1].args
    return args.bulletin


async def test_a_bulletin_carries_its_class_authority_and_policy(hub: Running, node: FakeNode) -> None:
    more = {"class": "priority", "authority": "area", "after": "drop"}
    said = await post(hub, "bulletins", **FORM, **more)
    assert "Nút đã ghi bản tin vào lịch" in said
    assert "Lần đầu: 05:30 ngày 03/01/2099." in said
    bulletin = planned(node)
    assert (bulletin.class_, bulletin.authority, bulletin.after_interruption) == ("priority", "area", "drop")


async def test_without_choices_it_is_ordinary_and_resumes(hub: Running, node: FakeNode) -> None:
    await post(hub, "bulletins", **FORM)
    bulletin = planned(node)
    assert (bulletin.class_, bulletin.authority, bulletin.after_interruption) == ("ordinary", "commune", "resume")
    assert bulletin.recurrence is None


REPEATS: list[tuple[dict[str, str], str | None, tuple[int, ...], int | None]] = [
    ({"repeat": "daily"}, "FREQ=DAILY", (), None),
    ({"repeat": "weekly"}, "FREQ=WEEKLY;BYDAY=SA", (), None),
    ({"repeat": "mung1"}, None, (1,), None),
    ({"repeat": "ram"}, None, (15,), None),
    ({"repeat": "mung1_ram"}, None, (1, 15), None),
    ({"repeat": "lunar", "lunar_day": "23", "lunar_month": "12"}, None, (23,), 12),
    ({"repeat": "lunar", "lunar_day": "30", "lunar_month": ""}, None, (30,), None),
]


@pytest.mark.parametrize(("fields", "rule", "days", "month"), REPEATS)
async def test_repetition(
    hub: Running, node: FakeNode, fields: dict[str, str], rule: str | None, days: tuple[int, ...], month: int | None
) -> None:
    await post(hub, "bulletins", **{**FORM, **fields})
    again = planned(node).recurrence
    assert again.rule == rule
    if days:
        assert (again.lunar.days, again.lunar.month, again.lunar.in_leap_months) == (
            days,
            month,
            "never" if month else "also",
        )


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"class": "loud"}, "Yêu cầu không đúng"),
        ({"authority": "central"}, "Yêu cầu không đúng"),
        ({"authority": "<b>"}, "Yêu cầu không đúng"),
        ({"after": "explode"}, "Yêu cầu không đúng"),
        ({"repeat": "hourly"}, "Yêu cầu không đúng"),
        ({"repeat": "lunar", "lunar_day": "31"}, "từ 1 đến 30"),
        ({"repeat": "lunar", "lunar_day": "x"}, "từ 1 đến 30"),
        ({"repeat": "lunar", "lunar_day": "1", "lunar_month": "13"}, "từ 1 đến 30"),
    ],
)
async def test_choices_that_do_not_exist_are_refused(
    hub: Running, node: FakeNode, wrong: dict[str, str], words: str
) -> None:
    said = await post(hub, "bulletins", **{**FORM, **wrong})
    assert words in said
    assert node.commands == []


async def test_authorities_are_those_of_the_configuration(broker: Mosquitto, tmp_path: Any) -> None:
    async with serving(config_for(tmp_path, broker.port, authorities=["province", "ban-chi-huy"])) as hub:
        signer = hub.hub.signer
        async with FakeNode(broker.port, Verifier({signer.key_id: signer.public})) as node:
            await until(lambda: getattr(hub.hub.registry.nodes.get("29401/tram-bom"), "about", None))
            text = html.unescape((await hub.http.get("/nodes/29401/tram-bom")).text)
            assert '<option value="province">Tỉnh, thành phố</option>' in text
            assert '<option value="ban-chi-huy">ban-chi-huy</option>' in text
            await post(hub, "bulletins", **FORM, authority="ban-chi-huy")
            assert planned(node).authority == "ban-chi-huy"


@pytest.mark.parametrize(("path", "fields"), [("speak", {"text": "Lũ về"}), ("bulletins", FORM)])
async def test_an_emergency_is_only_sent_by_its_second_button(
    hub: Running, node: FakeNode, path: str, fields: dict[str, str]
) -> None:
    for do in ("send", "anyway", "move", ""):
        moved = {"moved_date": "2099-01-03", "moved_time": "05:30"} if do == "move" else {}
        said = await post(hub, path, **fields, **moved, **{"class": "emergency", "do": do})
        assert "Đây có đúng là tin khẩn cấp?" in said
        assert re.search(r'<button class="loud" name="do" value="emergency">', said)
    assert node.commands == []
    await post(hub, path, **fields, **{"class": "emergency", "do": "emergency"})
    sent: Any = node.commands[-1]
    assert (sent.args if path == "speak" else sent.args.bulletin).class_ == "emergency"


async def test_second_button_sends_what_is_no_emergency_as_it_is(hub: Running, node: FakeNode) -> None:
    await post(hub, "speak", text="Mời họp", do="emergency", **{"class": "ordinary"})
    assert node.commands[-1].args.class_ == "ordinary"  # type: ignore[union-attr]


async def test_an_emergency_waits_for_no_question_and_lives_long_enough(hub: Running, node: FakeNode) -> None:
    unclear = "Mời bà con thôn XQZ sơ tán"
    assert "Chưa gửi" in await post(hub, "speak", text=unclear, do="send")
    assert "Gửi tin khẩn cấp" in await post(hub, "speak", text=unclear, do="send", **{"class": "emergency"})
    said = await post(hub, "speak", text=unclear, do="emergency", **{"class": "emergency"})
    assert "Nút đã nhận và sẽ đọc ngay" in said
    sent = node.commands[-1]
    assert (sent.expires - sent.at).total_seconds() == 3600  # the node repeats it for as long as the command lives
    await post(hub, "speak", text="Mời họp")
    sent = node.commands[-1]
    assert (sent.args.class_, (sent.expires - sent.at).total_seconds() < 60) == ("priority", True)  # type: ignore[union-attr]


NEXT = {"as the node writes it": "17:00 04/01/2099", "as ISO 8601": "2099-01-04T10:00:00.000+00:00"}


@pytest.mark.parametrize("lawful", NEXT.values(), ids=list(NEXT))
async def test_lawful_hours_are_told_with_rule_and_a_way_out(hub: Running, node: FakeNode, lawful: str) -> None:
    async def refuse(n: FakeNode, asked: Any) -> None:
        if asked.args.bulletin.at.hour == 10:
            await n._bulletin_plan(asked)
            return
        filled = {"at": "05:00 03/01/2099", "windows": "05:30-06:30, 17:00-18:00", "next": lawful}
        await n.ack(asked, "rejected", fault=Fault.of("hours.window", **filled))

    node.replies["bulletin.plan"] = refuse
    said = await post(hub, "bulletins", **FORM)
    assert "Nút từ chối. Không được phát lúc 05:00 03/01/2099: ngoài khung giờ quy định (05:30-06:30" in said
    assert "Dời sang 17:00 ngày 04/01/2099" in said
    assert "2099-01-04T" not in said
    moved = {name: re.search(rf'name="{name}" value="([^"]+)"', said)[1] for name in ("moved_date", "moved_time")}  # type: ignore[index]
    assert moved == {"moved_date": "2099-01-04", "moved_time": "17:00"}
    assert "Nút đã ghi bản tin vào lịch" in await post(hub, "bulletins", **{**FORM, **moved, "do": "move"})
    assert planned(node).at.isoformat() == "2099-01-04T10:00:00+00:00"


async def test_hours_that_never_allow_it_offer_no_way_out(hub: Running, node: FakeNode) -> None:
    async def refuse(n: FakeNode, asked: Any) -> None:
        fault = Fault.of("hours.session_too_long", at="05:00 03/01/2099", minutes=90, limit=60, next="-")
        await n.ack(asked, "rejected", fault=fault)

    node.replies["bulletin.plan"] = refuse
    said = await post(hub, "bulletins", **FORM)
    assert "mỗi buổi chỉ được 60 phút" in said
    assert "Dời sang" not in said


async def test_every_day_refused_for_a_weekday_is_shown_the_choice_of_weekdays(hub: Running, node: FakeNode) -> None:
    async def refuse(there: FakeNode, asked: Command) -> None:
        params = {"at": "2099-01-03T05:30:00+07:00", "next": "2099-01-05T05:30:00+07:00"}
        await there.ack(asked, "rejected", fault=Fault.of("hours.weekday", **params))

    node.replies["bulletin.plan"] = refuse
    hint = "chọn lặp lại “Thứ Hai đến thứ Sáu”"
    assert hint in await post(hub, "bulletins", **{**FORM, "repeat": "daily"})
    assert hint not in await post(hub, "bulletins", **FORM)
