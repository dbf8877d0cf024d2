"""Named points between two steps of an update, at which a test lets the power fail."""

import os
import signal
from pathlib import Path

DIE_AT = "EDGE_UPDATE_DIE_AT"
"""Name of the point at which this process kills itself, as a power cut would. For tests and rehearsals."""
TRAIL = "EDGE_UPDATE_TRAIL"
"""A file that takes the names of the points that were passed."""


def point(name: str) -> None:
    """Pass a point."""
    if (trail := os.environ.get(TRAIL)) is not None:
        with Path(trail).open("a", encoding="utf-8") as file:
            file.write(f"{name}\n")
    if os.environ.get(DIE_AT) == name:
        os.kill(os.getpid(), signal.SIGKILL)
