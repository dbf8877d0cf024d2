"""What the tests of updates share: signed releases, a hub on loopback that serves badly, a node of real folders."""

import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from system_rig import ROOT, node_yaml, until

from edge_agent.contract.errors import Fault
from hub.updates.keys import make
from hub.updates.repository import Repository

SITE = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
PACKAGES = ("edge_agent", "drivers", "tts", "camera")
SLOTS_SH = ROOT / "systemd/edge-agent-slots"


def program_tree(folder: Path, version: str, patch: Callable[[Path], None] = lambda _site: None) -> Path:
    """A slot: the agent of this source tree as another version; what it stands on comes from the tests' environment."""
    site = folder / SITE
    for name in PACKAGES:
        shutil.copytree(ROOT / name, site / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    (site / "edge_agent/version.py").write_text(f'VERSION = "{version}"\n')
    (site / "tests.pth").write_text(f"{Path(sys.prefix) / SITE}\n")
    patch(site)
    return folder


def environment(folder: Path) -> None:
    """What the package does for `base`: a virtual environment of the system's interpreter."""
    (folder / "bin").mkdir()
    (folder / "bin/python").symlink_to(Path(sys.base_prefix) / "bin/python3")
    (folder / "pyvenv.cfg").write_text(f"home = {Path(sys.base_prefix) / 'bin'}\n")


def archive(tree: Path, path: Path) -> Path:
    """A tree as an archive, packed fast."""
    with tarfile.open(path, "w:xz", preset=0) as tar:
        tar.add(tree, arcname=".")
    return path


def archive_of(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    """An archive of hand-made members."""
    with tarfile.open(path, "w:xz", preset=0) as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def custom(version: str, **changes: Any) -> dict[str, Any]:
    """The signed words beside an archive for this computer."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    usual = {"version": version, "arch": platform.machine(), "python": python, "unpacked": 60_000_000, "files": 5000}
    return {**usual, **changes}


class Release:
    """Keys and a signed folder of updates."""

    def __init__(self, folder: Path) -> None:
        self.keys = {name: make(folder / "keys", name) for name in ("root", "targets", "online")}
        self.repository = Repository(folder / "updates")
        self.pinned = self.repository.begin(self.keys["root"], self.keys["targets"], self.keys["online"])

    def add(self, path: Path, words: dict[str, Any], name: str | None = None) -> None:
        named = name or f"edge-agent-{words['version']}.tar.xz"
        self.repository.add(path, named, words, self.keys["targets"], self.keys["online"])

    @property
    def folder(self) -> Path:
        return self.repository.folder


class Web:
    """Serves a folder with ranges; `cut` ends each answer of an archive after so many bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cut: int | None = None
        self.asked: list[tuple[str, str | None]] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.serve(self)

            def log_message(self, *_args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append((request.path, wanted))
        path = self.folder / request.path.lstrip("/")
        if not path.is_file():
            request.send_error(404)
            return
        content = path.read_bytes()
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        request.send_response(206 if wanted else 200)
        request.send_header("Content-Length", str(len(content) - begin))
        request.end_headers()
        rest = content[begin:]
        request.wfile.write(rest[: self.cut] if self.cut is not None and "targets/" in request.path else rest)
        request.close_connection = True

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Node:
    """A node's folders below `root`, with this very version as the package's."""

    def __init__(self, root: Path, base: Path, pinned: bytes, url: str, more: str = "") -> None:
        self.root = root
        self.opt = root / "opt/edge-agent"
        (self.opt / "slots").mkdir(parents=True)
        (self.opt / "base").symlink_to(base)
        (self.opt / "current").symlink_to("base")
        for name in ("etc/edge-agent", "var/lib/edge-agent", "var/lib/edge-agent-update", "run/edge-agent"):
            (root / name).mkdir(parents=True)
        (root / "etc/edge-agent/update-root.json").write_bytes(pinned)
        config = node_yaml(root, f"clock: {{trust: assume}}\nupdates: {{url: '{url}', kilobytes_s: 100000}}\n{more}")
        text = config.read_text().replace(str(root / "state"), str(root / "var/lib/edge-agent"))
        config.unlink()
        self.config = root / "etc/edge-agent/node.yaml"
        self.config.write_text(text)
        self.restart = root / "restart"
        self.restart.write_text(f'#!/bin/sh\nread -r pid < {root}/agent.pid && kill "$pid" 2>/dev/null || true\n')
        self.restart.chmod(0o755)

    @property
    def current(self) -> str:
        return str((self.opt / "current").readlink())

    def env(self, **more: str) -> dict[str, str]:
        runtime = str(self.root / "run/edge-agent")
        return {**os.environ, "LANG": "C.UTF-8", "EDGE_LANG": "en", "RUNTIME_DIRECTORY": runtime, **more}

    def apply(self, *words: str, slot: str = "base") -> dict[str, Any]:
        """`edge-agent update apply`, as the agent runs it; its answer."""
        argv = [self.opt / slot / "bin/python", "-I", "-m", "edge_agent", "update", "apply", "--root", self.root]
        done = subprocess.run(
            [*map(str, argv), "--json", *words], capture_output=True, text=True, timeout=60, env=self.env(), check=False
        )
        assert done.stdout, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def install(self, within: float = 40, **env: str) -> subprocess.CompletedProcess[str]:
        """What edge-agent-update.service runs."""
        argv = ["/bin/sh", SLOTS_SH, "install", "--restart", self.restart, "--within", within]
        return subprocess.run(
            list(map(str, argv)),
            capture_output=True,
            text=True,
            timeout=120,
            env=self.env(EDGE_ROOT=str(self.root), **env),
            check=False,
        )

    def back(self, code: int = 0) -> dict[str, Any]:
        """`edge-agent update back`, by hand."""
        slot = (self.opt / "current").resolve()
        argv = [slot / "bin/python", "-I", "-m", "edge_agent", "update", "back", "--root", self.root, "--json"]
        argv += ["--restart", self.restart]
        done = subprocess.run(
            list(map(str, argv)), capture_output=True, text=True, timeout=60, env=self.env(), check=False
        )
        assert done.returncode == code, done.stderr
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    def nothing_before(self) -> dict[str, Any]:
        return Fault.of("update.nothing_before").model_dump(mode="json")

    def guard(self) -> subprocess.CompletedProcess[str]:
        """What ExecStartPre runs before each start."""
        return subprocess.run(
            ["/bin/sh", str(SLOTS_SH), "start"],
            capture_output=True,
            text=True,
            timeout=60,
            env=self.env(EDGE_ROOT=str(self.root)),
            check=False,
        )

    def last(self) -> dict[str, Any]:
        last: dict[str, Any] = json.loads((self.root / "var/lib/edge-agent-update/last.json").read_text())
        return last

    def pending(self) -> bool:
        return (self.root / "var/lib/edge-agent-update/journal.json").exists()

    def version(self, guard: bool = True) -> str:
        """What the launcher would start now, after the guard; by really running it."""
        if guard:
            self.guard()
        slot = (self.opt / "current").resolve(strict=True)
        argv = [str(slot / "bin/python"), "-I", "-m", "edge_agent", "--version"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[-1]

    def healthy(self) -> dict[str, Any]:
        """What the running agent says; nothing when it says nothing."""
        try:
            said: dict[str, Any] = json.loads((self.root / "run/edge-agent/healthy").read_text())
        except (OSError, ValueError):
            return {}
        return said


class Init:
    """systemd's part: guard, then the launcher, again and again until told to stop."""

    def __init__(self, node: Node, log: Path) -> None:
        self._node = node
        self._log = log
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.starts = 0

    def _run(self) -> None:
        node = self._node
        while not self._stopping.is_set():
            node.guard()
            slot = (node.opt / "current").resolve()
            argv = [str(slot / "bin/python"), "-I", "-m", "edge_agent", "run", str(node.config)]
            with self._log.open("a") as log:
                process = subprocess.Popen(argv, stdout=log, stderr=log, env=node.env())
            self.starts += 1
            (node.root / "agent.pid").write_text(f"{process.pid}\n")
            while process.poll() is None:
                if self._stopping.wait(0.05):
                    process.terminate()
                    process.wait(20)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(40)


@contextmanager
def running(node: Node) -> Iterator[Init]:
    """The node with its agent running and well."""
    init = Init(node, node.root / "agent.log")
    init.start()
    try:
        until(lambda: well(node), 40)
        yield init
    finally:
        init.stop()


def well(node: Node) -> bool:
    """Whether the agent says lately that its schedule and lines are well."""
    said = node.healthy()
    fresh = bool(said) and time.clock_gettime(time.CLOCK_BOOTTIME) - said["at"] < 6
    return fresh and all(said["parts"][part]["ok"] for part in ("schedule", "lines"))
