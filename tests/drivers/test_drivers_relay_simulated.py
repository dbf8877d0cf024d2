import json
import logging
from datetime import timedelta

import pytest
from pydantic import ValidationError

from drivers.contract import DriverFault
from drivers.relay.simulated import HISTORY, Change, SimulatedRelay

Config = SimulatedRelay.Config


def relay(context, **config):
    return SimulatedRelay(Config(lines={"lamp": {"name": "Đèn cổng"}, "pump": {}}, **config), context)


async def code_of(awaitable):
    with pytest.raises(DriverFault) as caught:
        await awaitable
    return caught.value.code


async def test_switches_reads_and_remembers_when(jump):
    board = relay(jump)
    assert [(c.id, c.name, c.kind) for c in board.capabilities()] == [
        ("lamp", "Đèn cổng", "relay"),
        ("pump", "pump", "relay"),
    ]
    assert (await board.check()).ok
    start = jump.clock.now()
    async with board:
        await board.switch("lamp", True)
        await jump.clock.sleep(60)
        await board.switch("lamp", False)
        assert await board.read("lamp") is False
    minute = timedelta(minutes=1)
    assert list(board.history) == [Change(start, "lamp", True), Change(start + minute, "lamp", False)]


async def test_refuses_with_a_code(jump):
    board = relay(jump)
    assert await code_of(board.switch("lamp", True)) == "driver.closed"
    async with board:
        assert await code_of(board.read("lamp")) == "driver.unclaimed"
        assert await code_of(board.switch("lamb", True)) == "driver.unknown_line"
    assert await code_of(board.read("lamp")) == "driver.closed"
    assert not board.history


async def test_a_stuck_line_stays_until_it_is_released(jump):
    async with relay(jump) as board:
        await board.switch("lamp", True)
        board.stick("lamp")
        assert await code_of(board.switch("lamp", False)) == "driver.stuck"
        await board.switch("lamp", True)
        await board.switch("pump", True)
        assert await board.read("lamp") is True
        board.release("lamp")
        await board.switch("lamp", False)
        assert await board.read("lamp") is False
        with pytest.raises(DriverFault):
            board.stick("lamb")


async def test_history_is_bounded(jump):
    async with relay(jump) as board:
        for number in range(HISTORY + 10):
            await board.switch("lamp", number % 2 == 0)
    assert len(board.history) == HISTORY


async def test_records_json_lines_and_sets_a_full_file_aside(jump):
    async with relay(jump, record="log/relay.jsonl", record_bytes=1000) as board:
        for number in range(20):
            await board.switch("lamp", number % 2 == 0)
    old, new = (jump.directory / "log" / name for name in ("relay.jsonl.1", "relay.jsonl"))
    entries = [json.loads(line) for file in (old, new) for line in file.read_text().splitlines()]
    assert [entry["on"] for entry in entries] == [number % 2 == 0 for number in range(20)]
    assert entries[0] == {"time": "2025-01-29T05:00:00+00:00", "line": "lamp", "on": True}
    assert old.stat().st_size < 1100


async def test_switches_even_if_it_cannot_record(jump, caplog):
    (jump.directory / "taken").write_text("a file, not a folder")
    with caplog.at_level(logging.WARNING):
        async with relay(jump, record="taken/relay.jsonl") as board:
            await board.switch("lamp", True)
            assert await board.read("lamp") is True
    assert "cannot record" in caplog.text


@pytest.mark.parametrize("lines", [{"Lamp": {}}, {"": {}}, {"a b": {}}, {"lamp": {"pin": 3}}])
def test_config_is_strict(lines):
    with pytest.raises(ValidationError):
        Config(lines=lines)
