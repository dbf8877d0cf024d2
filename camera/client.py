"""Use one camera from asyncio: `async with Camera(config, on_status) as camera: await camera.snapshot()`.

A group of one: see `camera.group`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from camera.group import CameraGroup
from camera.model import CameraConfig, CameraStatus, Deleted, GroupConfig, LivePiece, MotionEvent, Snapshot
from camera.settings import Disk

OnStatus = Callable[[CameraStatus], None]


class _StatusOnly:
    """Listens for a person at the prompt, who asks for the status alone."""

    def __init__(self, on_status: OnStatus | None) -> None:
        self._on_status = on_status

    def status(self, _camera: str, status: CameraStatus) -> None:
        if self._on_status is not None:
            self._on_status(status)

    def motion(self, event: MotionEvent) -> None:
        """Not asked for."""

    def live(self, piece: LivePiece) -> None:
        """Not asked for."""

    def deleted(self, deleted: Deleted) -> None:
        """Not asked for."""


class Camera:
    """One camera in a process of its own, which is started again, with a growing delay, whenever it dies."""

    def __init__(
        self,
        config: CameraConfig,
        on_status: OnStatus | None = None,
        directory: Path | None = None,
        disk: Disk | None = None,
    ) -> None:
        """`on_status` is called in the event loop with every new status, at most about once a second for figures."""
        self.config = config
        group = GroupConfig(cameras=(config,), directory=directory, disk=disk or Disk())
        self._group = CameraGroup(group, _StatusOnly(on_status))

    @property
    def status(self) -> CameraStatus:
        """The newest status."""
        return self._group.status(self.config.id)

    @property
    def pid(self) -> int | None:
        """The process id of the running child."""
        return self._group.pid

    async def __aenter__(self) -> Self:
        """Start the camera; returns at once, the status tells how it goes."""
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the camera and its process, within 3 s."""
        await self._group.__aexit__(kind, error, trace)

    async def snapshot(self, timeout_s: float = 5) -> Snapshot:
        """Return the newest key frame as a JPEG. Raises `CameraFault`; see `CameraGroup.snapshot`."""
        return await self._group.snapshot(self.config.id, timeout_s)
