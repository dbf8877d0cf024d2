"""Cameras that burn all they can get, break, die and freeze: lights are switched and bulletins begin as ever.

How many milliseconds they cost is measured by `bench.camera_isolation`; here nothing may wait for a camera at all.
"""

from pathlib import Path

import pytest

from bench.camera_isolation import live_in, worlds
from bench.rtsp.rig import TestCamera

SECONDS = 6
PATIENCE_MS = 1000
"""Far beyond what a busy machine costs, far below what waiting for a camera would (2 s and more)."""


@pytest.mark.parametrize(
    "world",
    [
        "burning",
        "dying",
        pytest.param("garbage", marks=pytest.mark.long),
        pytest.param("frozen", marks=pytest.mark.long),
    ],
)
def test_no_camera_delays_a_light_or_a_bulletin(world: str, tmp_path: Path) -> None:
    with TestCamera("main", "main-garbage") as camera:
        found = live_in(world, *worlds(camera)[world], SECONDS, tmp_path / world)
    assert len(found.taps) > 20
    assert max(found.taps) < PATIENCE_MS
    assert found.bulletins and max(found.bulletins) < PATIENCE_MS
    if world == "burning":
        assert found.cores > 0.05, "nothing burned: the test proves nothing"
    if world == "dying":
        assert found.deaths > 2, "nothing died: the test proves nothing"
