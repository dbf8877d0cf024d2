"""What chrony says of its own uncertainty, asked by its program `chronyc`; nothing here steers the clock."""

import asyncio
import contextlib
import logging
import shutil
from dataclasses import dataclass

from edge_agent.clock.base import Clock

log = logging.getLogger(__name__)
_LIMIT_S = 3.0
_EVERY_S = 30.0
_FIELDS = 14
_UNSYNCHRONISED = "Not synchronised"


class ChronyFault(Exception):
    """chrony cannot be asked, or follows nothing. Its text is a sentence."""


@dataclass(frozen=True, slots=True)
class Tracking:
    """How well the system's clock is known. Milliseconds; `drift_ppm`: of the machine's crystal, positive: too fast.

    `uncertainty_ms` is the bound that chrony's manual gives for the error of the clock: the correction that is still
    to be made, the root dispersion, and half the root delay.
    """

    reference: str
    stratum: int
    offset_ms: float
    rms_offset_ms: float
    uncertainty_ms: float
    drift_ppm: float


def parse(line: str) -> Tracking:
    """Read a line of `chronyc -c tracking`. Raises ChronyFault."""
    fields = line.strip().split(",")
    if len(fields) < _FIELDS:
        raise ChronyFault(f"chronyc answered {line.strip()[:100]!r}")
    if fields[13] == _UNSYNCHRONISED:
        raise ChronyFault("chrony follows no time server yet")
    try:
        offset, rms, drift, delay, dispersion = (float(fields[place]) for place in (4, 6, 7, 10, 11))
        stratum = int(fields[2])
    except ValueError as error:
        raise ChronyFault(f"chronyc answered {line.strip()[:100]!r}") from error
    return Tracking(
        reference=fields[1] or fields[0],
        stratum=stratum,
        offset_ms=round(offset * 1000, 6),
        rms_offset_ms=round(rms * 1000, 6),
        uncertainty_ms=round((abs(offset) + dispersion + delay / 2) * 1000, 6),
        drift_ppm=drift,
    )


async def tracking(*options: str) -> Tracking:
    """Ask the daemon; `options` go to chronyc, for example `-h`, `127.0.0.1`, `-p`, `323`. Raises ChronyFault."""
    program = shutil.which("chronyc")
    if program is None:
        raise ChronyFault("chrony is not installed")
    process = await asyncio.create_subprocess_exec(
        program,
        *("-c", "-n", *options, "tracking"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_LIMIT_S):
            out, _ = await process.communicate()
    except TimeoutError as error:
        raise ChronyFault(f"chronyc gave no answer within {_LIMIT_S:.0f} s") from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0:
        raise ChronyFault(f"chrony does not answer: {out.decode(errors='replace').strip()[:100]}")
    return parse(out.decode(errors="replace"))


class ChronyWatch:
    """Asks now and then. `latest` is None while chrony is absent, silent or follows nothing; `why` says which."""

    def __init__(self, clock: Clock, *options: str) -> None:
        self._clock = clock
        self._options = options
        self.latest: Tracking | None = None
        self.why = "chrony was not asked yet"

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(_EVERY_S)

    async def look(self) -> None:
        """Ask once."""
        try:
            self.latest = await tracking(*self._options)
        except (ChronyFault, OSError) as fault:
            if self.latest is not None or str(fault) != self.why:
                log.info("the clock's uncertainty is not known: %s", fault)
            self.latest, self.why = None, str(fault)
        else:
            self.why = ""
