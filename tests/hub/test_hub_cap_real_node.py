"""From a signed alert in a feed to the siren of a real agent, and its end: update, cancel, and what a person stops."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from cap_rig import SENDER, AlertOf, Answer, FeedServer, InfoOf, Signing, area, feed_server, signing
from hub_rig import Mosquitto, Running, config_for, serving, until

from bench.rig import COMMUNE, NODE, node_config, process
from edge_agent.contract.reports import BulletinState, SpeakerState

ADDRESS = f"{COMMUNE}/{NODE}"
AROUND = "20.9,105.7 21.2,105.7 21.2,106.0 20.9,106.0 20.9,105.7"
SIREN = (InfoOf(areas=area(polygon=AROUND)),)
MORE: dict[str, Any] = {
    "drivers": [
        {"id": "relays", "driver": "simulated-relay", "lines": {"1": {}}},
        {"id": "horn", "driver": "simulated-speaker"},
    ]
}


@pytest.fixture
def web() -> Iterator[FeedServer]:
    with feed_server() as server:
        server.list_atom()
        yield server


@pytest.fixture
def kttv(tmp_path: Path) -> Signing:
    return signing(tmp_path)


@pytest.fixture
async def hub(broker: Mosquitto, web: FeedServer, kttv: Signing, tmp_path: Path) -> AsyncIterator[Running]:
    sender = {"id": SENDER, "certificates": [kttv.path.name], "auto": {"from_level": 3}}
    feed = {"name": "kttv", "url": f"{web.url}/feed.xml", "every_s": 1}
    cap = {"senders": [sender], "feeds": [feed], "repeat_every_s": 1}
    async with serving(config_for(tmp_path, broker.port, cap=cap)) as running:
        folder = tmp_path / "node"
        folder.mkdir()
        config = node_config(folder, broker.port, running.hub.signer, **MORE)
        with process(sys.executable, "-m", "edge_agent", "run", str(config), log=folder / "agent.log"):
            await until(lambda: running.hub.alerts.desk.spots() and speaker(running), 90)
            yield running


def speaker(hub: Running) -> SpeakerState | None:
    node = hub.hub.registry.nodes.get(ADDRESS)
    state = node.states.get(("speaker", "horn")) if node else None
    return state if isinstance(state, SpeakerState) else None


def sounding(hub: Running) -> tuple[str, ...]:
    state = speaker(hub)
    return state.emergencies if state else ()


def bulletin(hub: Running, id_: str) -> str:
    state = hub.hub.registry.nodes[ADDRESS].states.get(("bulletin", id_))
    return state.actual if isinstance(state, BulletinState) else ""


async def test_the_siren_sounds_follows_an_update_and_ends_by_a_cancel(
    hub: Running, web: FeedServer, kttv: Signing
) -> None:
    alert = AlertOf(infos=SIREN)
    web.answers["/1.xml"] = Answer(kttv.sign(alert.xml()))
    web.list_atom("1.xml")
    (first,) = await until(lambda: sounding(hub), 90)
    await until(lambda: bulletin(hub, first) == "on_air", 30)
    await until(lambda: (state := speaker(hub)) and state.actual == "playing" and state.class_ == "emergency", 60)

    update = alert.after("vn.kttv.2026.2", "Update", infos=SIREN)
    web.answers["/2.xml"] = Answer(kttv.sign(update.xml()))
    web.list_atom("1.xml", "2.xml")
    await until(lambda: sounding(hub) and first not in sounding(hub), 90)
    (second,) = sounding(hub)

    unsigned = update.after("vn.kttv.2026.3", "Cancel", infos=())
    web.answers["/3.xml"] = Answer(unsigned.xml())
    web.list_atom("1.xml", "2.xml", "3.xml")
    await until(lambda: hub.hub.alerts.feeds.states["kttv"].refused, 60)
    assert sounding(hub) == (second,)

    cancel = update.after("vn.kttv.2026.4", "Cancel", infos=())
    web.answers["/4.xml"] = Answer(kttv.sign(cancel.xml()))
    web.list_atom("1.xml", "2.xml", "3.xml", "4.xml")
    await until(lambda: not sounding(hub), 90)
    await until(lambda: bulletin(hub, second) == "cancelled", 30)
    async with asyncio.timeout(60):
        while "Đã dừng, đã báo tin hết." not in (await hub.http.get(f"/alerts/{second}")).text:
            await asyncio.sleep(0.2)


async def test_who_acknowledges_ends_it_as_any_emergency(hub: Running, web: FeedServer, kttv: Signing) -> None:
    web.answers["/1.xml"] = Answer(kttv.sign(AlertOf(infos=SIREN).xml()))
    web.list_atom("1.xml")
    (id_,) = await until(lambda: sounding(hub), 90)
    assert (await hub.http.post(f"/emergencies/{id_}/acknowledge")).status_code == 303
    await until(lambda: not sounding(hub), 60)  # once its words were said to the end
    await asyncio.sleep(3)
    assert sounding(hub) == ()
