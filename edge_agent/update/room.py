"""Room on the disk, asked for before anything is written."""

import errno
import shutil
from pathlib import Path

from edge_agent.contract.errors import Refusal

RESERVE = 64_000_000
"""Bytes that an update leaves to the agent: it must go on recording what happens."""


def must_have_room(folder: Path, needed: int, reserve: int = RESERVE) -> None:
    """Raises Refusal `update.no_room` when so many bytes would leave less than the reserve."""
    free = shutil.disk_usage(folder).free
    if free < needed + reserve:
        raise Refusal(
            "update.no_room", path=str(folder), needed_mb=(needed + reserve) // 1_000_000, free_mb=free // 1_000_000
        )


def disk_refusal(error: OSError) -> Refusal:
    """What a disk's error is called."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Refusal("update.no_room", path=str(error.filename or "-"), needed_mb=0, free_mb=0)
    return Refusal("update.disk", detail=f"{error.filename or '-'}: {error.strerror or error}")
