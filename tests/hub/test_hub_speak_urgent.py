"""Urgent words spoken now: an emergency is only sent by its second button, waits for no question, lives long enough."""

import html
import re
from typing import Any

from hub_rig import FakeNode, Running

PATH = "/nodes/29401/tram-bom"
HX = {"HX-Request": "true"}


async def post(hub: Running, path: str, **fields: str) -> str:
    return html.unescape((await hub.http.post(f"{PATH}/{path}", data=fields, headers=HX)).text)


async def test_a_class_that_does_not_exist_is_refused(hub: Running, node: FakeNode) -> None:
    assert "Yêu cầu không đúng" in await post(hub, "speak", text="Lũ về", **{"class": "loud"})
    assert node.commands == []


async def test_a_bulletin_is_not_planned_past_those_who_approve(hub: Running, node: FakeNode) -> None:
    answer = await hub.http.post(f"{PATH}/bulletins", data={"title": "a", "text": "b"}, headers=HX)
    assert answer.status_code in (404, 405)
    assert node.commands == []


async def test_an_emergency_is_only_sent_by_its_second_button(hub: Running, node: FakeNode) -> None:
    for do in ("send", "anyway", ""):
        said = await post(hub, "speak", text="Lũ về", **{"class": "emergency", "do": do})
        assert "Đây có đúng là tin khẩn cấp?" in said
        assert re.search(r'<button class="loud" name="do" value="emergency">', said)
    assert node.commands == []
    await post(hub, "speak", text="Lũ về", **{"class": "emergency", "do": "emergency"})
    sent: Any = node.commands[-1]
    assert sent.args.class_ == "emergency"


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
