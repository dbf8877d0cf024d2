"""A node that is gone for good is taken out of everything, stays out over a restart, and comes back by itself."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from hub_rig import FakeNode, Mosquitto, Running, config_for, now, serving, signed_in, until

from edge_agent.contract.reports import BulletinState
from edge_agent.contract.signature import Verifier
from hub.marks import Mark
from hub.people.rights import Grant, Place, Role
from hub.people.sessions import COOKIE

ADDRESS = "29401/tram-bom"
ON_BOTH_DATABASES = True


async def shown(hub: Running) -> bool:
    raw = [(await hub.http.get(path)).text for path in ("/", "/nodes", "/map")]
    return any(f'href="/nodes/{ADDRESS}"' in each for each in raw)


async def lost(hub: Running, node: FakeNode) -> None:
    await node.lose()
    await until(lambda: hub.hub.registry.standings.sums()[Mark.AWAY] == 1)


async def test_only_a_node_that_is_away_and_only_in_two_steps(hub: Running, node: FakeNode) -> None:
    path = f"/nodes/{ADDRESS}"
    assert f'href="{path}/forget"' not in (await hub.http.get(path)).text
    refused = await hub.http.post(f"{path}/forget", data={"sure": "yes"})
    assert "đang kết nối, nên không gỡ được" in (await hub.http.get(refused.headers["location"])).text
    await lost(hub, node)
    assert f'href="{path}/forget"' in (await hub.http.get(path)).text
    slip = await hub.http.post(f"{path}/forget")
    assert "hãy đánh dấu vào ô xác nhận" in (await hub.http.get(slip.headers["location"])).text
    head = await signed_in(hub.hub, "truong", Grant(Role.AREA_HEAD, Place("29401")))
    sure: Any = {"data": {"sure": "yes"}, "headers": {"Cookie": f"{COOKIE}={head}"}}
    assert (await hub.http.post(f"{path}/forget", **sure)).status_code == 403
    assert ADDRESS in hub.hub.registry.nodes
    # an installer of the area may, and may bring it back although the node is known no more
    mine = await signed_in(hub.hub, "tho", Grant(Role.INSTALLER, Place("29401", "thon-dong")))
    as_installer = {"Cookie": f"{COOKIE}={mine}"}
    await hub.http.post(f"{path}/forget", data={"sure": "yes"}, headers=as_installer)
    assert ADDRESS not in hub.hub.registry.nodes and not await shown(hub)
    listed = (await hub.http.get("/nodes/forgotten", headers=as_installer)).text
    assert "Trạm bơm Đông" in listed and "người gỡ: tho" in listed
    assert "đã được gỡ khỏi danh sách" in (await hub.http.get(path)).text
    await hub.http.post(f"{path}/remember", headers=as_installer)
    assert await shown(hub) and len(hub.hub.registry.nodes[ADDRESS].states) >= 4
    acts = (await hub.http.get("/audit")).text
    assert "Gỡ nút khỏi danh sách" in acts and "Đưa nút lại vào danh sách" in acts


async def test_it_stays_out_over_a_restart_and_comes_back_by_itself(
    broker: Mosquitto, tmp_path: Path, database: dict[str, Any]
) -> None:
    config = config_for(tmp_path, broker.port, **database)
    async with serving(config) as hub:
        signer = hub.hub.signer
        node = FakeNode(broker.port, Verifier({signer.key_id: signer.public}))
        async with node:
            soon = now() + timedelta(minutes=20)
            await node.state(
                BulletinState(id="b", at=now(), actual="preparing", title="Tin", next=soon, coming=(soon,))
            )
            await until(lambda: hub.hub.registry.standings.sums()[Mark.UNREADY] == 1)
            talk = await hub.http.post(f"/api/v1/nodes/{ADDRESS}/forget", json={"sure": True})
            assert (talk.status_code, talk.json()["code"]) == (409, "forget.online")
            await lost(hub, node)
            assert (await hub.http.post(f"/api/v1/nodes/{ADDRESS}/forget", json={})).status_code == 422
            assert (await hub.http.post(f"/api/v1/nodes/{ADDRESS}/forget", json={"sure": True})).status_code == 204
            registry = hub.hub.registry
            assert not any(registry.standings.sums().values()) and not registry.standings.in_place
            assert not registry.coming.between(now(), soon + timedelta(minutes=1))
            gone = (await hub.http.get("/api/v1/nodes/forgotten")).json()
            assert [(each["node"], each["name"]) for each in gone] == [(ADDRESS, "Trạm bơm Đông")]
    async with serving(config) as hub:
        heard = hub.hub.registry.forgotten._aside
        await until(lambda: len(heard.get(ADDRESS, ())) >= 7)  # the broker gives again what it retains
        assert ADDRESS not in hub.hub.registry.nodes and not await shown(hub)
        back = FakeNode(broker.port, node.verifier, session="s-2")
        async with back:
            known = await until(lambda: hub.hub.registry.nodes.get(ADDRESS))
            await until(lambda: known.online and len(known.states) >= 5)
            for path in ("/nodes", f"/nodes/{ADDRESS}"):
                assert re.search("Đã bị gỡ khỏi danh sách .* nay báo về lại từ", (await hub.http.get(path)).text)
            assert (await hub.http.delete(f"/api/v1/nodes/{ADDRESS}/forget")).status_code == 404


async def test_one_that_was_there_while_the_hub_was_not_is_shown(
    broker: Mosquitto, tmp_path: Path, database: dict[str, Any]
) -> None:
    config = config_for(tmp_path, broker.port, **database)
    async with serving(config) as hub:
        signer = hub.hub.signer
        node = FakeNode(broker.port, Verifier({signer.key_id: signer.public}))
        async with node:
            await until(lambda: ADDRESS in hub.hub.registry.nodes)
        await until(lambda: hub.hub.registry.standings.sums()[Mark.AWAY] == 1)
        await hub.http.post(f"/nodes/{ADDRESS}/forget", data={"sure": "yes"})
        assert ADDRESS not in hub.hub.registry.nodes
    async with FakeNode(broker.port, node.verifier, session="s-2"):
        pass
    async with serving(config) as hub:
        known = await until(lambda: hub.hub.registry.nodes.get(ADDRESS))
        await until(lambda: known.offline and known.about)
        assert await shown(hub)
