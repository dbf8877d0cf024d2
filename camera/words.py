"""What the messages between agent and group process say: configuration, statuses, pictures, events, live pieces."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar, get_args

from pydantic import TypeAdapter

from camera.model import CameraFault, CameraStatus, Deleted, FaultCode, GroupConfig, LivePiece, MotionEvent, Snapshot
from camera.wire import Message, WireError

_T = TypeVar("_T")

_STATUSES = TypeAdapter(dict[str, CameraStatus])
_HELD = TypeAdapter(dict[str, float])
_MOTION = TypeAdapter(MotionEvent)
_DELETED = TypeAdapter(Deleted)
_CODES = get_args(FaultCode)


def flush_limit_s(config: GroupConfig) -> float:
    """Return how long the end of the recordings may take when a child is told to stop: a slow card writes in turn.

    Beyond, the last group of pictures of some is lost, as in a power cut.
    """
    return min(1.0 + 0.2 * sum(camera.record for camera in config.cameras), 2.0)


def wrap_config(config: GroupConfig, held: Mapping[str, float] | None = None) -> Message:
    """Return the first message to a child. It holds the passwords: for the child's pipe only.

    `held`: for how many seconds a camera is not to be asked, as it refused the account lately.
    """
    fields = config.model_dump(mode="json")
    for camera, dumped in zip(config.cameras, fields["cameras"], strict=True):
        dumped["password"] = camera.password.get_secret_value() if camera.password is not None else None
    return Message({"do": "run", "config": fields, "held": dict(held or {})})


def unwrap_config(message: Message) -> GroupConfig:
    """Return the configuration of the first message. Raises `pydantic.ValidationError`."""
    return GroupConfig.model_validate(message.header.get("config"))


def held_in(message: Message) -> dict[str, float]:
    """Return for how long which cameras are let alone. Raises `pydantic.ValidationError`."""
    return _HELD.validate_python(message.header.get("held", {}))


def status_message(statuses: Mapping[str, CameraStatus]) -> Message:
    """Return the report of cameras' statuses."""
    return Message({"is": "status", "cameras": _STATUSES.dump_python(dict(statuses), mode="json")})


def statuses_in(message: Message) -> dict[str, CameraStatus]:
    """Return the statuses that a report holds. Raises `WireError`."""
    return _understood(_STATUSES, message.header.get("cameras"), "a status")


def motion_message(event: MotionEvent) -> Message:
    """Return the news of a motion event."""
    return Message({"is": "motion", "event": _MOTION.dump_python(event, mode="json")})


def motion_in(message: Message) -> MotionEvent:
    """Return the motion event of a message. Raises `WireError`."""
    return _understood(_MOTION, message.header.get("event"), "a motion event")


def deleted_message(deleted: Deleted) -> Message:
    """Return the news that video had to go."""
    return Message({"is": "deleted", "what": _DELETED.dump_python(deleted, mode="json")})


def deleted_in(message: Message) -> Deleted:
    """Return what was deleted. Raises `WireError`."""
    return _understood(_DELETED, message.header.get("what"), "a deletion")


def _understood(adapter: TypeAdapter[_T], fields: Any, what: str) -> _T:
    try:
        return adapter.validate_python(fields)
    except ValueError as error:
        raise WireError(f"{what} is not understood") from error


_PIECE = ("camera", "stream", "kind", "epoch", "number", "codec", "width", "height")


def live_message(piece: LivePiece) -> Message:
    """Return a piece of a live stream. Many a second: nothing is checked or converted twice."""
    header: dict[str, Any] = {name: getattr(piece, name) for name in _PIECE}
    return Message({"is": "live", "at": piece.at.isoformat(), **header}, piece.data)


def live_in(message: Message) -> LivePiece:
    """Return the piece of a live stream. Raises `WireError`."""
    header = message.header
    try:
        fields = {name: header[name] for name in _PIECE}
        return LivePiece(at=datetime.fromisoformat(header["at"]), data=message.body, **fields)
    except (KeyError, TypeError, ValueError) as error:
        raise WireError("a live piece is not understood") from error


def snapshot_message(request: object, answer: Snapshot | CameraFault) -> Message:
    """Return the answer to the snapshot command `request`."""
    header: dict[str, object] = {"is": "snapshot", "id": request}
    if isinstance(answer, CameraFault):
        return Message({**header, "code": answer.code, "detail": answer.detail, "retry": answer.retry})
    return Message({**header, "at": answer.at.isoformat(), "width": answer.width, "height": answer.height}, answer.jpeg)


def snapshot_in(message: Message) -> Snapshot | CameraFault:
    """Return the picture, or why there is none. Raises `WireError`."""
    header = message.header
    try:
        if (code := header.get("code")) is not None:
            if code not in _CODES:
                raise WireError("a fault is not understood")
            return CameraFault(code, str(header["detail"]), bool(header.get("retry", True)))
        at = datetime.fromisoformat(header["at"])
        return Snapshot(message.body, at, int(header["width"]), int(header["height"]))
    except (KeyError, TypeError, ValueError) as error:
        raise WireError("a snapshot is not understood") from error
