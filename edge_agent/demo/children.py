"""Child processes of the demo: started, watched, ended by their own process id."""

import asyncio
import ctypes
import os
import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Child:
    """A running program."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    @property
    def pid(self) -> int:
        """Process id."""
        return self.process.pid

    def how_it_ended(self) -> str:
        """For a message: the signal that killed it, or its last words."""
        code = self.process.returncode
        if code is not None and code < 0:
            return signal.Signals(-code).name
        return self.last_words()

    def last_words(self) -> str:
        """The last lines of its log, for a message."""
        try:
            lines = self.log.read_text(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return " / ".join(lines[-3:])


_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def _end_with_parent() -> None:
    """Should the demo be killed, its children end too."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


async def start(name: str, argv: list[str], log: Path) -> Child:
    """Start a program; what it prints goes into its log. It gets its own group, so that Ctrl+C reaches only us."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
    return Child(name, process, log)


async def stop(child: Child, limit_s: float = 8.0) -> None:
    """Ask it to end, then make it."""
    if child.process.returncode is not None:
        return
    os.kill(child.pid, signal.SIGTERM)
    try:
        await asyncio.wait_for(child.process.wait(), limit_s)
    except TimeoutError:
        os.kill(child.pid, signal.SIGKILL)
        await child.process.wait()


async def wait_for_port(child: Child, port: int, limit_s: float = 15.0) -> bool:
    """Until it listens; False when it ended or took too long."""
    loop = asyncio.get_running_loop()
    end = loop.time() + limit_s
    while loop.time() < end and child.process.returncode is None:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 1)
        except (OSError, TimeoutError):
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return True
    return False
