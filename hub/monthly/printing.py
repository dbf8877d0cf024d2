"""Has a child make the PDF, one at a time, with a limit of time and memory."""

import asyncio
import contextlib
import json
import logging
import resource
import sys
from typing import Any

logger = logging.getLogger(__name__)

LIMIT_S = 120.0
WAITING = 4
"""PDFs that are made or wait at the same time."""
MOST_BYTES = 1_000_000_000


class Busy(Exception):
    """Too many wait already."""


class Printer:
    """One for the hub."""

    def __init__(self) -> None:
        self._one = asyncio.Semaphore(1)
        self._waiting = 0

    async def printed(self, job: dict[str, Any]) -> bytes | None:
        """The PDF; None where it could not be made (the log says why). Raises Busy."""
        if self._waiting >= WAITING:
            raise Busy
        self._waiting += 1
        try:
            async with self._one:
                return await _made(json.dumps(job).encode())
        finally:
            self._waiting -= 1


async def _made(order: bytes) -> bytes | None:
    try:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "hub.monthly.paper"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:  # no memory, no more processes
        logger.error("no PDF could be begun: %s", error)
        return None
    try:
        with contextlib.suppress(OSError, ValueError):
            resource.prlimit(child.pid, resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
        async with asyncio.timeout(LIMIT_S):
            made, complaint = await child.communicate(order)
    except TimeoutError:
        logger.error("a PDF took longer than %d s and was given up", LIMIT_S)
        return None
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    if child.returncode != 0:
        logger.error("no PDF was made: %s", complaint.decode(errors="replace")[-8000:])
        return None
    return made
