"""Opens a camera's streams as the node would, and says what an installer has to know of them."""

import asyncio
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from pydantic import SecretStr, ValidationError

from camera.client import Camera
from camera.model import CameraConfig, CameraFault, CameraStatus, Snapshot
from camera.onvif.device import Device
from camera.onvif.model import DeviceInfo
from edge_agent.cameras import camera_config
from edge_agent.config.cameras import CameraEntry

LONG_GOP_S = 4.5
"""Key frames further apart cost so much of a recording in a power cut, and so much waiting before a live picture."""
CLOCK_WRONG_S = 30.0
STREAMS = ("rtsp://", "rtsps://", "clip://")
"""How the address of a stream begins; anything else is an ONVIF device."""
_LOOK_S = 4.0
"""Frames a second and bits a second are measured over some seconds."""
Shows = Literal["all", "some", "none"]


@dataclass(frozen=True, slots=True)
class Account:
    """Who we are to a camera."""

    username: str | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True)
class Addresses:
    """A camera's streams, and the device that told of them."""

    url: str
    sub_url: str | None = None
    device: DeviceInfo | None = None
    config: CameraConfig | None = None
    """As the node's configuration has it, where it was taken from there."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A stream that was opened, or why it could not be."""

    stream: Literal["main", "sub"]
    url: str
    ok: bool
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    kbit_s: float | None = None
    gop_s: float | None = None
    first_picture_s: float | None = None
    clock_error_s: float | None = None
    browsers: Shows | None = None
    code: str | None = None
    detail: str | None = None

    def as_json(self) -> dict[str, object]:
        """For programs; what is not known is left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}


async def addresses(target: str, account: Account, sub: str | None) -> Addresses:
    """The streams of an RTSP address as they are, of an ONVIF device as it tells them. Raises CameraFault."""
    if target.startswith(STREAMS):
        return Addresses(target, sub)
    async with Device(target, account.username, account.password) as device:
        info = await device.look()
    if info.main is None:
        raise CameraFault("camera.unsupported", "the camera offers no stream of H.264 or H.265", retry=False)
    return Addresses(info.main.url, sub or (info.sub.url if info.sub else None), info)


def configured(entry: CameraEntry) -> Addresses:
    """Those of a camera of the node's configuration. Raises CameraFault where its secret cannot be read."""
    config = camera_config(entry)
    return Addresses(config.url, config.sub_url, config=config)


def stream_config(found: Addresses, url: str, account: Account) -> CameraConfig:
    """One stream, to be opened alone, without recording and motion. Raises CameraFault."""
    if found.config is not None:
        plain = {"sub_url": None, "record": False, "motion": None, "url": url}
        return found.config.model_copy(update=plain)
    password = SecretStr(account.password) if account.password is not None and account.username else None
    try:
        return CameraConfig(id="camera", url=url, username=account.username, password=password)
    except ValidationError as error:
        raise CameraFault("camera.bad_setting", error.errors(include_input=False)[0]["msg"], retry=False) from error


async def open_stream(stream: Literal["main", "sub"], config: CameraConfig, seconds: float) -> Opened:
    """Watch a stream for `seconds` at most: until everything is known of it, or it will not come."""
    begun = time.monotonic()
    first: float | None = None
    changed = asyncio.Event()
    async with Camera(config, lambda _: changed.set()) as camera:
        while (left := begun + seconds - time.monotonic()) > 0:
            status = camera.status
            if status.state == "streaming" and first is None and status.main.last_frame_at:
                first = (status.main.last_frame_at - datetime.now(UTC)).total_seconds() + time.monotonic() - begun
            if (_is_known(status) and time.monotonic() - begun > _LOOK_S) or _is_hopeless(status):
                break
            changed.clear()
            try:
                async with asyncio.timeout(min(left, 0.5)):
                    await changed.wait()
            except TimeoutError:
                continue
        opened = _opened(stream, config.url, camera.status, first)
        return await _decoded(opened, camera, max(begun + seconds - time.monotonic(), _LOOK_S)) if opened.ok else opened


async def _decoded(opened: Opened, camera: Camera, seconds: float) -> Opened:
    """Add whether its picture can be decoded: figures and parameter sets say nothing of that."""
    deadline_s = time.monotonic() + seconds
    try:
        await camera.snapshot(timeout_s=seconds)
    except CameraFault as fault:
        if fault.code == "camera.no_picture" and time.monotonic() < deadline_s:  # not merely slow
            return replace(opened, ok=False, code="camera.garbage", detail=fault.detail, browsers=None)
    return opened


async def picture(config: CameraConfig, seconds: float) -> Snapshot:
    """The newest picture. Raises CameraFault."""
    async with Camera(config) as camera:
        return await camera.snapshot(timeout_s=seconds)


def shown_by(codec: str | None) -> Shows | None:
    """Which browsers can show it: H.264 all, H.265 those of machines that decode it, others none."""
    if codec is None:
        return None
    known: dict[str, Shows] = {"h264": "all", "hevc": "some"}
    return known.get(codec, "none")


def _is_known(status: CameraStatus) -> bool:
    return status.state == "streaming" and None not in (status.main.gop_s, status.main.fps, status.main.kbit_s)


def _is_hopeless(status: CameraStatus) -> bool:
    """A wrong password or path does not cure itself, and quick repeats lock the camera's account."""
    return status.state == "retrying" and status.code in ("camera.unauthorised", "camera.not_found", "camera.refused")


def _opened(stream: Literal["main", "sub"], url: str, status: CameraStatus, first: float | None) -> Opened:
    main = status.main
    if status.state != "streaming":
        code = status.code or "camera.timeout"
        return Opened(stream, url, ok=False, code=code, detail=status.detail or "no picture came")
    return Opened(
        stream=stream,
        url=url,
        ok=True,
        codec=main.codec,
        width=main.width,
        height=main.height,
        fps=round(main.fps, 1) if main.fps else None,
        kbit_s=round(main.kbit_s) if main.kbit_s else None,
        gop_s=round(main.gop_s, 2) if main.gop_s else None,
        first_picture_s=round(max(0.0, first), 2) if first is not None else None,
        clock_error_s=round(status.clock_error_s, 1) if status.clock_error_s is not None else None,
        browsers=shown_by(main.codec),
    )
