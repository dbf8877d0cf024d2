"""A month of a commune: power cuts, a clock that is lost or steps, emergencies; proved from the events alone."""

from pathlib import Path
from typing import Any

import pytest
from core_month import Month, quicker

from bench.checker.judge import check


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_month_airs_exactly_what_it_should(tmp_path: Path, monkeypatch: Any, seed: int) -> None:
    with quicker(monkeypatch):
        month = Month(tmp_path, seed, 31)
        events = await month.run()
    assert check(events, month.calendar) == []
