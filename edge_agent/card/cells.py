"""Reads single cells. Each raises `Wrong` with the sentence that says how to mend it."""

import base64
import binascii
import math
import re
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from edge_agent.card.columns import plain
from edge_agent.contract.base import NAME_PATTERN
from edge_agent.contract.enrolment import PIN_PATTERN, TOKEN_PATTERN
from edge_agent.contract.topics import RESERVED

_YES = {"yes", "y", "co", "true", "1", "x", "bat", "on"}
_NO = {"no", "n", "khong", "false", "0", "tat", "off"}
_KEYS = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
         "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com")  # fmt: skip
_CAMERA = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?")


class Wrong(Exception):
    """A cell cannot be used. `code` is a sentence of the catalogue."""

    def __init__(self, code: str, **params: str | int | float) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


def name(text: str) -> str:
    """A node's name or a commune's code."""
    if not re.fullmatch(NAME_PATTERN, text) or text in RESERVED | {"hub", "ioc"}:  # accounts of the broker
        raise Wrong("card.name", value=text[:60])
    return text


def title(text: str) -> str:
    """As people call it: one line, at most 80 characters, so that `Dãy đèn 1, {title}` fits too."""
    if len(text) > 80 or not text.isprintable():
        raise Wrong("card.title", limit=80)
    return text


def address(text: str) -> str:
    """Where it stands, for the label: one line, at most 200 characters."""
    if len(text) > 200 or not text.isprintable():
        raise Wrong("card.title", limit=200)
    return text


def degrees(text: str, most: int) -> float:
    """Latitude or longitude; a comma counts as a point, as Vietnamese spreadsheets write it."""
    bare = text.replace("°", "").strip()
    try:
        value = float(bare.replace(",", ".") if bare.count(",") == 1 and "." not in bare else bare)
    except ValueError as error:
        raise Wrong("card.degrees", value=text[:60]) from error
    if not math.isfinite(value) or abs(value) > most:
        raise Wrong("card.degrees", value=text[:60])
    return value


def hostname(text: str) -> str:
    """A name of a machine (RFC 1123), in small letters."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", text):
        raise Wrong("card.hostname", value=text[:60])
    return text


def timezone(text: str) -> str:
    """A name of the time zone database."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Wrong("card.timezone", value=text[:60]) from error
    return text


def user(text: str) -> str:
    """A name of a Linux account that is not one of the system's."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,30}", text) or text in ("root", "daemon", "edge-agent", "edge-hub"):
        raise Wrong("card.user", value=text[:60])
    return text


def truth(text: str) -> bool:
    """Yes or no, in Vietnamese or English."""
    word = plain(text)
    if word not in _YES | _NO:
        raise Wrong("card.truth", value=text[:60])
    return word in _YES


def ssid(text: str) -> str:
    """A name of a Wi-Fi: 1 to 32 bytes of UTF-8."""
    if len(text.encode()) > 32 or not text.isprintable():
        raise Wrong("card.ssid", limit=32)
    return text


def wifi_password(text: str) -> str:
    """A pass phrase of 8 to 63 ASCII characters, or a PSK of 64 hexadecimal digits."""
    if re.fullmatch(r"[0-9A-Fa-f]{64}", text) or re.fullmatch(r"[ -~]{8,63}", text):
        return text
    raise Wrong("card.wifi_password", length=len(text))


def country(text: str) -> str:
    """Two letters (ISO 3166): which radio channels are lawful."""
    if not re.fullmatch(r"[A-Za-z]{2}", text):
        raise Wrong("card.country", value=text[:20])
    return text.upper()


def apn(text: str) -> str:
    """A name of an access point of a mobile network."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,63}", text):
        raise Wrong("card.apn", value=text[:60])
    return text


def keyboard(text: str) -> str:
    """A layout of X11: `us`, `vn`."""
    if not re.fullmatch(r"[a-z]{2,8}", text):
        raise Wrong("card.keyboard", value=text[:20])
    return text


def ssh_keys(text: str) -> tuple[str, ...]:
    """Public keys, one a line."""
    keys = tuple(line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#"))
    for key in keys:
        _check_key(key)
    return keys


def _check_key(key: str) -> None:
    if "PRIVATE KEY" in key:
        raise Wrong("card.ssh_private")
    kind, _, rest = key.partition(" ")
    try:
        blob = base64.b64decode(rest.split(" ")[0], validate=True)
    except (binascii.Error, ValueError) as error:
        raise Wrong("card.ssh_key") from error
    if kind not in _KEYS or not key.isprintable() or not blob.startswith(len(kind).to_bytes(4, "big") + kind.encode()):
        raise Wrong("card.ssh_key")
    if len(blob) < 50:
        raise Wrong("card.ssh_key")


def camera(text: str) -> str:
    """A host of a camera, with or without a port."""
    if not _CAMERA.fullmatch(text):
        raise Wrong("card.camera", value=text[:60])
    return text


def web(text: str) -> str:
    """An address of a web server, http or https, without user, question and fragment."""
    try:
        parts = urlsplit(text)
        fine = bool(parts.hostname) and parts.port != 0 and "@" not in text and not parts.query and not parts.fragment
    except ValueError:
        fine = False
    if not fine or parts.scheme not in ("http", "https") or not text.isascii() or " " in text or not text.isprintable():
        raise Wrong("card.web", value=text[:60])
    return text.rstrip("/")


def hub(text: str) -> str:
    """Where nodes are let in: https://host:port, nothing behind it."""
    address = web(text)
    if not address.startswith("https://") or "/" in address[8:] or len(address) > 200:
        raise Wrong("card.hub", value=text[:60])
    return address


def pin(text: str) -> str:
    """The hub's CA: `sha256:` and 64 hexadecimal digits."""
    if not re.fullmatch(PIN_PATTERN, text.lower()):
        raise Wrong("card.pin")
    return text.lower()


def token(text: str) -> str:
    """What the hub gave for this one box."""
    if not re.fullmatch(TOKEN_PATTERN, text):
        raise Wrong("card.token")
    return text


def instant(text: str) -> datetime:
    """A time with its offset."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise Wrong("card.instant", value=text[:40]) from error
    if value.tzinfo is None:
        raise Wrong("card.instant", value=text[:40])
    return value
