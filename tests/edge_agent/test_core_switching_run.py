"""A line that is silent for a while is no break of a run."""

from datetime import timedelta
from pathlib import Path

from core_switching import DAY, lit

from edge_agent.config.switching import Limits, Switch
from edge_agent.config.timetable import Programme

PUMP = Switch(
    id="bom", name="Bơm", line="board/9", use="pump", programme=Programme(on="12:10", off="16:00"),
    limits=Limits(maximum_run_s=1800, rest_s=900),
)  # fmt: skip


async def test_a_driver_that_was_away_does_not_lengthen_the_longest_run(tmp_path: Path) -> None:
    async with lit(tmp_path, DAY, entries=(PUMP,)) as rig:
        await rig.clock.advance(timedelta(minutes=10, seconds=31))
        board, rig.board = rig.board, None
        rig.service.driver_changed("board")
        await rig.clock.advance(timedelta(minutes=5))
        rig.board = board
        rig.service.driver_changed("board")
        await rig.clock.advance(timedelta(minutes=24, seconds=40))
        assert (rig.state("bom").actual, rig.state("bom").why) == (0, "interlock"), "30 minutes after it began"
