"""Which board this is: what tells a cloned card from the box that was enrolled."""

import platform
from pathlib import Path

from edge_agent.contract.enrolment import board_mark

_SERIAL = "sys/firmware/devicetree/base/serial-number"
_MODEL = "sys/firmware/devicetree/base/model"
_MACHINE_ID = "etc/machine-id"
_MOST = 256


def board_serial(root: Path = Path("/")) -> str | None:
    """The serial number that is burnt into the board; None where it has none that we may read."""
    serial = (_text(root / _SERIAL) or "")[:64]
    return serial if serial and serial.strip("0") else None


def board_model(root: Path = Path("/")) -> str | None:
    """The model's name as the firmware tells it."""
    return _text(root / _MODEL)


def machine() -> str:
    """The kind of processor: aarch64, x86_64."""
    return platform.machine()


def fingerprint(root: Path = Path("/")) -> str:
    """16 hex digits that are the same as long as it is the same board, and tell nothing else about it."""
    name = board_serial(root) or _text(root / _MACHINE_ID) or "unknown"
    return board_mark(name)


def _text(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST)
    except OSError:
        return None
    text = content.rstrip(b"\0").decode("utf-8", "replace").strip()
    return "".join(character for character in text if character.isprintable())[:100] or None
