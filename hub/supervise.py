"""Keeps one background part running: a mistake in it is logged and it starts again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

PAUSE_S = 5.0
"""Seconds between a part's unexpected end and its next start."""


async def supervise(name: str, part: Callable[[], Awaitable[None]]) -> None:
    """Run `part` until it returns; start it again after an unexpected error. Cancellation passes through."""
    while True:
        try:
            await part()
        except Exception:
            logger.exception("%s failed, starts again in %.0f s", name, PAUSE_S)
        else:
            return
        await asyncio.sleep(PAUSE_S)
