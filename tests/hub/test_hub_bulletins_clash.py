"""What a person chose where priority bulletins clashed is not asked again by a hub that was restarted."""

import html
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bulletins_rig import COMMUNE, cluster, known
from hub_rig import FakeNode, Mosquitto, Running, config_for, event, now, serving, until

from edge_agent.contract.reports import BulletinState

PATH = f"/nodes/{COMMUNE}/cum-dong"
ASKED = "Chọn bản tin phát trước"


async def page(hub: Running) -> str:
    return html.unescape((await hub.http.get(PATH)).text)


async def clash(node: FakeNode, seq: int, *names: str) -> None:
    for name in names:
        await node.state(BulletinState(id=name, at=now(), actual="ready", title=name, class_="priority"))  # type: ignore[call-arg]
    at = (now() + timedelta(minutes=5)).isoformat()
    await node.send(event(seq, "clash", "speaker/loa", speaker="loa", items=names, titles=names, at=at))


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
async def test_what_was_chosen_is_kept_and_what_was_not_is_asked_again(
    broker: Mosquitto, tmp_path: Path, database: dict[str, Any]
) -> None:
    config = config_for(tmp_path, broker.port, **database)
    async with serving(config) as hub:
        node = cluster(hub, broker.port, "cum-dong", "Cụm Đông", "Thôn Đông", (20.5, 105.9))
        await node.__aenter__()
        await known(hub, node)
        accounts: Any = hub.hub.ledger.accounts
        await clash(node, 1, "mot", "hai")
        await clash(node, 2, "ba", "bon")
        await until(lambda: len(getattr(accounts.get(f"{COMMUNE}/cum-dong"), "clashes", ())) == 2)
        assert (await page(hub)).count(ASKED) == 2
        headers = {"HX-Request": "true"}
        answer = await hub.http.post(f"{PATH}/order", data={"seq": "1", "order": "mot hai"}, headers=headers)
        assert "phát trước" in html.unescape(answer.text)
        assert (await page(hub)).count(ASKED) == 1
    async with serving(config) as again:
        await known(again, node)
        states = again.hub.registry.nodes[f"{COMMUNE}/cum-dong"].states
        await until(lambda: ("bulletin", "bon") in states)
        assert (await page(again)).count(ASKED) == 1
        await node.lose()
