"""Emergencies: two deliberate steps, answers cluster by cluster, once more for who is silent, all-clear, restarts."""

import asyncio
import contextlib
import html
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from hub_rig import FakeNode, Mosquitto, Running, config_for, now, serving, signed_in, until

from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import BulletinState, SpeakerState
from edge_agent.contract.signature import Verifier
from hub.air import emergency
from hub.air.emergency import Words, new_id
from hub.air.tables import sounded as sounded_table
from hub.people.audit import acts
from hub.people.rights import EVERYWHERE, Grant, Place, Role
from hub.people.sessions import COOKIE
from hub.store import Store

ON_BOTH_DATABASES = "long"
AREA = "at:29401//thon-dong"
FORM = {"title": "Xả lũ", "text": "Hồ chứa đang xả lũ. Bà con lên chỗ cao.", "clear": "Đã hết xả lũ.", "minutes": "5"}


def plain(answer: httpx.Response) -> str:
    text = re.sub(r"<[^>]+>", " ", html.unescape(answer.text))
    return re.sub(r"\s+", " ", text)


async def checked(hub: Running, http: httpx.AsyncClient | None = None, **more: str) -> dict[str, str]:
    """The hidden fields of the page that says what will happen."""
    answer = await (http or hub.http).post("/air/emergency/check", data={**FORM, AREA: "1", **more})
    assert answer.status_code == 200, plain(answer)
    form = answer.text.split('action="/air/emergency"', 1)[1].split("</form>", 1)[0]
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {name: html.unescape(value) for name, value in found}


async def make_room(store: Store) -> None:
    """The disk has room again. What is written together with it may still fail for want of room, and takes it along."""
    async with asyncio.timeout(8):
        while True:
            with contextlib.suppress(sa.exc.OperationalError):
                await store.call(lambda c: c.exec_driver_sql("PRAGMA max_page_count=1000000").fetchall())
                return


async def sounded(hub: Running, **more: str) -> str:
    """The address of an emergency that was sounded."""
    answer = await hub.http.post("/air/emergency", data={**await checked(hub, **more), "sure": "1"})
    assert answer.status_code == 303, plain(answer)
    return str(answer.headers["location"])


async def shows(hub: Running, path: str, words: str) -> str:
    """The page, once it says this."""
    text = ""
    async with asyncio.timeout(20):
        while words not in (text := plain(await hub.http.get(path))):
            await asyncio.sleep(0.05)
    return text


async def planned(node: FakeNode, asked: Any) -> None:
    """As an agent does: it has it on its calendar, and sounds it."""
    await node.ack(asked, "done", result={"next": asked.args.bulletin.at.isoformat()})
    id_ = asked.args.bulletin.id
    if asked.args.bulletin.class_ == "emergency":
        speaker = SpeakerState(id="loa", at=now(), actual="playing", playing=id_, emergencies=(id_,))
        await node.state(speaker)


async def cancelled(node: FakeNode, asked: Any) -> None:
    await node.state(SpeakerState(id="loa", at=now(), actual="idle"))
    await node.ack(asked, "done")


@pytest.fixture
async def siren(node: FakeNode) -> FakeNode:
    """A node that sounds what it is told."""
    node.replies |= {"bulletin.plan": planned, "bulletin.cancel": cancelled}
    return node


def plans(node: FakeNode) -> list[Any]:
    return [c.args.bulletin for c in node.commands if c.do == "bulletin.plan"]  # type: ignore[union-attr]


async def test_nothing_sounds_before_the_second_step(hub: Running, siren: FakeNode) -> None:
    page = await hub.http.post("/air/emergency/check", data={**FORM, AREA: "1"})
    text = plain(page)
    for words in (
        "1 cụm loa : Thôn Đông",
        "lâu nhất 5 phút",
        "Hồ chứa đang xả lũ. Bà con lên chỗ cao.",
        "Đã hết xả lũ.",
        "phát cả ban đêm",
    ):
        assert words in text, words
    unsure = await hub.http.post("/air/emergency", data=await checked(hub))
    assert "chưa xác nhận" in plain(unsure)
    assert plans(siren) == []


async def test_it_sounds_is_followed_and_ended_by_the_all_clear(hub: Running, siren: FakeNode) -> None:
    path = await sounded(hub)
    await shows(hub, path, "1/1 cụm loa đang hú")
    assert f'<a href="{path}">' in (await hub.http.get("/")).text  # from the red block of each page
    (bulletin,) = plans(siren)
    assert (bulletin.class_, bulletin.title, bulletin.text) == ("emergency", "Xả lũ", FORM["text"])
    assert bulletin.approval is not None
    assert bulletin.approval.by == "quan-tri"
    assert bulletin.repeat_until is not None
    assert timedelta(minutes=4) < bulletin.repeat_until - bulletin.at < timedelta(minutes=6)
    assert bulletin.at > siren.commands[-1].at
    ended = await hub.http.post(f"{path}/clear")
    assert ended.status_code == 303
    await shows(hub, path, "0/1 cụm loa đang hú")
    text = await shows(hub, path, "quan-tri đã báo yên")
    assert "đã dừng" in text
    await until(lambda: len(plans(siren)) == 2)
    clear = plans(siren)[1]
    assert (clear.class_, clear.title, clear.text) == ("priority", "Báo yên: Xả lũ", "Đã hết xả lũ.")
    await shows(hub, path, "Lời báo yên: đang tạo giọng đọc")
    for actual, words in (("on_air", "1/1 cụm loa đang đọc"), ("aired", "1/1 cụm loa đã đọc xong")):
        await siren.state(BulletinState(id=clear.id, at=now(), actual=actual, title=clear.title))
        await shows(hub, path, f"Lời báo yên: {words}")
    order = [c.do for c in siren.commands]
    assert order.index("bulletin.cancel") < len(order) - 1 - order[::-1].index("bulletin.plan")
    await hub.http.post(f"{path}/clear")  # a second tap changes nothing
    assert len(plans(siren)) == 2


async def test_a_form_that_is_sent_again_sounds_nothing_more(hub: Running, siren: FakeNode) -> None:
    fields = {**await checked(hub), "sure": "1"}
    first, second = await asyncio.gather(
        hub.http.post("/air/emergency", data=fields), hub.http.post("/air/emergency", data=fields)
    )
    assert first.headers["location"] == second.headers["location"]
    await shows(hub, first.headers["location"], "1/1 cụm loa đang hú")
    assert len(plans(siren)) == 1


@pytest.mark.parametrize("id_", ["", "kc-x", "kc-01900000-0000-7000-8000-000000000000", "../etc", "a" * 500])
async def test_old_and_made_up_names_must_be_looked_at_again(hub: Running, siren: FakeNode, id_: str) -> None:
    answer = await hub.http.post("/air/emergency", data={**await checked(hub), "id": id_, "sure": "1"})
    assert "Xem lại rồi giữ nút bấm lần nữa" in plain(answer)
    assert plans(siren) == []


async def test_cluster_that_does_not_answer_is_named_and_called_again(
    hub: Running, siren: FakeNode, broker: Mosquitto
) -> None:
    async with FakeNode(broker.port, siren.verifier, node="cong-lang", title="Cổng làng") as other:
        await until(lambda: len(getattr(hub.hub.registry.nodes.get("29401/cong-lang"), "states", ())) >= 4)

        async def refuse(n: FakeNode, asked: Any) -> None:
            await n.ack(asked, "rejected", fault=Fault.of("command.busy"))

        other.replies["bulletin.plan"] = refuse
        path = await sounded(hub)
        await shows(hub, path, "1/2 đã trả lời")
        text = await shows(hub, path, "Trạm bơm Đông đang hú")  # it answers before it says that it sounds
        assert "Gọi lại 1 cụm loa chưa phát" in text
        assert text.index("Cổng làng") < text.index("Trạm bơm Đông đang hú")  # trouble first
        other.replies |= {"bulletin.plan": planned, "bulletin.cancel": cancelled}
        assert (await hub.http.post(f"{path}/again")).status_code == 303
        await shows(hub, path, "2/2 cụm loa đang hú")
        assert len(plans(other)) == 2
        assert len(plans(siren)) == 1  # who sounds it is left alone


async def test_node_that_was_away_gets_it_and_its_end(hub: Running, siren: FakeNode, broker: Mosquitto) -> None:
    await siren.lose()
    await until(lambda: not hub.hub.registry.is_online("29401/tram-bom"))
    page = await hub.http.post("/air/emergency/check", data={**FORM, AREA: "1"})
    assert "1 cụm loa, sẽ phát khi nối lại" in plain(page)
    path = await sounded(hub)
    await shows(hub, path, "mất kết nối, sẽ phát khi nối lại")


async def test_an_emergency_goes_on_after_a_restart_of_the_hub(
    broker: Mosquitto, tmp_path: Path, database: dict[str, Any]
) -> None:
    config = config_for(tmp_path, broker.port, **database)
    async with serving(config) as hub:
        signer = hub.hub.signer
        node = FakeNode(broker.port, Verifier({signer.key_id: signer.public}), hub_url=hub.url)
        node.replies |= {"bulletin.plan": planned, "bulletin.cancel": cancelled}
        await node.__aenter__()
        await until(lambda: len(getattr(hub.hub.registry.nodes.get("29401/tram-bom"), "states", ())) >= 4)
        path = await sounded(hub)
        await shows(hub, path, "1/1 cụm loa đang hú")
    async with serving(config) as after:
        text = await shows(after, path, "1/1 cụm loa đang hú")
        assert "Hồ chứa đang xả lũ" in text
        await after.http.post(f"{path}/clear")
        await shows(after, path, "0/1 cụm loa đang hú")
        assert len([b for b in plans(node) if b.class_ == "emergency"]) == 1
    await node.lose()


async def test_what_was_decided_while_the_broker_was_away_is_sent_later(
    hub: Running, siren: FakeNode, broker: Mosquitto
) -> None:
    id_ = new_id()
    broker.stop()
    await until(lambda: not hub.hub.link.connected)
    await hub.hub.air.emergencies.sound(Words("Bão", "Bão sắp vào."), ["29401/tram-bom"], 15, id_)
    broker.start()
    await siren.__aenter__()
    await until(lambda: plans(siren), 40)
    assert plans(siren)[0].id == id_


async def test_who_comes_back_without_an_answer_is_asked_again_by_the_hub_itself(
    hub: Running, siren: FakeNode, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emergency, "ANSWER_S", 0.3)
    monkeypatch.setattr(emergency, "LOOK_S", 0.2)
    monkeypatch.setattr(emergency, "ONCE_MORE", timedelta(seconds=0.3))
    await siren.lose()
    await until(lambda: not hub.hub.registry.is_online("29401/tram-bom"))
    path = await sounded(hub)
    id_ = path.rpartition("/")[2]
    await until(lambda: hub.hub.air.emergencies.get(id_).nodes["29401/tram-bom"].state == "silent")
    async with FakeNode(broker.port, siren.verifier, session="s-2", replies=siren.replies) as back:
        await shows(hub, path, "1/1 cụm loa đang hú")  # the broker kept nothing for it
        assert {bulletin.id for bulletin in plans(back)} == {id_}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_neither_another_emergency_nor_an_end_waits_for_a_node_that_does_not_answer(
    hub: Running, siren: FakeNode, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emergency, "ANSWER_S", 600)
    here, mute = "29401/tram-bom", "29401/cong-lang"
    async with FakeNode(broker.port, siren.verifier, node="cong-lang", title="Cổng làng", silent=True) as other:
        await until(lambda: hub.hub.registry.is_online(mute))
        emergencies = hub.hub.air.emergencies
        first = await emergencies.sound(Words("Bão", "Bão sắp vào."), [here, mute], 15)
        await until(lambda: emergencies.get(first).nodes[here].state and plans(other))
        second = await emergencies.sound(Words("Lũ", "Hồ đang xả lũ."), [here], 15)
        await until(lambda: [each.id for each in plans(siren)] == [first, second])
        await emergencies.all_clear(first)
        await until(lambda: emergencies.get(first).nodes[here].ended)
        assert not emergencies.get(first).nodes[mute].state
        await until(lambda: [c for c in other.commands if c.do == "bulletin.cancel"])  # it may have heard the beginning


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_an_end_that_comes_before_the_beginning_was_taken_is_sent_again(
    hub: Running, siren: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emergency, "LOOK_S", 600)
    taken, here = asyncio.Event(), "29401/tram-bom"

    async def slowly(node: FakeNode, asked: Any) -> None:
        await taken.wait()
        await planned(node, asked)

    async def cancel(node: FakeNode, asked: Any) -> None:
        if taken.is_set():
            await cancelled(node, asked)
        else:
            await node.ack(asked, "rejected", fault=Fault.of("command.unknown_thing"))

    siren.replies |= {"bulletin.plan": slowly, "bulletin.cancel": cancel}
    emergencies = hub.hub.air.emergencies
    id_ = await emergencies.sound(Words("Bão", "Bão sắp vào."), [here], 15)
    await until(lambda: plans(siren))
    await emergencies.all_clear(id_)
    await until(lambda: [c for c in siren.commands if c.do == "bulletin.cancel"])
    taken.set()
    await until(lambda: emergencies.get(id_).nodes[here].ended)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_what_a_node_still_repeats_is_ended_again(
    hub: Running, siren: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emergency, "LOOK_S", 0.2)
    here, speaking = "29401/tram-bom", True

    async def cancel(node: FakeNode, asked: Any) -> None:
        await (node.ack(asked, "done") if speaking else cancelled(node, asked))

    siren.replies |= {"bulletin.cancel": cancel}
    emergencies = hub.hub.air.emergencies
    id_ = await emergencies.sound(Words("Bão", "Bão sắp vào."), [here], 15)
    await until(lambda: hub.hub.registry.nodes[here].states[("speaker", "loa")].emergencies)
    await emergencies.all_clear(id_)
    await until(lambda: len([c for c in siren.commands if c.do == "bulletin.cancel"]) > 2)
    speaking = False
    await until(lambda: not hub.hub.registry.nodes[here].states[("speaker", "loa")].emergencies)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_it_sounds_on_a_full_disk_and_is_written_once_there_is_room(
    hub: Running, siren: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emergency, "LOOK_S", 0.2)
    store = hub.hub.store
    pages = await store.call(lambda c: c.exec_driver_sql("PRAGMA page_count").scalar_one())
    await store.call(lambda c: c.exec_driver_sql(f"PRAGMA max_page_count={pages}").fetchall())
    long = {"text": "Hồ chứa đang xả lũ. " * 70, "clear": "Đã hết xả lũ. " * 100}
    first = await sounded(hub, **long)
    second = await sounded(hub, **long)
    await shows(hub, second, "1/1 cụm loa đang hú")
    kept = [hub.hub.air.emergencies.get(each.rpartition("/")[2]).kept for each in (first, second)]
    assert not all(kept)
    left = first if not kept[0] else second
    await shows(hub, left, "chưa ghi lại được")
    await make_room(store)
    await until(lambda: hub.hub.air.emergencies.get(left.rpartition("/")[2]).kept)
    written = await store.read(lambda c: c.execute(sa.select(sounded_table.c.id)).scalars().all())
    assert {first.rpartition("/")[2], second.rpartition("/")[2]} == set(written)


async def test_area_head_has_no_siren_and_others_only_their_area(hub: Running, siren: FakeNode) -> None:
    head = await signed_in(hub.hub, "truong-thon", Grant(Role.AREA_HEAD, Place("29401", "thon-dong")))
    other = await signed_in(hub.hub, "can-bo-tay", Grant(Role.STAFF, Place("29401", "thon-tay")))
    path = await sounded(hub)
    await shows(hub, path, "1/1 cụm loa đang hú")
    signed: Any = {"base_url": hub.url, "headers": {"Origin": hub.url}}
    async with httpx.AsyncClient(**signed, cookies={COOKIE: head}) as http:
        assert (await http.get("/air/emergency")).status_code == 403
        assert (await http.post("/air/emergency", data={**FORM, AREA: "1"})).status_code == 403
        assert (await http.get(path)).status_code == 200  # it sounds in their own area
        assert (await http.post(f"{path}/clear")).status_code == 403
    async with httpx.AsyncClient(**signed, cookies={COOKIE: other}) as http:
        assert (await http.get(path)).status_code == 404
        assert (await http.get(f"{path}/live")).status_code == 404
        assert (await http.post(f"{path}/clear")).status_code == 404
        refused = await http.post("/air/emergency/check", data={**FORM, AREA: "1"})
        assert refused.status_code == 422
        assert "Chưa chọn nơi phát" in plain(refused)
        assert FORM["text"] in plain(refused)  # nothing typed is lost
    assert [c.do for c in siren.commands if c.do == "bulletin.cancel"] == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"text": ""}, "Hãy viết nội dung trước."),
        ({"text": "a" * 1501}, "1500"),
        ({"drill": "1"}, "phải có chữ “diễn tập”"),
        ({AREA: ""}, "Chưa chọn nơi phát"),
    ],
)
async def test_wrong_forms_come_back_in_words_with_all_that_was_typed(
    hub: Running, siren: FakeNode, more: dict[str, str], words: str
) -> None:
    answer = await hub.http.post("/air/emergency/check", data={**FORM, AREA: "1", **more})
    assert answer.status_code == 422
    assert words in plain(answer)
    assert "Đã hết xả lũ." in plain(answer)
    assert plans(siren) == []


async def test_html_in_a_message_is_text(hub: Running, siren: FakeNode) -> None:
    path = await sounded(hub, title="<script>alert(1)</script>", text="Lũ <img src=x onerror=alert(1)> về.")
    for page in (path, "/air"):
        raw = (await hub.http.get(page)).text
        assert "<script>alert" not in raw
        assert "<img src=x" not in raw


async def test_prepared_messages_are_there_and_changed_by_administrators(hub: Running, siren: FakeNode) -> None:
    text = plain(await hub.http.get("/air/emergency"))
    for title in ("Xả lũ", "Bão sắp vào", "Cháy lớn", "Tìm trẻ lạc", "Sơ tán ngay", "Diễn tập báo động"):
        assert title in text
    drill = next(message for message in hub.hub.air.prepared.all if message.drill)
    assert "diễn tập" in drill.text.casefold()
    saved = await hub.http.post(
        "/air/prepared", data={"id": drill.id, "title": "Thử loa", "text": "Diễn tập.", "drill": "1", "do": "save"}
    )
    assert saved.status_code == 303
    assert "Thử loa" in plain(await hub.http.get("/air/emergency"))
    gone = await hub.http.post("/air/prepared", data={"id": drill.id, "title": "Thử loa", "do": "remove"})
    assert gone.status_code == 303
    assert "Thử loa" not in plain(await hub.http.get("/air/emergency"))
    used = plain(await hub.http.get("/air/emergency?use=seed-2"))
    assert "Bão sắp vào địa bàn xã" in used
    staff = await signed_in(hub.hub, "can-bo", Grant(Role.STAFF, EVERYWHERE))
    async with httpx.AsyncClient(
        timeout=30, base_url=hub.url, cookies={COOKIE: staff}, headers={"Origin": hub.url}
    ) as http:
        assert (await http.get("/air/prepared")).status_code == 403
        assert (await http.post("/air/prepared", data={"title": "x", "text": "y"})).status_code == 403


async def test_everything_stands_in_the_audit_log(hub: Running, siren: FakeNode) -> None:
    path = await sounded(hub)
    await shows(hub, path, "1/1 cụm loa đang hú")
    await hub.http.post(f"{path}/clear")
    await shows(hub, path, "0/1 cụm loa đang hú")
    rows = await hub.hub.store.read(lambda c: c.execute(sa.select(acts.c.act, acts.c.name, acts.c.what)).fetchall())
    for act in ("emergency.sound", "emergency.clear"):
        assert (act, "quan-tri", "Xả lũ") in [tuple(row) for row in rows]


async def test_a_cluster_where_it_is_over_is_not_called_silent(hub: Running, siren: FakeNode) -> None:
    path = await sounded(hub)
    await shows(hub, path, "1/1 cụm loa đang hú")
    id_ = path.rpartition("/")[2]
    await siren.state(SpeakerState(id="loa", at=now(), actual="idle"))
    await siren.state(BulletinState(id=id_, at=now(), actual="aired", title="Xả lũ"))
    await shows(hub, path, "đã phát, không còn lặp lại")
