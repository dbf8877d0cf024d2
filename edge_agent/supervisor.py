"""The parts of the agent run side by side; one that fails is told and started again, and stops no other."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from edge_agent.backoff import Backoff
from edge_agent.clock import Clock
from edge_agent.contract.errors import Fault

log = logging.getLogger(__name__)
_END_LIMIT_S = 10


class Supervisor:
    """Runs named services for ever. A service is a coroutine function that returns only when cancelled."""

    def __init__(self, clock: Clock, on_fault: Callable[[str, Fault | None], None]) -> None:
        """`on_fault` hears the fault of a service, and None when it runs stably again."""
        self._clock = clock
        self._on_fault = on_fault
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, service: Callable[[], Awaitable[None]]) -> None:
        """Start a service now."""
        self._tasks.append(asyncio.create_task(self._keep(name, service), name=name))

    async def stop(self) -> None:
        """Cancel all services, the youngest first, and wait for each."""
        while self._tasks:
            task = self._tasks.pop()
            task.cancel()
            _, pending = await asyncio.wait([task], timeout=_END_LIMIT_S)
            if pending:
                log.error("service %s did not end within %d s", task.get_name(), _END_LIMIT_S)

    async def _keep(self, name: str, service: Callable[[], Awaitable[None]]) -> None:
        backoff = Backoff()
        failed = False
        while True:
            began = self._clock.monotonic()
            if failed:
                recovered = asyncio.create_task(self._tell_recovery(name), name=f"{name}-recovery")
            try:
                await service()
                detail = "it ended by itself"
                log.error("service %s ended by itself", name)
            except asyncio.CancelledError as error:
                if _we_are_cancelled():
                    raise
                detail = f"{type(error).__name__} from inside"
                log.exception("service %s was cancelled by something inside it", name)
            except Exception as error:  # the supervisor's edge: nothing above this would catch it
                detail = f"{type(error).__name__}: {error}"
                log.exception("service %s failed", name)
            finally:
                if failed:
                    recovered.cancel()
            failed = True
            self._tell(name, Fault.of("service.failed", name=name, detail=detail[:200]))
            await self._clock.sleep(backoff.after(self._clock.monotonic() - began))

    async def _tell_recovery(self, name: str) -> None:
        await self._clock.sleep(30)
        self._tell(name, None)

    def _tell(self, name: str, fault: Fault | None) -> None:
        try:
            self._on_fault(name, fault)
        except Exception:  # who listens must not end who keeps the services running
            log.exception("the fault of service %s could not be told", name)


def _we_are_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
