import logging

import pytest
from drivers_stand_ins import JumpClock

from drivers.clock import SystemClock
from drivers.contract import DriverContext


@pytest.fixture
def jump(tmp_path):
    """A context whose clock jumps."""
    return DriverContext("desk", JumpClock(), logging.getLogger("drivers.test"), tmp_path)


@pytest.fixture
def real(tmp_path):
    """A context with the real clock."""
    return DriverContext("desk", SystemClock(), logging.getLogger("drivers.test"), tmp_path)
