"""What the messages between client and child say: configuration, status, snapshot."""

from __future__ import annotations

from datetime import datetime
from typing import get_args

from pydantic import TypeAdapter

from camera.model import CameraFault, CameraStatus, FaultCode, GroupConfig, Snapshot
from camera.wire import Message, WireError

_STATUS = TypeAdapter(CameraStatus)
_CODES = get_args(FaultCode)


def wrap_config(config: GroupConfig) -> Message:
    """Return the first message to a child. It holds the password: for the child's pipe only."""
    fields = config.model_dump(mode="json")
    for camera, dumped in zip(config.cameras, fields["cameras"], strict=True):
        dumped["password"] = camera.password.get_secret_value() if camera.password is not None else None
    return Message({"do": "run", "config": fields})


def unwrap_config(message: Message) -> GroupConfig:
    """Return the configuration of the first message. Raises `pydantic.ValidationError`."""
    return GroupConfig.model_validate(message.header.get("config"))


def status_message(status: CameraStatus) -> Message:
    """Return the report of a status."""
    return Message({"is": "status", "status": _STATUS.dump_python(status, mode="json")})


def status_in(message: Message) -> CameraStatus:
    """Return the status that a report holds. Raises `WireError`."""
    try:
        return _STATUS.validate_python(message.header.get("status"))
    except ValueError as error:
        raise WireError("a status is not understood") from error


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
            return CameraFault(code, str(header["detail"]), bool(header["retry"]))
        at = datetime.fromisoformat(header["at"])
        return Snapshot(message.body, at, int(header["width"]), int(header["height"]))
    except (KeyError, TypeError, ValueError) as error:
        raise WireError("a snapshot is not understood") from error
