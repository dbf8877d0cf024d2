"""Alerts at the desk of a real hub: proved, told from copies, replaced, aired by rule or left to a person."""

import asyncio
import html
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
import sqlalchemy as sa
from cap_rig import SENDER, AlertOf, InfoOf, PlacedNode, area, now, signing
from hub_rig import Mosquitto, Running, config_for, serving, until

from edge_agent.contract.commands import Command
from edge_agent.contract.reports import Position, Status
from edge_agent.contract.signature import Verifier
from edge_agent.contract.topics import EVERYBODY, NodeTopics
from hub.cap import rows, said
from hub.cap.deciding import Choice
from hub.cap.desk import Taken
from hub.cap.parse import CapError, parse
from hub.cap.rows import Row, State
from hub.cap.signature import SignatureError, signed_part
from hub.messages import decode
from hub.people.chain import acts

FEED = "kttv"
ON_BOTH_DATABASES = "long"


def cap(**more: Any) -> dict[str, Any]:
    """A sender whom a feed proves; the feed itself is asked once a day, so that only the tests bring alerts."""
    sender = {"id": SENDER, "name": "Đài khí tượng", "feeds": [FEED], "auto": {"from_level": 3}, **more}
    return {"senders": [sender], "feeds": [{"name": FEED, "url": "http://127.0.0.1:9/feed", "every_s": 86400}]}


@pytest.fixture
async def hub(broker: Mosquitto, tmp_path: Path, database: dict[str, Any]) -> AsyncIterator[Running]:
    async with serving(config_for(tmp_path, broker.port, cap=cap(), **database)) as running:
        yield running


@pytest.fixture
async def node(hub: Running, broker: Mosquitto) -> AsyncIterator[PlacedNode]:
    async with placed(hub, broker) as there:
        yield there


def placed(hub: Running, broker: Mosquitto, **more: Any) -> Any:
    signer = hub.hub.signer
    return _Seen(hub, PlacedNode(broker.port, Verifier({signer.key_id: signer.public}), hub_url=hub.url, **more))


class _Seen:
    """A node that the hub has seen."""

    def __init__(self, hub: Running, node: PlacedNode) -> None:
        self._hub, self._node = hub, node

    async def __aenter__(self) -> PlacedNode:
        await self._node.__aenter__()
        address = f"{self._node.commune}/{self._node.node}"
        await until(lambda: getattr(self._hub.hub.registry.nodes.get(address), "about", None), 20)
        await until(lambda: self._hub.hub.registry.is_online(address), 20)
        return self._node

    async def __aexit__(self, *_: object) -> None:
        await self._node.__aexit__()


async def take(hub: Running, alert: AlertOf, source: str = FEED) -> Taken:
    return await hub.hub.alerts.desk.take(alert.xml(), source)


async def row(hub: Running, id_: str) -> Row:
    found = await hub.hub.alerts.store.read(partial(rows.get, id_=id_))
    assert found is not None
    return found


async def aired(hub: Running, id_: str) -> dict[str, said.Aired]:
    found = await hub.hub.alerts.store.read(partial(said.aired_at, id_=id_))
    return {each.address: each for each in found}


async def quiet(node: PlacedNode) -> None:
    """Long enough for a command that is under way to come; then look that none did."""
    await asyncio.sleep(1.0)
    assert node.told("bulletin.plan") == []


async def planned(node: PlacedNode, many: int = 1) -> list[Any]:
    return await until(lambda: len(node.told("bulletin.plan")) >= many and node.told("bulletin.plan"), 90)


class TestByRule:
    async def test_a_grave_alert_is_a_siren_at_the_nodes_in_its_area(
        self, hub: Running, broker: Mosquitto, node: PlacedNode
    ) -> None:
        async with placed(hub, broker, node="loa-xa", position=None) as far:
            taken = await take(hub, AlertOf())
            assert (taken.state, taken.new) == (State.AIRED, True)
            (args,) = await planned(node)
            bulletin = args.bulletin
            assert bulletin.id == taken.id
            assert bulletin.class_ == "emergency"
            assert bulletin.text.startswith("Đài khí tượng thông báo. Lũ quét đang về trên suối Đông.")
            assert bulletin.approval is not None and bulletin.approval.by == f"CAP {SENDER}"
            assert bulletin.repeat_until - bulletin.at < timedelta(minutes=31)
            assert node.commands[-1].by == f"CAP {SENDER}"
            await quiet(far)
        assert (await until_state(hub, taken.id, node, "done")).fault == ""
        query = sa.select(acts.c.name, acts.c.details).where(acts.c.act == "alert.air")
        async with asyncio.timeout(30):
            while not (rows_ := await hub.hub.alerts.store.read(lambda c: c.execute(query).fetchall())):
                await asyncio.sleep(0.05)
        (noted,) = rows_
        assert noted.name == f"CAP {SENDER}" and "29401/tram-bom" in noted.details

    async def test_a_mild_alert_waits_and_says_why(self, hub: Running, node: PlacedNode) -> None:
        taken = await take(hub, AlertOf(infos=(InfoOf(severity="Minor"),)))
        found = await row(hub, taken.id)
        assert (found.state, found.reason, found.level) == (State.WAITING, "level", 1)
        await quiet(node)

    async def test_of_two_parts_the_grave_airs_and_the_other_waits(
        self, hub: Running, broker: Mosquitto, node: PlacedNode
    ) -> None:
        async with placed(hub, broker, node="loa-xa", position=None, commune="26734") as far:
            mild = InfoOf(severity="Minor", headline="Mưa", areas=area(polygon=None, GSO="26734"))
            taken = await take(hub, AlertOf(infos=(InfoOf(), mild)))
            await planned(node)
            found = await row(hub, taken.id)
            assert (found.state, found.reason) == (State.WAITING, "level")
            await quiet(far)

    @pytest.mark.parametrize("status", ["Test", "Exercise", "System", "Draft"])
    async def test_what_is_not_real_is_noted_and_never_sounded(
        self, hub: Running, node: PlacedNode, status: str
    ) -> None:
        taken = await take(hub, AlertOf(status=status, infos=(InfoOf(parameters={"RiskLevel": "5"}),)))
        assert taken.state is State.NOTED
        await quiet(node)

    @pytest.mark.parametrize("kind", ["Ack", "Error"])
    async def test_answers_to_messages_are_noted(self, hub: Running, node: PlacedNode, kind: str) -> None:
        assert (await take(hub, AlertOf(msg_type=kind))).state is State.NOTED
        await quiet(node)

    async def test_what_is_restricted_waits(self, hub: Running, node: PlacedNode) -> None:
        taken = await take(hub, AlertOf(scope="Restricted", restriction="nội bộ"))
        assert (await row(hub, taken.id)).reason == "scope"
        await quiet(node)

    async def test_what_has_expired_is_dropped(self, hub: Running, node: PlacedNode) -> None:
        old = AlertOf(sent=now() - timedelta(hours=3), infos=(InfoOf(expires=now() - timedelta(hours=1)),))
        assert (await take(hub, old)).state is State.EXPIRED
        await quiet(node)

    async def test_where_the_hubs_clock_may_be_wrong_what_has_expired_waits_and_is_judged_by_the_right_time(
        self, hub: Running, node: PlacedNode
    ) -> None:
        desk, late = hub.hub.alerts.desk, now() - timedelta(hours=1)
        over = AlertOf(sent=now() - timedelta(hours=3), infos=(InfoOf(expires=late),))
        taken = await desk.take(over.xml(), FEED, astray=True)
        await hub.hub.alerts.again.look()
        found = await row(hub, taken.id)
        assert (found.state, found.reason) == (State.WAITING, "clock")
        assert "giờ của máy chủ có thể sai" in (await hub.http.get(f"/alerts/{taken.id}")).text
        await quiet(node)
        mended = replace(found, expires=now() + timedelta(hours=1), body=AlertOf(sent=over.sent).xml())
        await hub.hub.alerts.store.call(partial(rows.prove, row=mended))  # as if the clock stood right now
        await hub.hub.alerts.again.look()
        assert (await row(hub, taken.id)).state is State.AIRED

    async def test_what_somebody_brings_in_a_senders_name_is_not_proved(self, hub: Running, node: PlacedNode) -> None:
        taken = await take(hub, AlertOf(), source="")
        found = await row(hub, taken.id)
        assert (found.state, found.reason, found.proved) == (State.WAITING, "unproved", False)
        await quiet(node)

    async def test_what_waits_is_over_when_its_time_is(self, hub: Running) -> None:
        soon = AlertOf(infos=(InfoOf(severity="Minor", expires=now() + timedelta(seconds=2)),))
        taken = await take(hub, soon)
        assert taken.state is State.WAITING
        await asyncio.sleep(2.5)
        await hub.hub.alerts.again.look()
        assert (await row(hub, taken.id)).state is State.EXPIRED


class TestNodesThatCome:
    async def test_an_alert_that_meant_no_node_airs_when_one_is_there(self, hub: Running, broker: Mosquitto) -> None:
        taken = await take(hub, AlertOf())
        assert (await row(hub, taken.id)).reason == "area"
        await hub.hub.alerts.again.look()
        assert (await row(hub, taken.id)).state is State.WAITING
        async with placed(hub, broker) as node:
            await hub.hub.alerts.again.look()
            (args,) = await planned(node)
            assert args.bulletin.id == taken.id
            assert (await row(hub, taken.id)).state is State.AIRED

    async def test_a_siren_sounds_at_a_node_that_comes_later_but_not_once_it_was_ended(
        self, hub: Running, broker: Mosquitto, node: PlacedNode
    ) -> None:
        taken = await take(hub, AlertOf())
        await planned(node)
        async with placed(hub, broker, node="loa-moi") as late:
            await hub.hub.alerts.again.look()
            (args,) = await planned(late)
            assert args.bulletin.id == taken.id
            assert len(node.told("bulletin.plan")) == 1
            await hub.hub.alerts.decisions.end(await row(hub, taken.id))
            async with placed(hub, broker, node="loa-nua") as later:
                await hub.hub.alerts.again.look()
                await quiet(later)


class TestRelations:
    async def test_a_copy_is_known_and_airs_nothing_again(self, hub: Running, node: PlacedNode) -> None:
        alert = AlertOf()
        first = await take(hub, alert)
        await planned(node)
        again = await take(hub, replace(alert, infos=(InfoOf(headline="Khác"),)))
        assert (again.id, again.new) == (first.id, False)
        await asyncio.sleep(1)
        assert len(node.told("bulletin.plan")) == 1

    async def test_copies_at_the_same_time_are_one(self, hub: Running, node: PlacedNode) -> None:
        alert = AlertOf()
        taken = await asyncio.gather(*(take(hub, alert) for _ in range(8)))
        assert sum(each.new for each in taken) == 1
        await planned(node)
        await asyncio.sleep(1)
        assert len(node.told("bulletin.plan")) == 1

    async def test_a_cancel_ends_what_repeats(self, hub: Running, node: PlacedNode) -> None:
        alert = AlertOf()
        taken = await take(hub, alert)
        await planned(node)
        cancel = await take(hub, alert.after("vn.kttv.2026.2", "Cancel", infos=()))
        assert cancel.state is State.NOTED
        ended = await until(lambda: node.told("bulletin.cancel"), 30)
        assert ended[0].bulletin == taken.id
        assert (await row(hub, taken.id)).state is State.CANCELLED
        await until_ending(hub, taken.id, node, "cleared")
        clear = node.told("bulletin.plan")[-1].bulletin
        assert (clear.id[:3], clear.class_) == ("by-", "priority")
        assert clear.title == "Báo yên: Lũ quét đang về trên suối Đông"  # in no list the alarm itself
        assert clear.text.startswith("Đài khí tượng thông báo. Tin cảnh báo Lũ quét đang về trên suối Đông không còn")
        await hub.hub.alerts.again.look()
        hub.hub.alerts.airing.wake()
        await asyncio.sleep(1)
        assert len(node.told("bulletin.plan")) == 2

    async def test_an_update_takes_the_place_of_what_was_said(self, hub: Running, node: PlacedNode) -> None:
        alert = AlertOf()
        old = await take(hub, alert)
        await planned(node)
        new = await take(hub, alert.after("vn.kttv.2026.2", "Update", infos=(InfoOf(headline="Lũ rút"),)))
        await planned(node, 2)
        await until(lambda: node.told("bulletin.cancel"), 30)
        assert node.told("bulletin.cancel")[0].bulletin == old.id
        assert "Lũ rút" in node.told("bulletin.plan")[-1].bulletin.text
        assert [(await row(hub, id_)).state for id_ in (old.id, new.id)] == [State.SUPERSEDED, State.AIRED]

    async def test_old_words_go_on_until_the_new_ones_are_let(self, hub: Running, node: PlacedNode) -> None:
        alert = AlertOf()
        await take(hub, alert)
        await planned(node)
        new = await take(hub, alert.after("vn.kttv.2026.2", "Update", infos=(InfoOf(language="en-US", event="?"),)))
        assert new.state is State.WAITING
        await asyncio.sleep(1)
        assert node.told("bulletin.cancel") == []

    async def test_a_lower_update_ends_the_siren_and_is_said_where_it_was_heard(
        self, hub: Running, broker: Mosquitto, node: PlacedNode
    ) -> None:
        alert = AlertOf()
        old = await take(hub, alert)
        await planned(node)
        await until_state(hub, old.id, node, "done")
        async with placed(hub, broker, node="loa-moi", position=None) as other:
            mild = InfoOf(severity="Moderate", headline="Lũ đang rút", description=None, instruction=None)
            taken = await take(hub, alert.after("vn.kttv.2026.2", "Update", infos=(mild,)))
            assert (taken.state, (await row(hub, taken.id)).reason) == (State.WAITING, "level")
            await until_ending(hub, old.id, node, "cleared")
            said_ = node.told("bulletin.plan")[-1].bulletin
            assert (said_.class_, said_.text) == ("priority", "Đài khí tượng thông báo. Lũ đang rút.")
            assert other.told("bulletin.plan") == []

    async def test_who_hears_what_replaces_it_hears_no_all_clear_and_the_others_do(
        self, hub: Running, broker: Mosquitto, node: PlacedNode
    ) -> None:
        async with placed(hub, broker, node="loa-tay", position=Position(latitude=10.1, longitude=106.1)) as west:
            alert = AlertOf()
            old = await take(hub, alert)
            for each in (node, west):
                await until_state(hub, old.id, each, "done")
            narrower = InfoOf(areas=area(polygon=None, circle="10.5,106.5 5"))
            await take(hub, alert.after("vn.kttv.2026.2", "Update", infos=(narrower,)))
            await until_ending(hub, old.id, west, "cleared")
            await until_ending(hub, old.id, node, "done")
            assert west.told("bulletin.plan")[-1].bulletin.class_ == "priority"
            assert [args.bulletin.class_ for args in node.told("bulletin.plan")] == ["emergency", "emergency"]

    @pytest.mark.parametrize("more", [{"severity": "Unknown"}, {"severity": "Severe"}])
    async def test_what_is_not_surely_lower_ends_nothing_without_words(
        self, hub: Running, node: PlacedNode, more: dict[str, Any]
    ) -> None:
        alert = AlertOf()
        await take(hub, alert)
        await planned(node)
        info = InfoOf(certainty="Unlikely", **more)
        assert (await take(hub, alert.after("x", "Update", infos=(info,)))).state is State.WAITING
        await asyncio.sleep(1)
        assert node.told("bulletin.cancel") == []

    @pytest.mark.parametrize(("kind", "state"), [("Cancel", State.CANCELLED), ("Update", State.SUPERSEDED)])
    async def test_a_newer_message_that_came_first_counts(
        self, hub: Running, node: PlacedNode, kind: str, state: State
    ) -> None:
        alert = AlertOf()
        mild = (InfoOf(severity="Minor"),)
        await take(hub, alert.after("vn.kttv.2026.2", kind, infos=mild))
        assert (await take(hub, alert)).state is state
        await quiet(node)

    async def test_another_sender_cancels_nothing(self, hub: Running, node: PlacedNode) -> None:
        alert = AlertOf()
        taken = await take(hub, alert)
        await planned(node)
        foreign = replace(alert.after("x", "Cancel", infos=()), sender="ke-xau@example")
        assert (await take(hub, foreign)).state is State.WAITING
        await asyncio.sleep(1)
        assert node.told("bulletin.cancel") == []
        assert (await row(hub, taken.id)).state is State.AIRED

    async def test_an_unproved_cancel_waits_for_a_person(self, hub: Running, node: PlacedNode) -> None:
        alert = AlertOf()
        taken = await take(hub, alert)
        await planned(node)
        cancel = await take(hub, alert.after("x", "Cancel", infos=()), source="")
        assert (await row(hub, cancel.id)).reason == "replaces"
        assert (await row(hub, taken.id)).state is State.AIRED
        await hub.hub.alerts.decisions.accept(await row(hub, cancel.id))
        await until(lambda: node.told("bulletin.cancel"), 30)
        assert (await row(hub, taken.id)).state is State.CANCELLED

    async def test_a_test_cancels_no_real_alert(self, hub: Running, node: PlacedNode) -> None:
        alert = AlertOf()
        taken = await take(hub, alert)
        await planned(node)
        await take(hub, alert.after("x", "Cancel", infos=(), status="Test"))
        await asyncio.sleep(1)
        assert node.told("bulletin.cancel") == []
        assert (await row(hub, taken.id)).state is State.AIRED


class TestOneName:
    """Anybody can write a sender's name, identifier and time: what proves nothing takes nothing from what is proved."""

    async def test_a_forged_copy_that_came_first_does_not_silence_the_genuine_alert(
        self, hub: Running, node: PlacedNode
    ) -> None:
        alert = AlertOf()
        forged = await take(hub, replace(alert, infos=(InfoOf(severity="Minor", headline="Không có gì"),)), source="")
        genuine = await take(hub, alert)
        assert (genuine.state, genuine.new, genuine.id == forged.id) == (State.AIRED, True, False)
        (args,) = await planned(node)
        assert (args.bulletin.id, args.bulletin.class_) == (genuine.id, "emergency")
        found = await row(hub, forged.id)
        assert (found.state, found.reason) == (State.SUPERSEDED, genuine.id)
        page = (await hub.http.get(f"/alerts/{genuine.id}")).text
        assert "Tin khác mang cùng tên" in page and f"/alerts/{forged.id}" in page
        cancel = await take(hub, alert.after("vn.kttv.2026.2", "Cancel", infos=()))
        assert cancel.state is State.NOTED
        assert (await row(hub, genuine.id)).state is State.CANCELLED
        await until(lambda: [a.bulletin for a in node.told("bulletin.cancel")] == [genuine.id], 30)

    async def test_what_staff_brought_before_the_feed_is_proved_by_it_and_sounds_once(
        self, hub: Running, node: PlacedNode
    ) -> None:
        alert = AlertOf()
        brought = await take(hub, alert, source="")
        assert brought.state is State.WAITING
        proved = await take(hub, alert)
        assert (proved.id, proved.state) == (brought.id, State.AIRED)
        (args,) = await planned(node)
        assert args.bulletin.id == brought.id and (await row(hub, brought.id)).proved
        assert not (await take(hub, alert)).new

    async def test_words_that_a_person_let_in_good_faith_end_when_the_genuine_ones_are_on_air(
        self, hub: Running, node: PlacedNode
    ) -> None:
        alert = AlertOf()
        forged = await take(hub, replace(alert, infos=(InfoOf(headline="Không có gì"),)), source="")
        comes_to = await hub.hub.alerts.desk.plan(parse(alert.xml()))
        choice = Choice(comes_to.parts[0], "Không có gì.", {}, comes_to.nodes, 0)
        await hub.hub.alerts.decisions.air(await row(hub, forged.id), comes_to, choice)
        await planned(node)
        genuine = await take(hub, alert)
        assert (await planned(node, 2))[-1].bulletin.id == genuine.id
        await until(lambda: [a.bulletin for a in node.told("bulletin.cancel")] == [forged.id], 30)

    async def test_other_words_under_the_name_of_a_proved_alert_are_told_and_not_taken(
        self, hub: Running, node: PlacedNode
    ) -> None:
        alert = AlertOf()
        genuine = await take(hub, alert)
        other = replace(alert, infos=(InfoOf(headline="Không có gì"),)).xml()
        answer = await hub.http.post("/alerts", files={"file": ("a.xml", other, "application/xml")})
        page = html.unescape((await hub.http.get(answer.headers["location"])).text)
        assert genuine.id in answer.headers["location"] and "Không nhận tệp của bạn" in page
        assert "quan-tri đưa vào một tin mang cùng tên nhưng nội dung khác" in page
        same = await hub.http.post("/alerts", files={"file": ("a.xml", alert.xml(), "application/xml")})
        assert "đã nhận từ trước" in (await hub.http.get(same.headers["location"])).text

    async def test_two_that_nobody_proves_stand_side_by_side_and_say_so(self, hub: Running, node: PlacedNode) -> None:
        alert = AlertOf()
        one = await take(hub, alert, source="")
        two = await take(hub, replace(alert, infos=(InfoOf(headline="Không có gì"),)), source="")
        assert two.new and two.id != one.id
        found = [await row(hub, id_) for id_ in (one.id, two.id)]
        assert [(each.state, each.reason) for each in found] == [(State.WAITING, "differs")] * 2

    @pytest.mark.parametrize("kind", ["Cancel", "Update"])
    @pytest.mark.parametrize("first", [False, True])
    async def test_what_nobody_proves_takes_nothing_off_the_desk_by_itself(
        self, hub: Running, node: PlacedNode, kind: str, first: bool
    ) -> None:
        alert = AlertOf()
        later = alert.after("x", kind, infos=(InfoOf(severity="Minor"),))
        both = [await take(hub, each, source="") for each in ((later, alert) if first else (alert, later))]
        new, old = both if first else both[::-1]
        assert (await row(hub, old.id)).state is State.WAITING
        assert (await row(hub, new.id)).state is State.WAITING
        if kind == "Cancel":
            assert (await row(hub, new.id)).reason == "replaces"
            page = (await hub.http.get(f"/alerts/{old.id}")).text
            assert "chưa có hiệu lực" in page and "Bị hủy bằng tin" not in page
            await hub.hub.alerts.decisions.accept(await row(hub, new.id))
            assert (await row(hub, old.id)).state is State.CANCELLED


class TestSafety:
    async def test_what_was_decided_is_sent_after_a_start(self, broker: Mosquitto, tmp_path: Path) -> None:
        config = config_for(tmp_path, broker.port, cap=cap())
        async with serving(config) as hub, placed(hub, broker) as node:
            await take(hub, AlertOf(infos=(InfoOf(severity="Minor"),)))
            found = (await hub.hub.alerts.store.read(partial(rows.listed, states=(State.WAITING,), most=9)))[0]
            until_ = now() + timedelta(minutes=9)
            words = said.Words(0, "Bà con chú ý.", {}, "emergency", until_, "Lan")
            job = partial(said.say, id_=found.id, new=words, addresses=["29401/tram-bom"], at=now())
            await hub.hub.alerts.store.call(job)  # decided, and the hub ended before it could be sent
            await quiet(node)
        async with serving(config) as hub, placed(hub, broker) as node:
            (args,) = await planned(node)
            assert args.bulletin.text == "Bà con chú ý."

    async def test_what_was_kept_but_not_judged_is_judged_after_a_start(
        self, broker: Mosquitto, tmp_path: Path
    ) -> None:
        config = config_for(tmp_path, broker.port, cap=cap())
        async with serving(config) as hub, placed(hub, broker):
            taken = await take(hub, AlertOf(infos=(InfoOf(severity="Minor"),)))
            await hub.hub.alerts.store.call(partial(rows.move, id_=taken.id, state=State.WAITING, reason=""))
        async with serving(config) as hub:
            async with asyncio.timeout(30):
                while (await row(hub, taken.id)).reason != "level":
                    await asyncio.sleep(0.05)

    async def test_a_broker_that_is_away_gets_it_when_it_is_back(
        self, hub: Running, broker: Mosquitto, node: PlacedNode
    ) -> None:
        await node.lose()
        broker.stop()
        await until(lambda: not hub.hub.link.connected, 30)
        taken = await take(hub, AlertOf())
        assert taken.state is State.AIRED
        async with asyncio.timeout(30):
            while (await aired(hub, taken.id))["29401/tram-bom"].state != "unsent":
                await asyncio.sleep(0.05)
        broker.start()
        async with placed(hub, broker) as back:
            await until(lambda: hub.hub.link.connected, 60)
            hub.hub.alerts.airing.wake()
            (args,) = await until(lambda: back.told("bulletin.plan"), 60)
            assert args.bulletin.id == taken.id

    async def test_what_a_node_got_before_the_hub_could_write_it_down_is_not_sent_again(
        self, broker: Mosquitto, tmp_path: Path
    ) -> None:
        config = config_for(tmp_path, broker.port, cap=cap())
        async with serving(config) as hub:
            signer = hub.hub.signer
            async with placed(hub, broker) as node:
                taken = await take(hub, AlertOf())
                await until_state(hub, taken.id, node, "done")
                unwritten = partial(said.told, id_=taken.id, address="29401/tram-bom", state="pending", fault="")
                await hub.hub.alerts.store.call(unwritten)
            late = PlacedNode(broker.port, Verifier({signer.key_id: signer.public}), hub_url=hub.url)
        async with late, serving(config) as hub:
            await until_state(hub, taken.id, late, "done")
            await quiet(late)

    async def test_a_siren_goes_to_every_cluster_of_a_large_commune_in_pieces(
        self, hub: Running, broker: Mosquitto
    ) -> None:
        names = [f"{'loa' * 10}-{n:04}" for n in range(900)]
        about = PlacedNode(broker.port, Verifier({})).about()
        for name in names:
            topics = NodeTopics("29401", name)
            status = Status(online=True, session="s", since=now(), version="1")
            own = about.model_copy(update={"node": name})
            for topic, body in ((topics.status, status.body()), (topics.about, own.body())):
                assert hub.hub.registry.apply(decode(topic, body, retained=True))
        asked: list[tuple[str, ...]] = []
        verifier = Verifier({hub.hub.signer.key_id: hub.hub.signer.public})
        async with aiomqtt.Client("127.0.0.1", broker.port) as heard:
            await heard.subscribe(NodeTopics("29401", EVERYBODY).command, 1)
            long = "Bà con rời suối ngay. " * 200
            taken = await take(hub, AlertOf(infos=(InfoOf(instruction=long),)))
            async with asyncio.timeout(60):
                async for message in heard.messages:
                    command = Command.model_validate_json(verifier.verify(bytes(message.payload)))
                    asked.append(command.selector.nodes if command.selector else ())
                    if sum(map(len, asked)) >= len(names):
                        break
        assert sorted(name for piece in asked for name in piece) == names
        assert max(map(len, asked)) <= 400 and len(await aired(hub, taken.id)) == 900
        page = (await hub.http.get(f"/alerts/{taken.id}")).text
        assert "trên 900 cụm loa" in page and "và 800 cụm loa khác" in page

    async def test_a_refused_file_leaves_nothing(self, hub: Running) -> None:
        with pytest.raises(CapError):
            await hub.hub.alerts.desk.take(b"<alert/>", FEED)
        assert await hub.hub.alerts.store.read(partial(rows.listed, states=tuple(State), most=9)) == []

    async def test_old_alerts_are_forgotten_but_none_that_could_come_again(self, hub: Running) -> None:
        past, coming = now() - timedelta(hours=1), now() + timedelta(hours=1)
        for n in range(6):
            end = past if n < 4 else coming
            await take(
                hub, AlertOf(f"a-{n}", sent=now() - timedelta(hours=2), infos=(InfoOf(severity="Minor", expires=end),))
            )
        await hub.hub.alerts.store.call(partial(rows.prune, keep=3, now=now()))
        left = await hub.hub.alerts.store.read(partial(rows.listed, states=tuple(State), most=9))
        assert sorted(each.identifier for each in left) == ["a-3", "a-4", "a-5"]


class TestSignatures:
    @pytest.fixture
    async def hub(self, broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Running]:
        self.kttv, self.other = signing(tmp_path, "kttv"), signing(tmp_path, "other")
        (tmp_path / "second.pem").write_bytes(self.other.path.read_bytes())
        signed = cap(certificates=["kttv.pem"], feeds=[])
        async with serving(config_for(tmp_path, broker.port, cap=signed)) as running:
            yield running

    async def test_a_signed_alert_airs_from_wherever_it_comes(self, hub: Running, broker: Mosquitto) -> None:
        async with placed(hub, broker) as node:
            taken = await hub.hub.alerts.desk.take(self.kttv.sign(AlertOf().xml()))
            assert taken.state is State.AIRED
            await planned(node)
            assert (await row(hub, taken.id)).proved

    async def test_an_unsigned_one_is_refused(self, hub: Running) -> None:
        await self.refused(hub, AlertOf().xml(), "cap.sign_missing")

    async def test_another_key_is_refused_even_with_its_own_certificate_inside(self, hub: Running) -> None:
        await self.refused(hub, self.other.sign(AlertOf().xml()), "cap.sign_wrong")

    async def test_a_changed_word_is_seen(self, hub: Running) -> None:
        signed = self.kttv.sign(AlertOf().xml())
        milder = signed.replace(b">Extreme<", b">Moderate<")
        elsewhere = signed.replace(b"10.0,106.0 11.0,106.0", b"10.0,106.0 12.0,106.0")
        for forged in (milder, elsewhere):
            assert forged != signed
            await self.refused(hub, forged, "cap.sign_wrong")

    async def test_a_signed_part_around_which_something_else_is_wrapped(self, hub: Running) -> None:
        signed = self.kttv.sign(AlertOf().xml()).decode()
        inner = signed[signed.index("<alert") :]
        forged = AlertOf("forged", infos=(InfoOf(headline="Giả"),)).xml().decode()
        for wrapped in (
            forged.replace("</alert>", f"{inner}</alert>"),
            forged.replace("</alert>", inner[inner.index("<ds:Signature") : inner.index("</alert>")] + "</alert>"),
        ):
            with pytest.raises((SignatureError, CapError)):
                await hub.hub.alerts.desk.take(wrapped.encode())
        assert await hub.hub.alerts.store.read(partial(rows.listed, states=tuple(State), most=9)) == []

    async def test_a_signature_by_a_secret_that_everybody_knows(self, hub: Running) -> None:
        signed = self.kttv.sign(AlertOf().xml())
        weak = signed.replace(
            b"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", b"http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
        )
        assert weak != signed
        await self.refused(hub, weak, "cap.sign_wrong")

    async def test_an_old_certificate_is_named(self, tmp_path: Path) -> None:
        old = signing(tmp_path, "old", days=-1)
        with pytest.raises(SignatureError) as caught:
            await signed_part(old.sign(AlertOf().xml()), [old.path])
        assert caught.value.key == "cap.sign_old"

    async def test_one_of_two_certificates_is_enough_and_what_was_signed_comes_back(self, hub: Running) -> None:
        paths = [self.kttv.path, self.other.path]
        assert b"Signature" not in await signed_part(self.other.sign(AlertOf().xml()), paths)

    async def test_a_certificate_that_is_gone_is_the_administrators(self, hub: Running, tmp_path: Path) -> None:
        with pytest.raises(SignatureError) as caught:
            await signed_part(self.kttv.sign(AlertOf().xml()), [tmp_path / "gone.pem"])
        assert caught.value.key == "cap.sign_no_key"

    async def test_the_same_signed_message_again_is_a_copy(self, hub: Running, broker: Mosquitto) -> None:
        async with placed(hub, broker) as node:
            signed = self.kttv.sign(AlertOf().xml())
            await hub.hub.alerts.desk.take(signed)
            await planned(node)
            assert not (await hub.hub.alerts.desk.take(signed)).new
            await asyncio.sleep(1)
            assert len(node.told("bulletin.plan")) == 1

    async def refused(self, hub: Running, data: bytes, key: str) -> None:
        with pytest.raises(SignatureError) as caught:
            await hub.hub.alerts.desk.take(data)
        assert caught.value.key == key


async def until_state(hub: Running, id_: str, node: PlacedNode, state: str) -> said.Aired:
    async with asyncio.timeout(30):
        while (found := (await aired(hub, id_))[f"29401/{node.node}"]).state != state:
            await asyncio.sleep(0.05)
    return found


async def until_ending(hub: Running, id_: str, node: PlacedNode, ending: str) -> None:
    async with asyncio.timeout(30):
        while (await aired(hub, id_))[f"29401/{node.node}"].ending != ending:
            await asyncio.sleep(0.05)
