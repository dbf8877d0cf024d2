"""A speech program that stays loaded: one line of text in, one finished file out, one after the other."""

import contextlib
import os
import re
import select
import subprocess
import time
from pathlib import Path
from typing import IO, cast

from tts.engines.program import limit_files
from tts.errors import EngineError

_WROTE = re.compile(rb"Wrote (.+\.wav)\s*$")
_MOST_PRINTED = 1_000_000  # bytes for one sentence
_END_S = 1.0


class LoadedProgram:
    """A running program that takes lines on standard input and writes each as a WAV file into `folder`.

    When a file is finished it prints `Wrote <path>` on standard error. Whatever goes wrong ends it: the state of a
    program that did not answer is unknown. It also ends when we do, because its standard input ends.
    """

    def __init__(self, argv: list[str], folder: Path) -> None:
        """Start `argv`.

        Raises:
            EngineError: `engine.missing`, it cannot be started.
        """
        self._folder = folder
        try:
            # Of the folder it starts in, Python would import modules; this one holds only what it writes itself.
            self._child = subprocess.Popen(
                argv,
                cwd=folder,
                env=os.environ | {"PYTHONUTF8": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                bufsize=0,
            )
        except OSError as error:
            raise EngineError("engine.missing", f"{argv[0]} cannot be started: {error.strerror}") from error
        limit_files(self._child.pid)
        self._stdin = cast(IO[bytes], self._child.stdin)
        self._stderr = cast(IO[bytes], self._child.stderr)
        os.set_blocking(self._stderr.fileno(), False)

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._child.poll() is None

    @property
    def pid(self) -> int:
        """Process id."""
        return self._child.pid

    def speak(self, line: str, timeout_s: float) -> Path:
        """Return the file of the speech of `line`; it belongs to the caller. After an error the program has ended.

        Raises:
            EngineError: `engine.timeout`, or `engine.failed` (it ended, or prints without end).
        """
        deadline = time.monotonic() + timeout_s
        done = False
        try:
            with contextlib.suppress(BrokenPipeError):  # the missing answer tells it
                self._stdin.write(line.encode(errors="replace") + b"\n")
            path = self._answer(deadline, timeout_s)
            done = True
            return path
        finally:
            if not done:
                self.kill()

    def close(self) -> None:
        """Let it end by itself; kill it when it does not."""
        self._stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(_END_S)
        self.kill()

    def kill(self) -> None:
        """End it at once."""
        self._child.kill()
        self._child.wait()
        self._stdin.close()
        self._stderr.close()

    def _answer(self, deadline: float, timeout_s: float) -> Path:
        printed = b""
        count = 0
        while True:
            data = self._more(deadline)
            if data is None:
                raise EngineError("engine.timeout", f"no answer within {timeout_s:g} s{_quoted(printed)}")
            if not data:
                raise EngineError("engine.failed", f"it ended ({self._ending()}){_quoted(printed)}")
            count += len(data)
            if count > _MOST_PRINTED:
                raise EngineError("engine.failed", f"it prints without end{_quoted(printed)}")
            *lines, rest = (printed + data).split(b"\n")
            for line in lines:
                # Only what lies in its folder, whatever it prints.
                if (found := _WROTE.search(line)) and (path := self._own(found[1])) is not None:
                    return path
            printed = b"\n".join([*lines[-5:], rest])[-2000:]

    def _more(self, deadline: float) -> bytes | None:
        """Return what it printed, empty at its end, or None when the time is over."""
        while (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select([self._stderr], [], [], left)
            if ready and (data := self._stderr.read(65_536)) is not None:
                return data
        return None

    def _own(self, name: bytes) -> Path | None:
        path = self._folder / Path(os.fsdecode(name)).name
        return path if path.is_file() and not path.is_symlink() else None

    def _ending(self) -> str:
        try:
            return f"code {self._child.wait(_END_S)}"
        except subprocess.TimeoutExpired:
            return "its output ended"


def _quoted(printed: bytes) -> str:
    last = printed.decode(errors="replace").strip().splitlines()[-1:]
    return f": {last[0][-300:]}" if last else ""
