"""What the residents' page says of this moment: an emergency while it sounds, what comes today, public cameras."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import httpx
import pytest
from bulletins_rig import ZONE, words
from hub_rig import JPEG, FakeNode, Mosquitto, Running, config_for, now, serving, until

from edge_agent.contract.reports import SpeakerState
from edge_agent.contract.segments import Text, Version
from edge_agent.contract.signature import Verifier
from hub.bulletins.model import Content, Released, Schedule, State, Targets
from hub.people.acting import acting
from hub.people.rights import Person
from hub.residents.places import code_of

NODE = "29401/tram-bom"


@pytest.fixture
async def hub(broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Running]:
    async with serving(config_for(tmp_path, broker.port, residents={"public": True})) as running:
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


async def test_what_is_let_go_for_today_is_named_and_not_read_out(
    hub: Running, node: FakeNode, resident: httpx.AsyncClient
) -> None:
    desk = hub.hub.bulletins.desk
    version = Version(language="vi", segments=(Text(text="Lời chưa phát"),))
    with acting(Person("lan", "Lan Bí Mật")):
        draft = await desk.create(Content(title="Họp chiều nay", versions=(version,)))
    night = datetime.combine(now().astimezone(ZONE).date() + timedelta(days=1), time(), ZONE).astimezone(UTC)
    at = night - timedelta(microseconds=1)  # the last instant of today
    released = Released(
        number=1,
        content=draft.content,
        targets=Targets(places=("29401",)),
        schedule=Schedule(at=at),
        name="Minh Bí Mật",
        at=now(),
    )
    changes = {"released": released, "state": State.APPROVED, "number": draft.number + 1}
    await desk.change(draft.id, lambda bulletin: bulletin.model_copy(update=changes))
    page = words(await resident.get("/xa"))
    assert "Hôm nay sẽ phát" in page and "Họp chiều nay" in page and "23:59" in page
    assert "Lời chưa phát" not in page and "Bí Mật" not in page


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
