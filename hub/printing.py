"""Has a child make a PDF, with a limit of time and of memory: whatever a paper costs, the hub goes on."""

import asyncio
import contextlib
import logging
import resource
import sys

logger = logging.getLogger(__name__)

LIMIT_S = 120.0
"""A PDF that takes longer is given up."""
WAITING = 4
"""PDFs that are made or wait at the same time; one is made at a time."""
MOST_BYTES = 1_000_000_000
"""Of memory."""
NOT_BEGUN = -1
TOO_LONG = -9


class Busy(Exception):
    """Too many wait already."""


class Printer:
    """One for each kind of paper."""

    def __init__(self, module: str) -> None:
        """`module`: the program that makes it, of standard input onto standard output."""
        self._module = module
        self._one = asyncio.Semaphore(1)
        self._waiting = 0

    async def printed(self, order: bytes) -> tuple[bytes, int]:
        """The PDF and how it went: 0, `NOT_BEGUN`, `TOO_LONG`, else the program's exit code. Raises Busy."""
        if self._waiting >= WAITING:
            raise Busy
        self._waiting += 1
        try:
            async with self._one:
                return await _made(self._module, order)
        finally:
            self._waiting -= 1


async def _made(module: str, order: bytes) -> tuple[bytes, int]:
    try:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", module),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:  # no memory, no more processes
        logger.error("no PDF could be begun: %s", error)
        return b"", NOT_BEGUN
    try:
        with contextlib.suppress(OSError, ValueError):
            resource.prlimit(child.pid, resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
        async with asyncio.timeout(LIMIT_S):
            made, complaint = await child.communicate(order)
    except TimeoutError:
        logger.error("a PDF took longer than %d s and was given up", LIMIT_S)
        return b"", TOO_LONG
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    if child.returncode not in (0, 3):
        logger.error("no PDF was made: %s", complaint.decode(errors="replace")[-8000:])
    return made, child.returncode or 0
