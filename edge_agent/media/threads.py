"""Threads for blocking work on sounds, so that a slow card keeps nobody else waiting."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


class Threads:
    """A few named threads; work beyond that waits for its turn."""

    def __init__(self, count: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._stopped = False

    @property
    def stopped(self) -> bool:
        """Whether no work is taken any more."""
        return self._stopped

    def start(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Begin blocking work. Raises RuntimeError after `stop`."""
        return asyncio.get_running_loop().run_in_executor(self._pool, lambda: work(*args, **kwargs))

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do blocking work. Cancelling does not end it, but nobody waits for it then."""
        return await self.start(work, *args, **kwargs)

    def stop(self) -> None:
        """Take no more work; what runs goes on to its end."""
        self._stopped = True
        self._pool.shutdown(wait=False, cancel_futures=True)
