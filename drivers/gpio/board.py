"""Whether this machine has GPIO lines that we may use, found out without touching one."""

import importlib.util
import os
from pathlib import Path

from drivers.contract import Check

MODEL = Path("/proc/device-tree/model")


def library() -> Check:
    """Whether a module `RPi.GPIO` is installed; does not import it."""
    try:
        spec = importlib.util.find_spec("RPi.GPIO")
    except ModuleNotFoundError:
        spec = None
    if spec is None:
        detail = "the module RPi.GPIO is missing: install edge-agent[gpio] (Pi 5, new kernels) or [gpio-classic]"
        return Check(ok=False, code="driver.missing_library", detail=detail)
    return Check(ok=True)


def model(path: Path = MODEL) -> Check:
    """Whether the device tree says Raspberry Pi, or RPI_LGPIO_REVISION is set, for boards that it does not name."""
    try:
        name = path.read_text(encoding="utf-8", errors="replace").rstrip("\0\n ")
    except OSError:
        name = ""
    if "Raspberry Pi" in name or "RPI_LGPIO_REVISION" in os.environ:
        return Check(ok=True, detail=name)
    seen = f"this is {name!r}" if name else f"{path} is not there"
    return Check(ok=False, code="driver.not_supported", detail=f"this is not a Raspberry Pi: {seen}")


def device(root: Path = Path("/dev")) -> Check:
    """Whether a GPIO device node is there and this account may use it."""
    nodes = sorted([*root.glob("gpiochip*"), *root.glob("gpiomem*")])
    if not any(node.name.startswith("gpiochip") for node in nodes):
        return Check(ok=False, code="driver.no_device", detail=f"there is no gpiochip in {root}: is the kernel right?")
    usable = [node for node in nodes if os.access(node, os.R_OK | os.W_OK)]
    if not usable:
        listed = ", ".join(str(node) for node in nodes)
        detail = f"this account may not use {listed}: add it to the group gpio"
        return Check(ok=False, code="driver.no_permission", detail=detail)
    return Check(ok=True, detail=", ".join(node.name for node in usable))
