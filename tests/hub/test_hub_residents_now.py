"""What the residents' page says of this moment: an emergency while it sounds, what comes today, public cameras."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from bulletins_rig import ZONE, someone, words
from hub_rig import JPEG, FakeNode, Mosquitto, Running, config_for, event, now, serving, until

from edge_agent.contract.reports import SpeakerState
from edge_agent.contract.segments import Text, Version
from edge_agent.contract.signature import Verifier
from hub.air.emergency_book import Words
from hub.bulletins import machine
from hub.bulletins.machine import Doing
from hub.bulletins.model import Content, HubBulletin, Released, Schedule, State, Targets
from hub.clock import SystemClock
from hub.people.acting import acting
from hub.people.rights import Person, Role
from hub.residents import announcements
from hub.residents.places import code_of
from hub.residents.reports import Reports

NODE = "29401/tram-bom"


@pytest.fixture
async def hub(broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Running]:
    west = {"26734": {"name": "Xã Tân Tây", "hosts": ["tay.example"]}}
    config = config_for(tmp_path, broker.port, residents={"public": True, "communes": west})
    listen = config.listen.model_copy(update={"names": (*config.listen.names, "tay.example")})
    async with serving(config.model_copy(update={"listen": listen})) as running:
        yield running


@pytest.fixture
async def node(hub: Running, broker: Mosquitto) -> AsyncIterator[FakeNode]:
    signer = hub.hub.signer
    fake = FakeNode(broker.port, Verifier({signer.key_id: signer.public}), hub_url=hub.url)
    async with fake:
        await until(lambda: len(getattr(hub.hub.registry.nodes.get(NODE), "states", ())) >= 4)
        yield fake


@pytest.fixture
async def resident(hub: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=hub.url, timeout=30) as http:
        yield http


async def test_an_emergency_stands_on_top_while_it_sounds(
    hub: Running, node: FakeNode, resident: httpx.AsyncClient
) -> None:
    id_ = "019a0000-0000-7000-8000-000000000001"
    title = "Xả lũ <hồ> Đông"
    state = SpeakerState(id="loa", at=now(), actual="playing", title=title, playing=id_, emergencies=(id_,))
    await node.state(state)
    await until(lambda: getattr(hub.hub.registry.nodes[NODE].states.get(("speaker", "loa")), "emergencies", ()))
    page = await resident.get("/xa")
    assert "Xả lũ &lt;hồ&gt; Đông" in page.text and "Trạm bơm Đông" in page.text and "tram-bom" not in page.text
    assert page.text.index("KHẨN CẤP") < page.text.index("Thông báo đã phát")
    assert "/acknowledge" not in page.text
    await node.state(SpeakerState(id="loa", at=now(), actual="idle"))
    await until(lambda: not getattr(hub.hub.registry.nodes[NODE].states.get(("speaker", "loa")), "emergencies", ()))
    assert "KHẨN CẤP" not in (await resident.get("/xa")).text


async def test_an_emergency_tells_who_cannot_hear_the_horn_what_to_do(
    hub: Running, node: FakeNode, resident: httpx.AsyncClient
) -> None:
    said = "Hồ đang xả lũ.\nBà con <ven sông> lên nơi cao ngay."
    id_ = await hub.hub.air.emergencies.sound(Words("Xả lũ hồ Đông", said), [NODE], 15)
    await node.state(SpeakerState(id="loa", at=now(), actual="playing", playing=id_, emergencies=(id_,)))
    await until(lambda: getattr(hub.hub.registry.nodes[NODE].states.get(("speaker", "loa")), "emergencies", ()))
    for address in ("/xa", "/xa?o="):
        page = (await resident.get(address)).text
        assert "Hồ đang xả lũ.</p>" in page and "Bà con &lt;ven sông&gt; lên nơi cao ngay." in page
    told = (await resident.get("/api/v1/residents", params={"commune": "29401"})).json()["emergencies"]
    assert [(one["id"], one["title"]["vi"]) for one in told] == [(id_, "Xả lũ hồ Đông")]
    assert (told[0]["words"], told[0]["places"]) == (said.splitlines(), ["Trạm bơm Đông"])
    await node.state(SpeakerState(id="loa", at=now(), actual="idle"))
    await until(lambda: not getattr(hub.hub.registry.nodes[NODE].states.get(("speaker", "loa")), "emergencies", ()))
    assert "Hồ đang xả lũ" not in (await resident.get("/xa")).text
    assert (await resident.get("/api/v1/residents")).json()["emergencies"] == []


async def let_go(hub: Running, at: datetime, place: str = "29401", title: str = "Họp chiều nay") -> HubBulletin:
    """A bulletin that was approved for an instant."""
    desk = hub.hub.bulletins.desk
    version = Version(language="vi", segments=(Text(text="Lời chưa phát"),))
    with acting(Person("lan", "Lan Bí Mật")):
        draft = await desk.create(Content(title=title, versions=(version,)))
    targets, schedule = Targets(places=(place,)), Schedule(at=at)
    released = Released(
        number=1, content=draft.content, targets=targets, schedule=schedule, name="Minh Bí Mật", at=now()
    )
    changes = {"released": released, "targets": targets, "schedule": schedule, "state": State.APPROVED}
    return await desk.change(draft.id, lambda b: b.model_copy(update={**changes, "number": draft.number + 1}))


def tonight() -> datetime:
    """The last instant of today."""
    night = datetime.combine(now().astimezone(ZONE).date() + timedelta(days=1), time(), ZONE).astimezone(UTC)
    return night - timedelta(microseconds=1)


async def test_what_is_let_go_for_today_is_named_and_not_read_out(
    hub: Running, node: FakeNode, resident: httpx.AsyncClient
) -> None:
    await let_go(hub, tonight())
    page = words(await resident.get("/xa"))
    assert "Hôm nay sẽ phát" in page and "Họp chiều nay" in page and "23:59" in page
    assert "Lời chưa phát" not in page and "Bí Mật" not in page


async def aired(node: FakeNode, bulletin: HubBulletin, number: int) -> None:
    """The node says that it was heard."""
    data: dict[str, Any] = {"id": bulletin.id, "speaker": "loa", "title": bulletin.content.title, "class": "ordinary"}
    data |= {"authority": "commune", "state": "aired", "started_us": round(now().timestamp() * 1e6), "seconds": 12}
    await node.send(event(number, "aired", "speaker/loa", **data))


async def sees(resident: httpx.AsyncClient, title: str, section: str) -> str:
    """The words of the page below a heading, once a title stands there."""
    async with asyncio.timeout(60):
        while title not in (text := words(await resident.get("/xa")).partition(section)[2]):
            await asyncio.sleep(0.5)
    return text


async def test_what_was_cancelled_goes_at_once_and_what_was_heard_is_marked(
    hub: Running, node: FakeNode, resident: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = hub.hub.bulletins.desk
    planned, heard, over = [await let_go(hub, tonight(), title=t) for t in ("Sẽ huỷ", "Đã nghe", "Đã xong")]
    await aired(node, heard, 1)
    await aired(node, over, 2)
    await desk.change(over.id, lambda b: machine.finished(b, Doing(now(), None)))
    monkeypatch.setattr(announcements, "FRESH_S", 0.5)
    await sees(resident, "Đã nghe", "Thông báo đã phát")
    text = await sees(resident, "Đã xong", "Thông báo đã phát")  # also when it is over
    assert text.count("Lời chưa phát") == 2
    monkeypatch.setattr(announcements, "FRESH_S", 3600.0)
    assert "Sẽ huỷ" in words(await resident.get("/xa"))
    for one in (planned, heard):
        await desk.change(one.id, lambda b: machine.cancel(b, Doing(now(), None)))
    page = words(await resident.get("/xa"))
    assert "Sẽ huỷ" not in page
    today, _, past = page.partition("Thông báo đã phát")
    assert "Đã nghe" not in today and "Đã nghe" in past and "Xã đã thu hồi thông báo này" in past
    assert past.count("Lời chưa phát") == 1


async def test_residents_of_two_communes_see_only_their_own(
    hub: Running, broker: Mosquitto, node: FakeNode, resident: httpx.AsyncClient
) -> None:
    signer = hub.hub.signer
    other = FakeNode(
        broker.port,
        Verifier({signer.key_id: signer.public}),
        node="cum-xa",
        commune="26734",
        title="Cụm Tây",
        hub_url="",
    )
    async with other:
        await until(lambda: getattr(hub.hub.registry.nodes.get("26734/cum-xa"), "about", None))
        await let_go(hub, tonight(), "29401", "Họp xã Đông")
        await let_go(hub, tonight(), "26734", "Họp xã Tây")
        choice = await resident.get("/xa")
        assert "Bà con ở xã nào?" in choice.text and "Xã Tân Tây" in choice.text and "Họp xã" not in choice.text
        west = words(await resident.get("/xa", params={"o": "26734"}))
        assert "Họp xã Tây" in west and "Họp xã Đông" not in west
        assert "Họp xã Tây" in words(await resident.get("/xa"))  # it is remembered
        at_pole = words(await resident.get("/xa", params={"p": code_of(NODE)}))  # but a poster knows where it hangs
        assert "Họp xã Đông" in at_pole and "Họp xã Tây" not in at_pole
        form = {"kind": "lamp", "words": "Đèn tắt từ hôm qua", "where": "", "phone": "", "commune": "26734"}
        assert 'name="commune" value="26734"' in (await resident.get("/xa/report")).text
        sent = await resident.post("/xa/report", data=form, files={"photo": b""}, headers={"Origin": hub.url})
        assert sent.status_code == 303
        assert list(hub.hub.residents.reports.fresh.values()) == ["26734"]
        assert "Bà con ở xã nào?" in (await resident.get("/xa", params={"o": ""})).text
    async with httpx.AsyncClient(timeout=30, base_url=hub.url, headers={"Host": "tay.example"}) as by_name:
        assert "Họp xã Tây" in words(await by_name.get("/xa"))


async def test_new_reports_are_counted_on_the_first_page_of_who_answers_there(
    hub: Running, node: FakeNode, resident: httpx.AsyncClient
) -> None:
    async with someone(hub, "lan", Role.STAFF) as staff, someone(hub, "xa", Role.STAFF, "26734") as elsewhere:
        assert "phản ánh mới" not in await staff.see("/")
        for count in (1, 2):
            form = {"kind": "lamp", "words": f"Đèn thứ {count} tắt", "where": code_of(NODE), "phone": ""}
            await resident.post("/xa/report", data=form, files={"photo": b""}, headers={"Origin": hub.url})
        assert "2 phản ánh mới của người dân" in await staff.see("/")
        assert "phản ánh mới" not in await elsewhere.see("/")
        number = next(iter(hub.hub.residents.reports.fresh))
        await staff.post(f"/reports-of-residents/{number}", do="state", state="seen", edition="1")
        assert "1 phản ánh mới của người dân" in await staff.see("/")
    again = Reports(hub.hub.store, hub.config.data, SystemClock())
    await again.load()  # as a hub does that starts
    assert len(again.fresh) == 1


async def test_only_cameras_that_were_marked_are_seen(
    hub: Running, node: FakeNode, resident: httpx.AsyncClient
) -> None:
    picture = f"/xa/cameras/{code_of(f'{NODE} cong')}"
    assert (await resident.get(picture)).status_code == 404
    assert "/xa/cameras" not in (await resident.get("/xa")).text
    with acting(Person("minh", "Minh Bí Mật")):
        await hub.hub.public_cameras.mark(NODE, "cong", "Bãi đỗ xe chợ")
    page = await resident.get("/xa/cameras")
    assert picture in page.text and "Bí Mật" not in page.text and "tram-bom" not in page.text
    answer = await resident.get(picture)
    assert answer.status_code == 200 and answer.content == JPEG
    with acting(Person("minh", "Minh Bí Mật")):
        await hub.hub.public_cameras.unmark(NODE, "cong")
    assert (await resident.get(picture)).status_code == 404
