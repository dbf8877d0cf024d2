"""Start, kill, freeze and throttle loopback cameras from tests and benches.

with TestCamera("main", "sub") as camera:      # makes the clips it needs, takes a free port
    camera.url("main")                         # rtsp://127.0.0.1:PORT/main, see bench.rtsp.camera
    camera.freeze(); camera.thaw()             # SIGSTOP, SIGCONT
    camera.kill(); camera.start()              # comes back on the same port
with Throttle(camera.port, kbit_s=400, delay_ms=60) as link:
    link.url("sub"); link.set(150, 60)
"""

from __future__ import annotations

import select
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.rtsp.clips import CLIPS, ensure
from bench.rtsp.streams import ALIASES

_REPO = Path(__file__).resolve().parent.parent.parent
_START_S = 20.0


class _Program:
    """A program of ours that says `ready PORT`, keeps its port when it is started again, and dies with us."""

    def __init__(self) -> None:
        self.port = 0
        self._process: subprocess.Popen[str] | None = None

    def _argv(self) -> list[str]:
        raise NotImplementedError

    @property
    def pid(self) -> int:
        """Raises RuntimeError while it does not run."""
        if self._process is None:
            raise RuntimeError("it does not run")
        return self._process.pid

    def start(self) -> None:
        """Begin to serve; returns when it listens. Raises RuntimeError when it does not come up."""
        argv = [sys.executable, "-m", *self._argv()]
        self._process = subprocess.Popen(
            argv, cwd=_REPO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], _START_S)
        words = self._process.stdout.readline().split() if ready else []
        if words[:1] != ["ready"]:
            self.kill()
            raise RuntimeError(f"did not start: {argv}")
        self.port = int(words[1])

    def kill(self) -> None:
        """SIGKILL, also while frozen."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            assert self._process.stdin is not None and self._process.stdout is not None
            self._process.stdin.close()
            self._process.stdout.close()
            self._process = None

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, nothing comes."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Kill it and start it again on the same port."""
        self.kill()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


class TestCamera(_Program):
    """A loopback camera. `paths` are the first words of its addresses that will be asked for."""

    __test__ = False

    def __init__(
        self,
        *paths: str,
        user: str | None = None,
        password: str = "",
        digest: bool = False,
        clock_error_s: float = 0,
        refuse_tcp: bool = False,
        served: Path | None = None,
    ) -> None:
        super().__init__()
        names = {part for path in paths or ("main", "sub") for part in ALIASES.get(path, path).split("-")}
        ensure(*sorted((names & CLIPS.keys()) | ({"tiny"} if "change" in names else set())))
        self._more = ["--clock-error", str(clock_error_s)]
        if user is not None:
            self._more += ["--user", user, "--password", password, *(["--digest"] if digest else [])]
        if refuse_tcp:
            self._more.append("--refuse-tcp")
        if served is not None:
            served.mkdir(parents=True, exist_ok=True)
            self._more += ["--served", str(served)]

    def _argv(self) -> list[str]:
        return ["bench.rtsp.camera", "--port", str(self.port), "--as-is", *self._more]

    def url(self, path: str = "main") -> str:
        """The address of a path."""
        return f"rtsp://127.0.0.1:{self.port}/{path}"


class Throttle(_Program):
    """A weak link in front of a server on loopback."""

    def __init__(self, target: int, kbit_s: float, delay_ms: float = 0, up: bool = False) -> None:
        """`up`: narrow from the client to the server."""
        super().__init__()
        self._up = ["up"] if up else []
        self._target, self._kbit_s, self._delay_ms = target, kbit_s, delay_ms

    def _argv(self) -> list[str]:
        words = (self.port, self._target, self._kbit_s, self._delay_ms)
        return ["bench.rtsp.throttle", *map(str, words), *self._up]

    def set(self, kbit_s: float, delay_ms: float) -> None:
        """Change the link while it is used."""
        self._kbit_s, self._delay_ms = kbit_s, delay_ms
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(f"{kbit_s} {delay_ms}\n")
        self._process.stdin.flush()

    def url(self, path: str = "main") -> str:
        """The address of a camera's path through the link."""
        return f"rtsp://127.0.0.1:{self.port}/{path}"
