"""Where everything of an update lies. `root` puts the whole tree elsewhere: an image that is being made, a test."""

import os
import platform
import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

BASE = "base"
SLOTS = ("slots/a", "slots/b")


@dataclass(frozen=True, slots=True)
class Places:
    """The folders and files of one node."""

    root: Path = Path("/")

    @classmethod
    def usual(cls) -> "Places":
        """The system's own; `EDGE_ROOT` moves them, for tests and rehearsals."""
        return cls(Path(os.environ.get("EDGE_ROOT") or "/"))

    @property
    def opt(self) -> Path:
        """Programs: `base` (the package), `slots/a`, `slots/b`, and the links `current` and `good`."""
        return self.root / "opt/edge-agent"

    @property
    def keep(self) -> Path:
        """The installer's own folder; nobody but root writes there."""
        return self.root / "var/lib/edge-agent-update"

    @property
    def inbox(self) -> Path:
        """Where the agent puts what it fetched, and what it wants. Believed in nothing."""
        return self.root / "var/lib/edge-agent/update"

    @property
    def healthy(self) -> Path:
        """What the running agent says of its own health."""
        return self.root / "run/edge-agent/healthy"

    @property
    def config(self) -> Path:
        """The node's configuration."""
        return self.root / "etc/edge-agent/node.yaml"

    @property
    def python(self) -> Path:
        """The system's interpreter, which every slot uses; never one that came in an archive."""
        return Path(sys.base_prefix) / "bin/python3"

    def pinned(self) -> bytes | None:
        """The first root of trust: the administrator's, else the one that the package brought; None: no updates."""
        own = self.root / "etc/edge-agent/update-root.json"
        if own.is_file():
            return own.read_bytes()
        packed = resources.files("edge_agent.update").joinpath("root.json")
        return packed.read_bytes() if packed.is_file() else None


def machine() -> str:
    """The computer's architecture, as the kernel names it: aarch64, x86_64."""
    return platform.machine()


def python_minor() -> str:
    """The interpreter's version as archives name it: 3.11."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def board_model(root: Path = Path("/")) -> str:
    """What the firmware calls the board; empty where it says nothing (a PC)."""
    try:
        return (root / "proc/device-tree/model").read_text(errors="replace").strip("\0\n ")
    except OSError:
        return ""
