"""Use a camera from asyncio: `async with Camera(config, on_status) as camera: await camera.snapshot()`.

The camera's work happens in a child process; this side imports neither PyAV nor OpenCV nor numpy.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from camera.model import CameraConfig, CameraFault, CameraStatus, GroupConfig, Snapshot, State
from camera.process import ChildProcess
from camera.pull.backoff import Backoff
from camera.settings import Disk
from camera.wire import Message, WireError
from camera.words import snapshot_in, status_in

logger = logging.getLogger(__name__)

OnStatus = Callable[[CameraStatus], None]


class Camera:
    """One camera, supervised: its process is started again, with a growing delay, whenever it dies."""

    def __init__(
        self,
        config: CameraConfig,
        on_status: OnStatus | None = None,
        directory: Path | None = None,
        disk: Disk | None = None,
    ) -> None:
        """`on_status` is called in the event loop with every new status, at most about once a second for figures."""
        self.config = config
        self._group = GroupConfig(cameras=(config,), directory=directory, disk=disk or Disk())
        self._on_status = on_status
        self._status = CameraStatus(state="stopped", since=datetime.now(UTC))
        self._changed = asyncio.Event()
        self._child: ChildProcess | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._asked: dict[int, asyncio.Future[Snapshot]] = {}
        self._next_id = 0
        self._one_at_a_time = asyncio.Lock()

    @property
    def status(self) -> CameraStatus:
        """The newest status."""
        return self._status

    @property
    def pid(self) -> int | None:
        """The process id of the running child."""
        return self._child.pid if self._child is not None else None

    async def __aenter__(self) -> Self:
        """Start the camera; returns at once, the status tells how it goes."""
        if self._supervisor is not None:
            raise RuntimeError("this camera runs already")
        self._set_state("starting")
        self._supervisor = asyncio.create_task(self._supervise(), name=f"camera-{self.config.id}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the camera and its process, within 3 s."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.cancel()
            await asyncio.wait({supervisor})
        self._set_state("stopped")

    async def snapshot(self, timeout_s: float = 5) -> Snapshot:
        """Return the newest key frame as a JPEG. A camera that is just starting is waited for.

        Raises `CameraFault`: why there is no picture, or camera.timeout after `timeout_s`.
        """
        try:
            async with asyncio.timeout(timeout_s), self._one_at_a_time:
                while self._status.state == "starting":
                    self._changed.clear()
                    await self._changed.wait()
                return await self._ask_snapshot()
        except TimeoutError:
            raise CameraFault("camera.timeout", f"no picture within {timeout_s:g} s") from None

    async def _ask_snapshot(self) -> Snapshot:
        if self._status.state != "streaming" or self._child is None:
            status = self._status
            raise CameraFault(status.code or "camera.no_picture", status.detail or "the camera is not running")
        self._next_id += 1
        number = self._next_id
        answer: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            await self._child.send(Message({"do": "snapshot", "id": number}))
            return await answer
        finally:
            del self._asked[number]

    async def _supervise(self) -> None:
        """Run child after child until cancelled."""
        backoff = Backoff()
        while True:
            started_s = time.monotonic()
            try:
                await self._run_child()
            except CameraFault as error:
                fault = error
            except Exception:  # a mistake of ours must not leave the camera unwatched
                logger.exception("camera %s: its supervisor failed", self.config.id)
                fault = CameraFault("camera.process_died", "the supervisor of the camera's process failed")
            delay_s = backoff.failed(time.monotonic() - started_s)
            logger.warning("camera %s: %s; next try in %.0f s", self.config.id, fault, delay_s)
            self._died(fault, backoff.failures)
            await asyncio.sleep(delay_s)

    async def _run_child(self) -> None:
        """Live with one child until it dies. Raises `CameraFault`."""
        try:
            child = await ChildProcess.start(self._group)
        except OSError as error:
            raise CameraFault("camera.process_died", f"no process can be started ({error.strerror})") from None
        self._child = child
        try:
            async for message in child.messages():
                self._take(message)
        except WireError as error:
            raise CameraFault("camera.process_died", f"the camera's process is confused: {error}") from None
        finally:
            self._child = None
            await child.stop()

    def _take(self, message: Message) -> None:
        if message.header.get("is") == "status":
            self._publish(status_in(message))
        elif message.header.get("is") == "snapshot":
            answer, asked = snapshot_in(message), self._asked.get(message.header.get("id", 0))
            if asked is None or asked.done():
                return  # it was no longer waited for
            if isinstance(answer, CameraFault):
                asked.set_exception(answer)
            else:
                asked.set_result(answer)

    def _died(self, fault: CameraFault, attempts: int) -> None:
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(fault)
        self._set_state("retrying", fault, attempts)

    def _set_state(self, state: State, fault: CameraFault | None = None, attempts: int = 0) -> None:
        """Publish a state that only this side knows."""
        since = self._status.since if state == self._status.state else datetime.now(UTC)
        code, detail = (fault.code, fault.detail) if fault is not None else (None, None)
        self._publish(
            replace(
                self._status,
                main=replace(self._status.main, fps=None),
                state=state,
                since=since,
                code=code,
                detail=detail,
                recording=False,
                attempts=attempts,
            )
        )

    def _publish(self, status: CameraStatus) -> None:
        if status == self._status:
            return
        self._status = status
        self._changed.set()
        if self._on_status is not None:
            try:
                self._on_status(status)
            except Exception:  # a listener's mistake must not end the camera
                logger.exception("camera %s: the status listener %r failed", self.config.id, self._on_status)
