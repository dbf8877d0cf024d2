"""One camera inside a group's process: what it pulls, and where its pictures go."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial

from camera.board import StatusBoard
from camera.frames import EncodedFrame, FrameSink, LatestKeyFrame
from camera.live.tap import LiveTap
from camera.model import CameraConfig, CameraFault, CameraStatus, GroupConfig, Picture, Stream
from camera.outbox import Outbox
from camera.proof import Proof
from camera.pull.account import Account
from camera.pull.backoff import Backoff
from camera.pull.ondemand import OnDemand
from camera.pull.puller import Puller
from camera.pull.source import source_of
from camera.recordings.recorder import Recorder
from camera.watchman import Watchman
from camera.words import deleted_message

logger = logging.getLogger(__name__)

RunThread = Callable[[str, Callable[[], None]], None]
_MOTION = "motion"


class _SubStatus:
    """Shows on the board how the sub stream goes."""

    def __init__(self, board: StatusBoard) -> None:
        self._board = board

    def streaming(self) -> None:
        self._board.sub_stream(True)

    def failed(self, fault: CameraFault, _attempts: int) -> None:
        self._board.sub_stream(True, CameraFault(fault.code, f"small stream: {fault.detail}", fault.retry))

    def stable(self) -> None:
        """Nothing is shown of it."""


class Station:
    """Owns a camera's pullers, its recorder and its taps. Methods may be called from any thread and do not wait."""

    def __init__(
        self,
        config: CameraConfig,
        group: GroupConfig,
        outbox: Outbox,
        watchman: Watchman,
        news: threading.Event,
        run_thread: RunThread,
        account: Account,
    ) -> None:
        self.config, self._account = config, account
        self._run_thread = run_thread
        self._board = StatusBoard(news=news, tell_deleted=lambda deleted: outbox.say(deleted_message(deleted)))
        self._latest = LatestKeyFrame()
        self._stop = threading.Event()
        self._hurry = {"main": threading.Event(), "sub": threading.Event()}
        self._recorder = (
            Recorder(config, group.directory, group.disk, self._board) if config.record and group.directory else None
        )
        self._taps = {"main": LiveTap(config.id, "main", outbox.live), "sub": LiveTap(config.id, "sub", outbox.live)}
        main: list[FrameSink] = [self._latest, self._taps["main"]]
        sub: list[FrameSink] = [self._taps["sub"]]
        if self._recorder is not None:
            main.append(self._recorder)
        looked_at = _looked_at(config)
        if looked_at is not None:
            (sub if looked_at == "sub" else main).append(watchman.feed(config.id))
        if looked_at != "main":
            main.append(Proof(config.id, partial(watchman.snapshot, config.id), self._board.decoded))
        self._main = Puller(
            source_of(config, config.url, self._stop, self._hurry["main"]),
            main,
            self._board,
            self._board.main,
            self._stop,
            Backoff(account=account),
            self._board.clock,
        )
        self._sub = OnDemand(config.id, lambda stop: self._sub_puller(sub, stop), run_thread, self._board.sub_stream)
        self._looks_at_sub = looked_at == "sub"

    def start(self) -> None:
        """Begin to pull and record."""
        if self._account.turn_s() > 0:
            refused = CameraFault("camera.unauthorised", "the camera refused the account and is let alone", retry=False)
            self._board.failed(refused, 1)
        if self._recorder is not None:
            self._recorder.start()
        self._run_thread(f"{self.config.id}-main", self._main.run)
        if self._looks_at_sub:
            self._sub.need(_MOTION)

    def close(self, limit_s: float) -> None:
        """Finish the recording. The pullers may sit inside libav for seconds more: nothing of them needs saving."""
        self._stop.set()
        if self._recorder is not None:
            self._recorder.close(limit_s)

    def status(self) -> CameraStatus:
        """Return what the camera does now."""
        return self._board.read()

    def newest(self) -> EncodedFrame:
        """Return the newest key frame. Raises `CameraFault`: why there is none."""
        frame = self._latest.get()
        if frame is None:
            status = self._board.read()
            raise CameraFault(status.code or "camera.no_picture", status.detail or "the camera sent no picture yet")
        return frame

    def watch(self, stream: Stream) -> None:
        """Send a stream live."""
        if stream == "sub":
            self._sub.need("watch")
        self._hurry[stream].set()
        self._taps[stream].begin()

    def rest(self, stream: Stream) -> None:
        """Send it no more."""
        self._taps[stream].end()
        self._hurry[stream].clear()
        if stream == "sub":
            self._sub.release("watch")

    def looked(self, moving: bool | None, picture: Picture | None, since: datetime | None) -> None:
        """The eye has looked at a picture."""
        self._board.looked(moving, picture, since)

    def eye(self, fault: CameraFault | None) -> None:
        """The eye looks at this camera, or cannot."""
        self._board.eye(fault)

    def tick(self) -> None:
        """Call it about once a second."""
        self._sub.tick()

    def idle_s(self) -> float:
        """Return for how long a puller has shown no sign of life."""
        return time.monotonic() - min(self._main.progress_s, self._sub.progress_s)

    def _sub_puller(self, sinks: list[FrameSink], stop: threading.Event) -> Puller:
        source = source_of(self.config, self.config.sub_url or self.config.url, stop, self._hurry["sub"])
        return Puller(source, sinks, _SubStatus(self._board), self._board.sub, stop, Backoff(account=self._account))


def _looked_at(config: CameraConfig) -> Stream | None:
    """Return the stream in which motion is looked for: the cheapest unless another one is wanted."""
    if config.motion is None:
        return None
    if config.motion.stream == "main" or config.sub_url is None:
        return "main"
    return "sub"
