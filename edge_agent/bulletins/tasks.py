"""One task a bulletin: it plans, or waits for its turn on air. What it does next begins when the last has ended."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)


class Tasks:
    """The tasks of all bulletins, by their ids, and small ones that nobody waits for."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._small: set[asyncio.Task[None]] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._tasks

    def begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Do this for a bulletin, after what is done for it now."""
        after = self._tasks.get(name)
        task = asyncio.get_running_loop().create_task(_guarded(name, work, after), name=f"bulletin-{name}")
        self._tasks[name] = task
        task.add_done_callback(lambda done: self._tasks.pop(name, None) if self._tasks.get(name) is done else None)

    def beside(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Do something small at the same time."""
        task = asyncio.get_running_loop().create_task(_guarded(name, work, None), name=f"bulletin-{name}-beside")
        self._small.add(task)
        task.add_done_callback(self._small.discard)

    def cancel(self, name: str) -> None:
        """End what is done for a bulletin."""
        if name in self._tasks:
            self._tasks[name].cancel()

    async def stop(self) -> None:
        """End everything."""
        tasks = [*self._tasks.values(), *self._small]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _guarded(name: str, work: Coroutine[Any, Any, None], after: asyncio.Task[None] | None) -> None:
    try:
        if after is not None:
            await asyncio.wait([after])
        await work
    except Exception:  # the minute's look begins it again; the other bulletins go on
        log.exception("bulletin %s failed", name)
    finally:
        work.close()
