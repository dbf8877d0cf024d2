"""What a line is after it was told something: read, not guessed."""

import logging
from pathlib import Path

import pytest
from core_year import BEGIN, Dimmers

from drivers.contract import DriverContext
from drivers.relay.simulated import SimulatedRelayConfig
from edge_agent.clock import SimulatedClock
from edge_agent.switching.lines import Line


@pytest.mark.parametrize(("was", "goal"), [(40, 100), (100, 40), (70, 0)])
async def test_a_dimmer_that_does_not_follow_is_as_it_was(tmp_path: Path, was: float, goal: float) -> None:
    context = DriverContext("dim", SimulatedClock(BEGIN), logging.getLogger("test"), tmp_path)
    board = Dimmers(SimulatedRelayConfig.model_validate({"lines": {"1": {}}}), context)
    board.tell = lambda *_args, **_more: None
    async with board:
        line = Line("dim/1", lambda _name: board, dimmable=True)
        await line.set(was)
        board.stick("1")
        outcome = await line.set(goal)
    assert (outcome.level, outcome.stuck, outcome.fault) == (was, True, None)
