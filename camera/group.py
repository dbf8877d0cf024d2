"""Use cameras from asyncio: `async with CameraGroup(config, listener) as group: await group.snapshot("gate")`.

The work happens in one child process for all cameras of the group, which is started again whenever it dies; this side
imports neither PyAV nor OpenCV nor numpy.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

from camera.model import (
    CameraFault,
    CameraStatus,
    Deleted,
    GroupConfig,
    LivePiece,
    MotionEvent,
    Snapshot,
    State,
    Stream,
)
from camera.process import ChildProcess
from camera.pull.account import HOLD_S
from camera.pull.backoff import Backoff
from camera.wire import Message, WireError
from camera.words import deleted_in, live_in, motion_in, snapshot_in, statuses_in

logger = logging.getLogger(__name__)

_LONGEST_S, _STABLE_S = 5.0, 10.0
"""A process that is not running records none of its cameras: starting it again costs half a second of one core, so
it is tried often, however often it died."""


class GroupListener(Protocol):
    """Is told what happens. Called in the event loop; must not block. What it raises is logged and harmless."""

    def status(self, camera: str, status: CameraStatus) -> None:
        """The newest status of a camera: with every change, and about once a second for figures."""

    def motion(self, event: MotionEvent) -> None:
        """Something moved: when it begins (`end` is None), and when it has ended."""

    def live(self, piece: LivePiece) -> None:
        """A piece of a stream that is watched."""

    def deleted(self, deleted: Deleted) -> None:
        """Video had to go before its days were over."""


class CameraGroup:
    """Cameras that share a process, supervised."""

    def __init__(self, config: GroupConfig, listener: GroupListener) -> None:
        self.config = config
        self._listener = listener
        self._configs = {camera.id: camera for camera in config.cameras}
        self._status = {name: CameraStatus(state="stopped", since=datetime.now(UTC)) for name in self._configs}
        self._changed = {name: asyncio.Event() for name in self._configs}
        self._one_at_a_time = {name: asyncio.Lock() for name in self._configs}
        self._watched: set[tuple[str, Stream]] = set()
        self._moving: dict[str, MotionEvent] = {}
        self._refused_s: dict[str, float] = {}
        self._child: ChildProcess | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._asked: dict[int, asyncio.Future[Snapshot]] = {}
        self._next_id = 0

    @property
    def pid(self) -> int | None:
        """The process id of the running child."""
        return self._child.pid if self._child is not None else None

    def status(self, camera: str) -> CameraStatus:
        """The newest status of a camera. Raises `KeyError` for one that is not of this group."""
        return self._status[camera]

    async def __aenter__(self) -> Self:
        """Start the cameras; returns at once, the statuses tell how it goes."""
        if self._supervisor is not None:
            raise RuntimeError("this group runs already")
        self._all("starting")
        self._supervisor = asyncio.create_task(self._supervise(), name=f"cameras-{self.config.id}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the cameras and their process: 3 s at most."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.cancel()
            await asyncio.wait({supervisor})
        self._fail_asked(CameraFault("camera.no_picture", "the camera is not running"))
        self._watched.clear()
        self._end_motion()
        self._all("stopped")

    async def snapshot(self, camera: str, timeout_s: float = 5) -> Snapshot:
        """Return the newest key frame as a JPEG, masks black. A camera that is just starting is waited for.

        Raises `CameraFault`: why there is no picture, or camera.no_picture after `timeout_s`.
        """
        try:
            async with asyncio.timeout(timeout_s), self._one_at_a_time[camera]:
                while self._status[camera].state == "starting":
                    self._changed[camera].clear()
                    await self._changed[camera].wait()
                return await self._ask_snapshot(camera)
        except TimeoutError:
            raise CameraFault("camera.no_picture", f"no picture within {timeout_s:g} s") from None

    async def watch(self, camera: str, stream: Stream) -> Stream:
        """Begin to tell `LivePiece`s: an init, the newest key frame and what followed; return the stream really sent.

        A camera without a sub stream sends its main one. Called again, init and newest key frame come again, with the
        epoch as it is. Goes on until `rest`, also when the process is started anew.
        """
        sent: Stream = "main" if self._configs[camera].sub_url is None else stream
        self._watched.add((camera, sent))
        self._tell({"do": "watch", "camera": camera, "stream": sent})
        return sent

    async def rest(self, camera: str, stream: Stream) -> None:
        """End what `watch` began; `stream` is what it returned, or what it was asked for."""
        sent: Stream = "main" if self._configs[camera].sub_url is None else stream
        self._watched.discard((camera, sent))
        self._tell({"do": "rest", "camera": camera, "stream": sent})

    def _tell(self, header: dict[str, object]) -> None:
        if self._child is not None:
            self._child.send(Message(header))

    async def _ask_snapshot(self, camera: str) -> Snapshot:
        status = self._status[camera]
        if status.state != "streaming" or self._child is None:
            raise CameraFault(status.code or "camera.no_picture", status.detail or "the camera is not running")
        self._next_id += 1
        number = self._next_id
        answer: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            self._child.send(Message({"do": "snapshot", "id": number, "camera": camera}))
            return await answer
        finally:
            del self._asked[number]

    async def _supervise(self) -> None:
        """Run child after child until cancelled."""
        backoff = Backoff(longest_s=_LONGEST_S, stable_s=_STABLE_S)
        while True:
            started_s = time.monotonic()
            try:
                await self._run_child()
            except CameraFault as error:
                fault = error
            except Exception:  # a mistake of ours must not leave the cameras unwatched
                logger.exception("cameras %s: their supervisor failed", self.config.id)
                fault = CameraFault("camera.process_died", "the supervisor of the cameras' process failed")
            delay_s = backoff.failed(time.monotonic() - started_s)
            logger.warning("cameras %s: %s; next try in %.0f s", self.config.id, fault, delay_s)
            self._fail_asked(fault)
            self._end_motion()
            self._all("retrying", fault, backoff.failures)
            await asyncio.sleep(delay_s)

    async def _run_child(self) -> None:
        """Live with one child until it dies. Raises `CameraFault`."""
        try:
            child = await ChildProcess.start(self.config, self._held())
        except OSError as error:
            raise CameraFault("camera.process_died", f"no process can be started ({error.strerror})") from None
        self._child = child
        try:
            for camera, stream in self._watched:
                child.send(Message({"do": "watch", "camera": camera, "stream": stream}))
            async for message in child.messages():
                self._take(message)
        except WireError as error:
            raise CameraFault("camera.process_died", f"the cameras' process is confused: {error}") from None
        finally:
            self._child = None
            await child.stop()

    def _take(self, message: Message) -> None:
        match message.header.get("is"):
            case "live":
                self._take_live(live_in(message))
            case "status":
                for camera, status in statuses_in(message).items():
                    self._note_account(camera, status)
                    self._publish(camera, status)
            case "snapshot":
                self._take_snapshot(message)
            case "motion":
                self._take_motion(motion_in(message))
            case "deleted":
                deleted = deleted_in(message)
                self._call("deleted", deleted)

    def _note_account(self, camera: str, status: CameraStatus) -> None:
        """Remember when a camera refused the account: the next process must not ask at once again."""
        before = self._status.get(camera)
        if status.code == "camera.unauthorised":
            if before is None or (before.code, before.attempts) != (status.code, status.attempts):
                self._refused_s[camera] = time.monotonic()
        elif status.state == "streaming":
            self._refused_s.pop(camera, None)

    def _held(self) -> dict[str, float]:
        now_s = time.monotonic()
        held = {camera: at_s + HOLD_S - now_s for camera, at_s in self._refused_s.items()}
        return {camera: rest_s for camera, rest_s in held.items() if rest_s > 0}

    def _take_live(self, piece: LivePiece) -> None:
        if (piece.camera, piece.stream) in self._watched:  # else it was under way when the watching ended
            self._call("live", piece)

    def _take_snapshot(self, message: Message) -> None:
        answer, asked = snapshot_in(message), self._asked.get(message.header.get("id", 0))
        if asked is None or asked.done():
            return  # it was no longer waited for
        if isinstance(answer, CameraFault):
            asked.set_exception(answer)
        else:
            asked.set_result(answer)

    def _take_motion(self, event: MotionEvent) -> None:
        if event.end is None:
            self._moving[event.id] = event
        else:
            self._moving.pop(event.id, None)
        self._call("motion", event)

    def _end_motion(self) -> None:
        """Whoever was told of a beginning is told of an end, also when the process died in between."""
        for event in list(self._moving.values()):
            self._take_motion(replace(event, end=max(event.begin, datetime.now(UTC))))

    def _fail_asked(self, fault: CameraFault) -> None:
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(fault)

    def _all(self, state: State, fault: CameraFault | None = None, attempts: int = 0) -> None:
        """Publish for all cameras a state that only this side knows."""
        for camera, status in list(self._status.items()):
            self._publish(camera, _unseen(status, state, fault, attempts))

    def _publish(self, camera: str, status: CameraStatus) -> None:
        if camera not in self._status or status == self._status[camera]:
            return
        self._status[camera] = status
        self._changed[camera].set()
        self._call("status", camera, status)

    def _call(self, what: str, *news: object) -> None:
        try:
            getattr(self._listener, what)(*news)
        except Exception:  # a listener's mistake must not end the cameras
            logger.exception("cameras %s: the listener %r failed", self.config.id, self._listener)


def _unseen(status: CameraStatus, state: State, fault: CameraFault | None, attempts: int) -> CameraStatus:
    """Return the status of a camera whose process does not run: what was measured holds no longer."""
    return replace(
        status,
        state=state,
        since=status.since if state == status.state else datetime.now(UTC),
        code=fault.code if fault is not None else None,
        detail=fault.detail if fault is not None else None,
        main=replace(status.main, fps=None, kbit_s=None, gop_s=None),
        sub=None,
        recording=False,
        moving=None,
        clock_error_s=None,
        attempts=attempts,
    )
