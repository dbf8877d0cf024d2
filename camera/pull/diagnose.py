"""Ask a camera that libav could not open what is wrong: libav says "invalid data" for almost everything.

Opens one TCP connection and sends RTSP's harmless OPTIONS request. Sends no user name and no password.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from urllib.parse import urlsplit

from camera.model import CameraFault
from camera.pull.libav import fault_of_connection

RTSP_PORT, RTSPS_PORT = 554, 322
_ENOUGH = b"RTSP/1."
_UNVERIFIED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_UNVERIFIED.check_hostname = False
_UNVERIFIED.verify_mode = ssl.CERT_NONE
"""Cameras make their own certificates; nothing secret is sent here."""


def diagnose(url: str, timeout_s: float) -> CameraFault | None:
    """Return what is wrong with the host behind an RTSP address; None when it does speak RTSP."""
    parts = urlsplit(url)
    encrypted = parts.scheme == "rtsps"
    host, port = parts.hostname or "", parts.port or (RTSPS_PORT if encrypted else RTSP_PORT)
    request = f"OPTIONS rtsp://{parts.netloc}/ RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode()
    try:
        with contextlib.ExitStack() as open_links:
            link = open_links.enter_context(socket.create_connection((host, port), timeout=timeout_s))
            if encrypted:
                link = open_links.enter_context(_UNVERIFIED.wrap_socket(link))
            link.sendall(request)
            answer = _first_bytes(link, time.monotonic() + timeout_s)
    except socket.gaierror:
        return CameraFault("camera.unreachable", f"the name {host} is not known in this network")
    except TimeoutError:
        return CameraFault("camera.timeout", f"the camera did not answer within {timeout_s:g} s")
    except OSError as error:
        return fault_of_connection(error) or CameraFault("camera.lost", "the camera closes the connection at once")
    if not answer:
        return CameraFault("camera.lost", "the camera closes the connection at once")
    if not answer.startswith(_ENOUGH):
        return CameraFault("camera.garbage", "what answers on this port does not speak RTSP")
    return None


def _first_bytes(link: socket.socket, deadline_s: float) -> bytes:
    answer = b""
    while len(answer) < len(_ENOUGH):
        link.settimeout(max(0.01, deadline_s - time.monotonic()))
        piece = link.recv(64)
        if not piece:
            break
        answer += piece
    return answer
