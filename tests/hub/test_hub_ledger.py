"""Exactly once, and every gap shows."""

import asyncio
from typing import Any

import pytest
from hub_rig import FakeNode, Running, config_for, event, now, sample, serving, until

from edge_agent.contract.reports import LightState

ADDRESS = "29401/tram-bom"
ON_BOTH_DATABASES = True


def account(hub: Running) -> Any:
    return hub.hub.ledger.accounts.get(ADDRESS)


async def rows(hub: Running, query: str = "SELECT seq FROM records ORDER BY epoch, seq") -> list[Any]:
    return await hub.hub.store.call(lambda c: [r[0] if len(r) == 1 else r for r in c.exec_driver_sql(query).fetchall()])


async def through(hub: Running, number: int) -> Any:
    return await until(lambda: account(hub) and account(hub).progress.through >= number and account(hub))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.followup.LOOK_S", 0.05)
    monkeypatch.setattr("hub.followup.ASK_S", 0.2)
    monkeypatch.setattr("hub.followup.CONFIRM_S", 0.2)


async def test_repeated_records_are_kept_once(hub: Running, node: FakeNode) -> None:
    records = [event(1), sample(2, cpu=1), event(3, "link")]
    await node.send(*records)
    await node.send(*records)
    assert (await through(hub, 3)).progress.missing == ()
    await until(lambda: account(hub).version >= 6)
    assert await rows(hub) == [1, 2, 3]


async def test_missing_records_are_asked_for_and_confirmed(hub: Running, node: FakeNode, quick: None) -> None:
    await node.send(*(event(n) for n in range(1, 11)), skip=(3, 4, 7))
    await until(lambda: account(hub) and account(hub).progress.missing_count == 3)
    await through(hub, 10)
    asked: list[Any] = [c.args for c in node.commands if c.do == "outbox.resend"]
    assert (asked[0].first, asked[0].last) == (3, 4)
    await until(lambda: any(getattr(c.args, "through", 0) == 10 for c in node.commands))
    assert await rows(hub) == list(range(1, 11))


async def test_records_that_the_node_has_not_are_lost_and_told(hub: Running, node: FakeNode, quick: None) -> None:
    await node.send(event(5))
    shown = await through(hub, 5)
    assert shown.progress.lost == 4
    assert "4 bản ghi đã mất hẳn" in (await hub.http.get("/nodes/29401/tram-bom")).text
    await node.send(event(2))  # one comes after all
    await until(lambda: account(hub).progress.lost == 3)
    assert await rows(hub) == [2, 5]


async def test_gap_event_ends_the_waiting(hub: Running, node: FakeNode) -> None:
    await node.send(event(1), event(10, "gap", ranges=[[2, 9]], reason="outbox_full", sent=False), event(11))
    shown = await through(hub, 11)
    assert shown.progress.lost == 8
    assert not any(c.do == "outbox.resend" for c in node.commands)


async def test_gap_over_records_that_came_loses_nothing(hub: Running, node: FakeNode) -> None:
    await node.send(event(1), event(2), event(3), event(4, "gap", ranges=[[1, 3]], reason="shelf_full", sent=True))
    assert (await through(hub, 4)).progress.lost == 0


async def test_nonsense_gaps_harm_nothing(hub: Running, node: FakeNode) -> None:
    wild = [[1, 2**62], [9, 3], [-5, -1], [5, 2**52]]
    await node.send(event(1, "gap", ranges=wild, reason="outbox_full", sent=False))
    await node.send(event(2, "gap", ranges="x", reason=7))
    await node.send(event(2**62), event(3))
    await until(lambda: account(hub) and account(hub).version >= 4)
    assert (await hub.http.get("/nodes/29401/tram-bom")).status_code == 200


async def test_node_that_counts_from_one_again_begins_an_epoch(hub: Running, node: FakeNode) -> None:
    await node.send(event(1), event(2), event(3))
    await through(hub, 3)
    node.session = "s-2"
    await node.send(event(1, "store", code="store.corrupt", moved="x"), event(2, "started"))
    await until(lambda: account(hub).progress.epoch == 2 and account(hub).progress.through == 2)
    assert await rows(hub, "SELECT epoch, seq FROM records ORDER BY epoch, seq") == [
        (1, 1),
        (1, 2),
        (1, 3),
        (2, 1),
        (2, 2),
    ]


async def test_same_number_twice_in_one_run_keeps_the_first(hub: Running, node: FakeNode) -> None:
    await node.send(event(1), event(2, "link"))
    await through(hub, 2)
    await node.send(event(2, "clock"))
    await until(lambda: account(hub).version >= 3)
    assert account(hub).progress.epoch == 1
    assert await rows(hub, "SELECT type FROM records ORDER BY seq") == ["started", "link"]


async def test_ledger_survives_a_restart(broker: Any, tmp_path: Any, database: Any) -> None:
    config = config_for(tmp_path, broker.port, **database)
    async with serving(config) as hub, make_node(hub, broker) as node:
        await node.send(event(1), event(2, "link"), event(5), sample(6, cpu=3))
        await until(lambda: account(hub) and account(hub).progress.missing_count == 2)
    async with serving(config) as hub:
        assert account(hub).progress.missing == ((3, 4),)
        assert [e.seq for e in account(hub).events] == [5, 2, 1]
        assert account(hub).sample.values == {"cpu": 3}


async def test_rows_are_bounded(broker: Any, tmp_path: Any, database: Any) -> None:
    async with (
        serving(config_for(tmp_path, broker.port, **database, limits={"records": 1000})) as hub,
        make_node(hub, broker) as node,
    ):
        from edge_agent.contract.records import TelemetryBatch

        for start in range(1, 1500, 100):
            batch = TelemetryBatch(
                node=node.node, session="s", records=tuple(sample(n, cpu=1) for n in range(start, start + 100))
            )
            await node.say(node.topics.telemetry, batch.body(), retain=False)
        await through(hub, 1500)
        assert len(await rows(hub)) == 1000


def make_node(hub: Running, broker: Any) -> FakeNode:
    from edge_agent.contract.signature import Verifier

    return FakeNode(broker.port, Verifier({hub.hub.signer.key_id: hub.hub.signer.public}), hub_url=hub.url)


async def test_records_sent_while_the_hub_is_away_are_not_lost(broker: Any, tmp_path: Any, database: Any) -> None:
    config = config_for(tmp_path, broker.port, **database)
    async with serving(config) as hub:
        node = make_node(hub, broker)
        await node.__aenter__()
        await node.send(event(1))
        await through(hub, 1)
    await node.send(*(event(n) for n in range(2, 50)))
    async with serving(config) as hub:
        await through(hub, 49)
        assert await rows(hub) == list(range(1, 50))
    await node.lose()


async def test_flood_of_states_ends_with_the_right_ones(hub: Running, node: FakeNode) -> None:
    client: Any = node.client
    for level in range(3000):
        state = LightState(id=f"l{level % 30}", at=now(), wanted=level % 100, actual=0, why="rule")
        client._client.publish(node.topics.state("light", state.id), state.body(), 1, True)
    states = hub.hub.registry.nodes[ADDRESS].states
    await until(
        lambda: all(getattr(states.get(("light", f"l{n}")), "wanted", None) == (2970 + n) % 100 for n in range(30)),
        limit=20,
    )


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_full_card_loses_nothing_and_heals(hub: Running, node: FakeNode, quick: None) -> None:
    await node.send(event(1))
    await through(hub, 1)
    pages = await rows(hub, "PRAGMA page_count")
    await rows(hub, f"PRAGMA max_page_count={pages[0] + 1}")
    long = {"text": "x" * 3000}
    await node.send(*(event(n, "spoken", "speaker/loa", **long) for n in range(2, 12)))
    await asyncio.sleep(0.3)
    assert account(hub).progress.through < 11
    assert (await hub.http.get("/nodes/29401/tram-bom")).status_code == 200
    assert not any(getattr(c.args, "through", 0) > account(hub).progress.through for c in node.commands)
    await rows(hub, "PRAGMA max_page_count=1000000")
    await node.send(event(12))
    await through(hub, 12)
    assert await rows(hub) == list(range(1, 13))
    assert account(hub).progress.lost == 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_damaged_database_is_put_aside(broker: Any, tmp_path: Any, database: Any) -> None:
    config = config_for(tmp_path, broker.port, **database)
    config.data.mkdir()
    (config.data / "hub.sqlite3").write_bytes(b"no database " * 1000)
    async with serving(config) as hub:
        assert (await hub.http.get("/")).status_code == 200
    assert len(list(config.data.glob("hub.sqlite3.corrupt-*"))) == 1
