"""One version number that rises with each observed change, and a way to wait for the next."""

import asyncio


class Notice:
    """Wakes any number of waiters; holds nothing per waiter, so a slow one costs nothing."""

    def __init__(self) -> None:
        self.version = 0
        self._event = asyncio.Event()

    def bump(self) -> None:
        """Something changed."""
        self.version += 1
        woken, self._event = self._event, asyncio.Event()
        woken.set()

    async def wait(self, seen: int, limit: float) -> bool:
        """Wait until the version is above `seen`, at most `limit` seconds; False when it is not."""
        if self.version > seen:
            return True
        try:
            async with asyncio.timeout(limit):
                await self._event.wait()
        except TimeoutError:
            return False
        return True
