"""Makes Opus of samples in a child process, in order, with bounds: for browsers that cannot make it themselves."""

import asyncio
import contextlib
import sys
from collections import deque
from collections.abc import Callable

RATES = (16_000, 24_000, 48_000)
"""Samples a second that Opus takes as they are."""
_MOST_WAITING = 250
"""Frames (5 s) that the child may be behind, as when it starts on a busy machine; with more it hangs."""
_END_S = 2.0


class CoderGone(Exception):
    """The child has ended, or is too slow."""


class Coder:
    """One child for one voice. `on_packet` gets what was put in beside the samples, and their packet."""

    def __init__(self, rate: int, on_packet: Callable[[tuple[int, float, float], bytes], None]) -> None:
        """`rate`: one of `RATES`."""
        self._rate = rate
        self._on_packet = on_packet
        self._waiting: deque[tuple[int, float, float]] = deque()
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Coder":
        """Start it. Raises OSError."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "hub.air.encode", str(self._rate)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self._reading = asyncio.create_task(self._read(self._process), name="coder")
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it: nothing that waits is worth more."""
        if self._process is None or self._reading is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        async with asyncio.timeout(_END_S):
            await self._process.wait()

    def put(self, about: tuple[int, float, float], samples: bytes) -> None:
        """20 ms of samples: 16 bit little-endian, mono. Raises CoderGone, ValueError for another length."""
        if len(samples) != 2 * self._rate // 50:
            raise ValueError(f"{len(samples)} bytes are not 20 ms at {self._rate} Hz")
        process = self._process
        gone = process is None or process.stdin is None or self._reading is None or self._reading.done()
        if gone or len(self._waiting) >= _MOST_WAITING:
            raise CoderGone
        assert process is not None  # noqa: S101 - for the type checker
        assert process.stdin is not None  # noqa: S101 - for the type checker
        self._waiting.append(about)
        process.stdin.write(samples)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                length = int.from_bytes(await process.stdout.readexactly(2), "big")
                packet = await process.stdout.readexactly(length)
                if self._waiting:
                    self._on_packet(self._waiting.popleft(), packet)
