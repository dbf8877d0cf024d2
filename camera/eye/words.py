"""What the messages between a group's process and its eye say. Framed by `camera.wire`; imports no OpenCV.

The group's process sends `run` once, then `look` (a picture to look at for motion) and `snapshot`. Both carry the
compressed picture as body, as `EncodedFrame.data` holds it. The eye answers every `look` with `seen` and every
`snapshot` with `snapshot`, and tells `motion` when an event begins and when it has ended, before the `seen` of the
picture that showed it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter

from camera.model import CameraFault, FaultCode, MotionEvent, Picture, Snapshot
from camera.settings import Motion
from camera.wire import Message, WireError
from camera.words import snapshot_in, snapshot_message

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Coded:
    """A compressed picture and what its decoder must know. `extradata` is libav's; None when there is none."""

    codec: str
    extradata: bytes | None
    width: int
    height: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Look:
    """A picture to look at. `number` comes back in `Seen`; `at` is when it arrived."""

    camera: str
    number: int
    at: datetime
    key: bool
    coded: Coded


@dataclass(frozen=True, slots=True)
class Ask:
    """A snapshot that is wanted of a key frame. `id` comes back in the answer."""

    id: int | str
    camera: str
    at: datetime
    coded: Coded


@dataclass(frozen=True, slots=True)
class Seen:
    """What one picture showed.

    `moving` is None while that cannot be said: the camera's first pictures, a picture that does not decode. `picture`
    is the state over the last minutes, since `since`; None until it is known. `code` and `detail` name what is wrong:
    camera.no_picture for a picture that does not decode, camera.bad_detector as long as the detector's model fails
    (motion is found without it).
    """

    camera: str
    number: int
    moving: bool | None = None
    picture: Picture | None = None
    since: datetime | None = None
    code: FaultCode | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """An event that began (`end` is None) or ended, and the JPEG that shows it best."""

    event: MotionEvent
    jpeg: bytes


Work = Mapping[str, Motion | None]
_LOOK, _ASK, _CODED = TypeAdapter(Look), TypeAdapter(Ask), TypeAdapter(Coded)
_SEEN, _EVENT = TypeAdapter(Seen), TypeAdapter(MotionEvent)
_WORK: TypeAdapter[dict[str, Motion | None]] = TypeAdapter(dict[str, Motion | None])


def run_message(work: Work) -> Message:
    """Return the first message to an eye: the motion settings of each camera, None where only snapshots are wanted."""
    return Message({"do": "run", "config": _WORK.dump_python(dict(work), mode="json")})


def run_in(message: Message) -> dict[str, Motion | None]:
    """Return the settings of the first message. Raises `WireError`."""
    return _understood("settings", lambda: _WORK.validate_python(message.header.get("config")))


def cut_message(camera: str) -> Message:
    """Return the news that a camera's stream broke off: what moves is not seen any more. It is not answered."""
    return Message({"do": "cut", "camera": camera})


def look_message(look: Look) -> Message:
    """Return the order to look at a picture."""
    header = {"do": "look", "camera": look.camera, "number": look.number, "at": look.at.isoformat(), "key": look.key}
    return Message({**header, **_coded(look.coded)}, look.coded.data)


def look_in(message: Message) -> Look:
    """Return the picture to look at. Raises `WireError`."""
    header = message.header
    fields = {name: header.get(name) for name in ("camera", "number", "at", "key")}
    return _understood("picture", lambda: _LOOK.validate_python({**fields, "coded": _coded_in(message)}))


def ask_message(ask: Ask) -> Message:
    """Return the order to make a JPEG."""
    header = {"do": "snapshot", "id": ask.id, "camera": ask.camera, "at": ask.at.isoformat()}
    return Message({**header, **_coded(ask.coded)}, ask.coded.data)


def ask_in(message: Message) -> Ask:
    """Return the snapshot that is wanted. Raises `WireError`."""
    header = message.header
    fields = {name: header.get(name) for name in ("id", "camera", "at")}
    return _understood("request", lambda: _ASK.validate_python({**fields, "coded": _coded_in(message)}))


def seen_message(seen: Seen) -> Message:
    """Return the answer to a look."""
    return Message({"is": "seen", **_SEEN.dump_python(seen, mode="json")})


def seen_in(message: Message) -> Seen:
    """Return what was seen. Raises `WireError`."""
    fields = {name: value for name, value in message.header.items() if name != "is"}
    return _understood("look", lambda: _SEEN.validate_python(fields))


def moved_message(moved: Moved) -> Message:
    """Return the report of an event."""
    return Message({"is": "motion", "event": _EVENT.dump_python(moved.event, mode="json")}, moved.jpeg)


def moved_in(message: Message) -> Moved:
    """Return the event and its picture. Raises `WireError`."""
    event = _understood("event", lambda: _EVENT.validate_python(message.header.get("event")))
    return Moved(event, message.body)


def answer_message(ask: int | str, answer: Snapshot | CameraFault) -> Message:
    """Return the answer to a request for a snapshot."""
    return snapshot_message(ask, answer)


def answer_in(message: Message) -> Snapshot | CameraFault:
    """Return the JPEG, or why there is none; `message.header["id"]` says whose. Raises `WireError`."""
    return snapshot_in(message)


def _coded(coded: Coded) -> dict[str, Any]:
    extradata = None if coded.extradata is None else base64.b64encode(coded.extradata).decode()
    return {"codec": coded.codec, "extradata": extradata, "width": coded.width, "height": coded.height}


def _coded_in(message: Message) -> Coded:
    header = message.header
    extradata = header.get("extradata")
    return _CODED.validate_python(
        {
            "codec": header.get("codec"),
            "extradata": None if extradata is None else base64.b64decode(extradata, validate=True),
            "width": header.get("width"),
            "height": header.get("height"),
            "data": message.body,
        }
    )


def _understood(what: str, read: Callable[[], _T]) -> _T:
    try:
        return read()
    except (ValueError, TypeError) as error:
        raise WireError(f"a {what} is not understood") from error
