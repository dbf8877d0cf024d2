"""A box that is replaced, or whose card was wiped, gets its bulletins and what people chose from the hub again."""

import shutil
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bulletins_rig import someone
from hub_rig import TOKEN, Mosquitto, Running, until

from bench.rig import COMMUNE, NODE, node_config, process
from edge_agent.contract.commands import ArmRule, SetVolume, SwitchOverride
from hub.people.rights import Role

ADDRESS = f"{COMMUNE}/{NODE}"
AT = datetime(2099, 1, 1, 1, tzinfo=UTC)


RULE = {"id": "dem", "name": "Đêm", "thing": "lamp", "at": ["03:00"], "maximum_s": 60}


async def test_a_node_that_lost_everything_gets_its_bulletins_and_choices_again(
    hub: Running, broker: Mosquitto, tmp_path: Path
) -> None:
    folder = tmp_path / "node"
    folder.mkdir()
    (folder / "token").write_text(TOKEN)
    reached = {"url": hub.url, "token": {"file": str(folder / "token")}}
    config = node_config(folder, broker.port, hub.hub.signer, hub=reached, rules=[RULE])
    nodes: Any = hub.hub.registry.nodes
    dispatch: Any = hub.hub.bulletins.dispatch

    def agent() -> Any:
        return process(sys.executable, "-m", "edge_agent", "run", str(config), log=folder / "agent.log")

    def session() -> str | None:
        node = nodes.get(ADDRESS)
        return node.status.session if node and node.online and node.about else None

    def ready() -> bool:
        rows = [row for id_ in wanted for row in dispatch.of(id_)]
        return len(rows) == len(wanted) and all(
            row.taken == row.wanted and row.seen and row.seen.actual == "ready" for row in rows
        )

    def planned() -> set[str]:
        file = folder / "state/node.db"
        if not file.exists():
            return set()
        try:
            with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as db:
                return {row[0] for row in db.execute("SELECT id FROM bulletin")}
        except sqlite3.OperationalError:  # it is just being made
            return set()

    def chosen() -> tuple[object, ...]:
        states = nodes[ADDRESS].states
        lamp, horn, rule = states["light", "lamp"], states["speaker", "horn"], states["rule", "dem"]
        return lamp.why, lamp.wanted, lamp.until, horn.volume, rule.armed

    async with (
        someone(hub, "lan", Role.STAFF, COMMUNE) as staff,
        someone(hub, "minh", Role.APPROVER, COMMUNE) as approver,
    ):
        with agent():
            await until(session, 60)
            wanted = []
            for text in ("Mời bà con đi họp.", "Tiêm phòng cho trẻ ở trạm y tế."):
                draft = await staff.draft(text)
                await staff.planned(draft, AT, COMMUNE)
                await staff.sounds(draft)
                assert "Đã duyệt" in await approver.act(draft, "approve")
                wanted.append(draft.id)
            await until(ready, 60)
            assert planned() == set(wanted)
            first = session()
            as_configured, until_ = chosen(), datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
            for args in (
                SetVolume(speaker="horn", volume=35),
                ArmRule(rule="dem", armed=True),
                SwitchOverride(thing="lamp", level=100, until=until_),
            ):
                assert (await hub.hub.commands.send(ADDRESS, args, limit=10, life=10)).state == "done"
            wished = ("override", 100.0, until_, 35.0, True)
            await until(lambda: chosen() == wished)
            assert not set(as_configured[2:]) & set(wished[2:])
        with agent():  # an ordinary restart: nothing is asked of it
            await until(lambda: session() not in (None, first), 60)
            assert ready() and planned() == set(wanted)
            second = session()
        shutil.rmtree(folder / "state")
        with agent():
            await until(lambda: session() not in (None, first, second), 60)
            await until(lambda: planned() == set(wanted), 30)
            await until(ready, 60)
            await until(lambda: chosen() == wished, 30)
