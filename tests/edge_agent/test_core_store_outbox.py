"""Numbers without holes; bounds; and every number is either there or named by a gap."""

import asyncio
import json
import math
import sqlite3
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from core_rig import START, covered, store
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.contract.records import Event, GapData, Sample
from edge_agent.store.outbox import EVENT, TELEMETRY, Entry, Outbox

SAMPLE = Entry.sample(START, {"cpu": 1.0})
HAPPENED = Entry.event(START, "switched", "light/x", {"level": 100})


async def test_records_are_what_the_contract_says(tmp_path: Path) -> None:
    async with store(tmp_path) as node:
        await node.outbox.append(HAPPENED, SAMPLE, Entry.event(START, "started"))
        bodies = [f'{{"seq":{record.seq},{record.body[1:]}' for record in await node.records()]
        assert Event.model_validate_json(bodies[0]).data == {"level": 100}
        assert Sample.model_validate_json(bodies[1]).values == {"cpu": 1.0}
        assert Event.model_validate_json(bodies[2]).about is None


def test_what_json_cannot_carry_does_no_harm() -> None:
    assert json.loads(Entry.sample(START, {"a": math.nan, "b": math.inf, "c": 1}).body)["values"] == {"c": 1}
    entry = Entry.event(START, "fault", data={"detail": "/m/\udcff", "path": Path("/x")})
    assert json.loads(entry.body.encode())["data"] == {"detail": "/m/?", "path": "/x"}


async def test_numbers_have_no_holes_under_concurrent_appends_and_failures(tmp_path: Path) -> None:
    async with store(tmp_path) as node:

        def failing(db: sqlite3.Connection) -> None:
            node.outbox.append_in(db, HAPPENED, SAMPLE)
            raise RuntimeError("no")

        async def writer(number: int) -> list[int]:
            got = []
            for turn in range(20):
                if (turn + number) % 7 == 0:
                    with pytest.raises(RuntimeError):
                        await node.database.write(failing)
                got.append(await node.outbox.append(HAPPENED, SAMPLE) if turn % 2 else await node.outbox.append(SAMPLE))
            return got

        got = [seq for each in await asyncio.gather(*(writer(number) for number in range(8))) for seq in each]
        assert len(set(got)) == len(got) == 160
        numbers = [record.seq for record in await node.records()]
        assert numbers == list(range(1, 241))
        assert (node.outbox.last, node.outbox.count) == (240, 240)


async def test_sent_and_confirmed(tmp_path: Path) -> None:
    async with store(tmp_path) as node:
        await node.outbox.append(*[HAPPENED] * 10)
        assert await node.outbox.confirm(10) == 0, "nothing goes before it was sent"
        await node.outbox.mark_sent(6)
        await node.outbox.mark_sent(4)
        assert (node.outbox.sent, node.outbox.waiting) == (6, 4)
        assert [record.seq for record in await node.outbox.after(4, 3)] == [5, 6, 7], "the shelf can be asked again"
        assert await node.outbox.confirm(4) == 4
        assert await node.outbox.confirm(4) == 0
        assert await node.outbox.confirm(9) == 2
        await node.outbox.mark_sent(99)
        assert node.outbox.sent == 10
        assert await node.outbox.confirm(2**62) == 4
        assert (node.outbox.count, node.outbox.last) == (0, 10)
    async with store(tmp_path) as node:
        assert (node.outbox.sent, node.outbox.last, node.outbox.count) == (10, 10, 0)
        assert await node.outbox.append(HAPPENED) == 11, "numbers go on after everything was forgotten"


async def test_a_pointer_that_could_not_be_saved_is_not_believed(tmp_path: Path) -> None:
    async with store(tmp_path) as node:
        await node.outbox.append(*[HAPPENED] * 10)
        await node.database.read(lambda db: db.execute("PRAGMA query_only=1"))
        with pytest.raises(Exception, match="readonly"):
            await node.outbox.mark_sent(10)
        with pytest.raises(Exception, match="readonly"):
            await node.outbox.confirm(10)
        assert (node.outbox.sent, node.outbox.count) == (0, 10)
        await node.database.read(lambda db: db.execute("PRAGMA query_only=0"))
        await node.outbox.mark_sent(10)
        assert await node.outbox.confirm(10) == 10


async def test_the_oldest_telemetry_on_the_shelf_goes_first(tmp_path: Path) -> None:
    async with store(tmp_path, limit=160) as node:
        for _ in range(80):
            await node.outbox.append(SAMPLE, HAPPENED)
        await node.outbox.mark_sent(100)
        await node.outbox.append(HAPPENED)
        gap = (await node.events("gap"))[0]
        assert gap["data"] == {"ranges": [[seq, seq] for seq in range(1, 20, 2)], "reason": "shelf_full", "sent": True}
        GapData.model_validate(gap["data"])
        assert datetime.fromisoformat(gap["at"]) == START.astimezone(UTC)


async def test_waiting_telemetry_is_thinned_and_events_never_go(tmp_path: Path) -> None:
    async with store(tmp_path, limit=320) as node:
        for _ in range(400):
            await node.outbox.append(SAMPLE)
            await node.outbox.append(HAPPENED)
        records = await node.records()
        there, gone = covered(records)
        assert there | gone == set(range(1, node.outbox.last + 1)) and not there & gone
        assert sum(record.kind == EVENT and "switched" in record.body for record in records) == 400
        assert {json.loads(gap)["data"]["reason"] for gap in _gaps(records)} == {"outbox_full"}


async def test_a_week_without_a_centre_leaves_thin_telemetry(tmp_path: Path) -> None:
    async with store(tmp_path, limit=1600) as node:
        for _ in range(40):
            await node.outbox.append(*[SAMPLE] * 60)
        kept = [record.seq for record in await node.records() if record.kind == TELEMETRY]
        assert kept[0] == 1 and node.outbox.count <= 1600


async def test_one_batch_larger_than_the_outbox_still_ends_within_bounds(tmp_path: Path) -> None:
    async with store(tmp_path, limit=1000) as node:
        await node.outbox.append(*[SAMPLE] * 5000)
        assert node.outbox.count <= 1000
        there, gone = covered(await node.records())
        assert there | gone == set(range(1, node.outbox.last + 1))


def _gaps(records: list) -> list[str]:
    return [record.body for record in records if record.kind == EVENT and '"gap"' in record.body]


step = st.one_of(
    st.tuples(st.just("events"), st.integers(1, 40)),
    st.tuples(st.just("samples"), st.integers(1, 60)),
    st.tuples(st.just("sent"), st.integers(0, 400)),
    st.tuples(st.just("confirm"), st.integers(0, 400)),
    st.tuples(st.just("fail"), st.integers(1, 40)),
    st.tuples(st.just("restart"), st.just(0)),
)


@settings(deadline=None, max_examples=40)
@given(st.lists(step, max_size=30), st.integers(16, 100))
def test_every_number_is_there_or_named_by_a_gap_or_confirmed(steps: list[tuple[str, int]], limit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_every_number(Path(folder), steps, limit))


async def _every_number(folder: Path, steps: list[tuple[str, int]], limit: int) -> None:
    confirmed, told_gone, events = 0, set[int](), 0
    remaining = list(steps)
    while True:
        async with store(folder, limit=limit) as node:
            while remaining:
                do, count = remaining.pop(0)
                if do == "restart":
                    break
                await _do(node, do, count)
                events += count if do == "events" else 0
                if do == "confirm":
                    # what the centre confirms it has read, gap events included
                    through = min(count, node.outbox.sent)
                    confirmed = max(confirmed, through)
                there, gone = covered(await node.records())
                told_gone |= gone
                everything = set(range(1, node.outbox.last + 1))
                assert there | told_gone | set(range(1, confirmed + 1)) == everything
                assert not there & told_gone
                assert node.outbox.count == len(there)
                waiting = [r for r in await node.outbox.after(node.outbox.sent, 10**6) if "switched" in r.body]
                assert all(r.seq not in told_gone for r in waiting)
        if not remaining:
            return


async def _do(node, do: str, count: int) -> None:
    if do == "events":
        await node.outbox.append(*[HAPPENED] * count)
    elif do == "samples":
        await node.outbox.append(*[SAMPLE] * count)
    elif do == "sent":
        before = node.outbox.sent
        await node.outbox.mark_sent(count)
        assert before <= node.outbox.sent <= max(before, node.outbox.last)
    elif do == "confirm":
        await node.outbox.confirm(count)
    else:
        outbox: Outbox = node.outbox

        def failing(db: sqlite3.Connection) -> None:
            outbox.append_in(db, *[SAMPLE] * count)
            raise RuntimeError("no")

        with pytest.raises(RuntimeError):
            await node.database.write(failing)
