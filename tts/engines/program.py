"""Running a speech program as a child with limits that hold: time, and what it may write."""

import contextlib
import resource
import subprocess
import tempfile
from dataclasses import dataclass

from tts.errors import EngineError

# Of one file: a program that floods must not fill the disk. espeak-ng's way to PulseAudio sets 67 MB of memory aside,
# which the system counts as a file, even when it does not play.
MOST_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its exit code and what it printed (the first 2000 characters)."""

    code: int
    printed: str


def run_program(argv: list[str], text: str, timeout_s: float) -> Ended:
    """Run `argv` with `text` on its standard input and wait for its end, at most `timeout_s` seconds.

    Input and output are files: a child of the child that keeps a pipe open cannot hold us up after the kill.

    Raises:
        EngineError: `engine.missing` (cannot be started), `engine.timeout` (killed).
    """
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as printed:
        given.write(text.encode(errors="replace"))
        given.seek(0)
        try:
            child = subprocess.Popen(argv, stdin=given, stdout=printed, stderr=subprocess.STDOUT)
        except OSError as error:
            raise EngineError("engine.missing", f"{argv[0]} cannot be started: {error.strerror}") from error
        limit_files(child.pid)
        try:
            code = child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise EngineError("engine.timeout", f"{argv[0]} did not end within {timeout_s:g} s") from None
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        printed.seek(0)
        return Ended(code, printed.read(2000).decode(errors="replace").strip())


def limit_files(pid: int) -> None:
    """Let the process `pid` write no file longer than `MOST_BYTES`, and no picture of its memory when it crashes."""
    with contextlib.suppress(ProcessLookupError):  # it has ended already
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (MOST_BYTES, MOST_BYTES))
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
