"""Reads a document in a child process with limits: whatever the file is, the hub goes on."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from hub.documents.model import DocumentError, Extract

logger = logging.getLogger(__name__)

MOST_BYTES = 20 * 1024 * 1024
READ_S = 40.0
WAITING = 4
"""Files that are read or wait at the same time; one is read at a time."""
_MOST_ANSWER = 8 * 1024 * 1024


class Documents:
    """Reads one document at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0

    async def read(self, path: Path) -> Extract:
        """What the document says. Raises DocumentError."""
        if self._waiting >= WAITING:
            raise DocumentError("document.busy")
        self._waiting += 1
        try:
            async with self._turn:
                answer = await _ask(path)
        finally:
            self._waiting -= 1
        if "error" in answer:
            raise DocumentError(str(answer["error"]), **answer.get("params", {}))
        try:
            return Extract.from_json(answer)
        except (KeyError, TypeError, ValueError) as error:
            raise DocumentError("document.damaged") from error


async def _ask(path: Path) -> dict[str, Any]:
    try:
        size = (await asyncio.to_thread(path.stat)).st_size
        if not size:
            raise DocumentError("document.empty")
        if size > MOST_BYTES:
            raise DocumentError("document.too_large", limit=MOST_BYTES // 1024 // 1024)
        with path.open("rb") as file:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "hub.documents.child"),
                stdin=file,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=_MOST_ANSWER,
                env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
    except OSError as error:
        logger.error("no document can be read: %s", error)
        raise DocumentError("document.busy") from error
    try:
        async with asyncio.timeout(READ_S):
            said, complaint = await child.communicate()
    except TimeoutError as error:
        raise DocumentError("document.slow") from error
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    return _answer(said, complaint, child.returncode or 0)


def _answer(said: bytes, complaint: bytes, code: int) -> dict[str, Any]:
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        raise DocumentError("document.slow")
    try:
        answer = json.loads(said) if code == 0 else None
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        logger.error("a document could not be read: %s", complaint.decode(errors="replace")[-8000:])
        raise DocumentError("document.damaged")
    return answer
