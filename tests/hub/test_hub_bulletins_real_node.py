"""The whole way with a real agent: what was heard and approved at the hub is, byte for byte, what the node plays."""

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from bulletins_rig import Someone, someone
from hub_rig import TOKEN, Mosquitto, Running, until

from bench.rig import COMMUNE, NODE, node_config, process
from edge_agent.contract.airings import Airing
from hub.aired.rows import airings
from hub.bulletins import machine
from hub.bulletins.model import Schedule, Targets
from hub.people.rights import Role

ADDRESS = f"{COMMUNE}/{NODE}"


@pytest.fixture
async def real(hub: Running, broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Path]:
    """A real agent with a loudspeaker that writes what it plays."""
    folder = tmp_path / "node"
    folder.mkdir()
    (folder / "token").write_text(TOKEN)
    reached = {"url": hub.url, "token": {"file": str(folder / "token")}}
    config = node_config(folder, broker.port, hub.hub.signer, hub=reached)
    with process(sys.executable, "-m", "edge_agent", "run", str(config), log=folder / "agent.log"):
        nodes = hub.hub.registry.nodes
        await until(lambda: (n := nodes.get(ADDRESS)) and n.online and n.about and ("speaker", "horn") in n.states, 60)
        yield folder


async def shows(who: Someone, path: str, wanted: str, limit: float) -> str:
    text = ""
    async with asyncio.timeout(limit):
        while wanted not in (text := await who.see(path)):
            await asyncio.sleep(0.2)
    return text


async def test_approved_bytes_are_what_the_node_plays(hub: Running, real: Path) -> None:
    desk: Any = hub.hub.bulletins.desk
    async with (
        someone(hub, "lan", Role.STAFF, COMMUNE) as staff,
        someone(hub, "minh", Role.APPROVER, COMMUNE) as approver,
    ):
        draft = await staff.draft("Mời bà con thôn Đông đi họp lúc bảy giờ.")
        await staff.planned(draft, datetime(2099, 1, 1, 1, tzinfo=UTC), COMMUNE)
        made = await staff.sounds(draft)
        at = datetime.now(UTC) + timedelta(seconds=25)  # the form knows minutes only
        await desk.change(
            draft.id,
            lambda b: machine.plan(b, Targets(places=(COMMUNE,)), Schedule(at=at), desk.doing(b.number), signs=False),
        )
        sound = made.content.versions[0].segments[0].rendered  # type: ignore[union-attr]
        assert sound is not None
        heard = await approver.http.get(f"/media/{sound.sha256}")
        assert hashlib.sha256(heard.content).hexdigest() == sound.sha256
        assert "Đã duyệt" in await approver.act(draft, "approve")
        path = f"/bulletins/{draft.id}"
        await shows(staff, path, "Sẵn sàng ở 1/1 cụm loa", 25)
        await shows(staff, path, "Đang phát ở 1/1 cụm loa", 40)
        page = await shows(staff, path, "Đã phát lúc", 40)
        assert "đúng giờ" in page or "chậm" in page
    airing = await until_aired(hub, draft.id)
    assert airing.state == "aired"
    assert airing.approved_by == "minh"
    assert airing.sha256 == (sound.sha256,)


async def until_aired(hub: Running, id_: str) -> Airing:
    """The row of the as-aired log."""
    store = hub.hub.store
    async with asyncio.timeout(20):
        while True:
            body = await store.read(
                lambda c: c.execute(sa.select(airings.c.body).where(airings.c.item == id_)).scalar()
            )
            if body is not None:
                return Airing.model_validate_json(body)
            await asyncio.sleep(0.2)
