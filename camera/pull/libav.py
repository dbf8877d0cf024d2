"""Translate libav's errors into our codes, with a sentence that names no secret."""

from __future__ import annotations

import errno
from typing import Literal

import av

from camera.model import CameraFault, FaultCode

Stage = Literal["open", "read"]

_NO_ROUTE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}


def fault_of(error: Exception, stage: Stage, silent_s: float, timeout_s: float) -> CameraFault:
    """Return what `error` means for a network camera.

    `silent_s` is the time since anything was received: libav reports some time-outs as the end of the stream.
    """
    if stage == "read":
        if silent_s >= 0.9 * timeout_s or isinstance(error, (TimeoutError, av.ExitError)):
            return CameraFault("camera.frozen", f"the camera sent no picture for {timeout_s:g} s")
        return CameraFault("camera.lost", f"the camera broke off the stream ({_reason(error)})")
    if isinstance(error, (av.HTTPUnauthorizedError, av.HTTPForbiddenError)):
        return CameraFault("camera.unauthorised", "the camera refuses the user name or the password", retry=False)
    if isinstance(error, av.HTTPNotFoundError):
        return CameraFault("camera.not_found", "the camera has no stream under this path")
    if isinstance(error, (TimeoutError, av.ExitError)):
        return CameraFault("camera.timeout", f"the camera did not answer within {timeout_s:g} s")
    return fault_of_connection(error) or CameraFault("camera.garbage", f"this is no RTSP stream ({_reason(error)})")


def fault_of_connection(error: Exception) -> CameraFault | None:
    """Return the fault when `error` says that there is no connection at all."""
    if isinstance(error, ConnectionRefusedError):
        return _fault("camera.refused", "nothing listens on the camera's port")
    if isinstance(error, OSError) and error.errno in _NO_ROUTE:
        return _fault("camera.unreachable", "no way to the camera: cable, power, address or network")
    return None


def _fault(code: FaultCode, detail: str) -> CameraFault:
    return CameraFault(code, detail)


def _reason(error: Exception) -> str:
    """Return libav's words without the address, which may hold the password."""
    return str(getattr(error, "strerror", None) or type(error).__name__)
