"""Ask the one-shot process that cuts and decodes: nothing of PyAV comes into the process that asks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from typing import Any, get_args

from camera.model import CameraFault, FaultCode

logger = logging.getLogger(__name__)

_ANSWER_LIMIT = 16 * 1024 * 1024
_CODES = get_args(FaultCode)


async def ask(request: dict[str, Any], limit_s: float) -> tuple[dict[str, Any], bytes]:
    """Return the answer: a line of JSON, and what follows it. Raises `CameraFault`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "camera.recordings.cutting",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_ANSWER_LIMIT,
    )
    try:
        async with asyncio.timeout(limit_s):
            out, _err = await process.communicate(json.dumps(request).encode())
    except TimeoutError:
        raise CameraFault("camera.disk_error", f"the recording was not read within {limit_s:g} s") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return _answer(out, process.returncode or 0)


def _answer(out: bytes, code: int) -> tuple[dict[str, Any], bytes]:
    line, _newline, body = out.partition(b"\n")
    try:
        answer = json.loads(line)
    except ValueError:
        logger.error("the process that reads recordings ended with code %d and without an answer", code)
        raise CameraFault("camera.process_died", "the process that reads recordings ended") from None
    if "code" in answer:
        known: FaultCode = next((code for code in _CODES if code == answer["code"]), "camera.process_died")
        raise CameraFault(known, str(answer["detail"]), bool(answer["retry"]))
    return dict(answer), body
