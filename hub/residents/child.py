"""Runs a child of the residents' part with limits of time and of what it may say."""

import asyncio
import contextlib
import os
import sys
from typing import IO

MOST = 24 * 1024 * 1024


class ChildFailed(Exception):
    """It ended with another code than 0, or did not end; `code` -1: it was too slow, or could not be started."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Children:
    """One child at a time; a few may wait."""

    def __init__(self, waiting: int, seconds: float) -> None:
        self._turn = asyncio.Semaphore(1)
        self._left = waiting
        self._seconds = seconds

    async def run(self, module: str, given: bytes | IO[bytes]) -> bytes:
        """What the module writes when it gets this as its standard input. Raises ChildFailed."""
        if not self._left:
            raise ChildFailed(-1)
        self._left -= 1
        try:
            async with self._turn:
                return await self._run(module, given)
        finally:
            self._left += 1

    async def _run(self, module: str, given: bytes | IO[bytes]) -> bytes:
        pipe = asyncio.subprocess.PIPE
        try:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", module),
                stdin=pipe if isinstance(given, bytes) else given,
                stdout=pipe,
                stderr=asyncio.subprocess.DEVNULL,
                env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        except OSError as error:
            raise ChildFailed(-1) from error
        try:
            async with asyncio.timeout(self._seconds):
                said, _ = await child.communicate(given if isinstance(given, bytes) else None)
        except TimeoutError as error:
            raise ChildFailed(-1) from error
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        if child.returncode or len(said) > MOST:
            raise ChildFailed(child.returncode or -1)
        return said
