"""A month of a commune: power cuts, a clock that is lost or steps, emergencies; proved from the events alone."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from core_month import Month, quicker

from bench.checker.judge import check


async def proved(folder: Path, monkeypatch: Any, seed: int, days: int = 31) -> Counter[tuple[str, str | None]]:
    """Live through it, and let the checker judge; what became of all instances."""
    with quicker(monkeypatch):
        month = Month(folder, seed, days)
        events = await month.run()
    assert check(events, month.calendar) == []
    assert month.cuts and month.emergencies
    return Counter((each["data"]["state"], each["data"].get("code")) for each in events if each["type"] == "aired")


@pytest.mark.parametrize("seed", [1, 22])
async def test_a_month_airs_exactly_what_it_should(tmp_path: Path, monkeypatch: Any, seed: int) -> None:
    became = await proved(tmp_path, monkeypatch, seed)
    assert became["aired", None] > 150
    assert became["missed", "bulletin.missed_late"] and became["missed", "hours.window_end"]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 112))
async def test_many_months(tmp_path: Path, monkeypatch: Any, seed: int) -> None:
    assert (await proved(tmp_path, monkeypatch, seed))["aired", None] > 150


@pytest.mark.long
async def test_a_year(tmp_path: Path, monkeypatch: Any) -> None:
    assert (await proved(tmp_path, monkeypatch, 7, 365))["aired", None] > 2000
