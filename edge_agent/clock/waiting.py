"""Waiting by the injected clock."""

import asyncio

from edge_agent.clock.base import Clock


async def either(clock: Clock, event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, so many seconds at most; whether it has come."""
    if event.is_set() or seconds <= 0:
        return event.is_set()
    waits = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(clock.sleep(seconds))]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
    return event.is_set()
