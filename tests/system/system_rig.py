"""What the tests of the installed system share: units as data, programs of this environment, free ports."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "systemd"
CONFIGS = ROOT / "configs"
BIN = Path(sys.executable).parent
"""Where edge-agent and edge-hub are installed for the tests; on a node it is /usr/bin."""
PUBLIC = "A6mwL2-H2C43kjnGnbvYVnUiUC9rRvE_hpJYnMZM0Zs"
"""Some Ed25519 public key; nobody signs with it."""

T = TypeVar("T")
Unit = dict[str, list[str]]


def unit(name: str) -> Unit:
    """A unit file as `Section.Key` -> values in order."""
    found: Unit = {}
    section = ""
    for line in (UNITS / name).read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(f"{section}.{key}", []).append(value)
    return found


def tool(name: str) -> str:
    """A program of the system; Debian keeps some in /usr/sbin, which is not on everybody's path."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/bin")
    assert found, f"{name} is not installed"
    return found


def run(*argv: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, at most half a minute."""
    return subprocess.run(
        [str(part) for part in argv],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "LANG": "C.UTF-8", **env},
    )


def end(process: "subprocess.Popen[str]", limit_s: float = 15) -> int:
    """Ask it to end, then make it; by its own process id."""
    process.terminate()
    try:
        return process.wait(limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
        raise


def until(look: Callable[[], T], limit_s: float = 20) -> T:
    """Look again and again until it gives something true."""
    limit = time.monotonic() + limit_s
    while not (found := look()):
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.05)
    return found


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def node_yaml(folder: Path, more: str = "") -> Path:
    """A node without a broker, that keeps its state in `folder`."""
    file = folder / "node.yaml"
    file.write_text(
        f"""
node: {{commune: "26734", name: thon-dong, title: Thôn Đông, position: {{latitude: 20.95, longitude: 106.08}}}}
storage: {{path: {folder / "state"}}}
broker: {{url: "mqtt://127.0.0.1:{free_port()}"}}
command_keys: [{{id: hub, public: {PUBLIC}}}]
{more}
"""
    )
    return file
