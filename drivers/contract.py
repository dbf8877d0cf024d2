"""What a driver is: its self-description, its check, its faults, and what the caller may ask of it.

Nothing here imports a third-party library at run time, so that the small child processes of drivers start quickly.
Times are aware UTC datetimes; durations are seconds unless the name says `_ms`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from logging import Logger
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, runtime_checkable

from drivers.speaker import Control, Piece, PlayReport, PlayStart, Speaker

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = [
    "FAULT_CODES",
    "Capability",
    "Check",
    "Clock",
    "Control",
    "Dimmable",
    "Driver",
    "DriverContext",
    "DriverFault",
    "Measurement",
    "Measuring",
    "Microphone",
    "Piece",
    "PlayReport",
    "PlayStart",
    "RecordReport",
    "Speaker",
    "Switchable",
    "Watching",
]

FAULT_CODES: dict[str, str] = {
    "driver.unknown": "no driver of that name is installed",
    "driver.broken": "the driver's code cannot be loaded",
    "driver.bad_config": "the driver's configuration is wrong",
    "driver.missing_library": "a library that the driver needs is not installed",
    "driver.not_supported": "this machine is not of the kind that the driver needs",
    "driver.no_device": "the device node is not there",
    "driver.no_permission": "the account may not use the device",
    "driver.closed": "the driver is not open",
    "driver.unknown_line": "the driver has no line of that name",
    "driver.unclaimed": "the line has not been switched yet, so nothing is known of it",
    "driver.stuck": "the line does not follow",
    "driver.io": "the device or its library refused",
    "driver.not_dimmable": "the line is only on or off",
    "driver.silent": "the device does not answer or has said nothing for too long",
    "driver.bad_value": "what the device said cannot be true",
    "driver.wrong_device": "another device answered",
    "speaker.no_device": "there is no such sound output",
    "speaker.device_lost": "the sound output went away while it played",
    "speaker.bad_audio": "the file cannot be played",
    "speaker.busy": "the speaker is playing something else",
    "speaker.storage": "what was played could not be written",
    "speaker.playout_failed": "the playing process failed or was ended from outside",
    "microphone.no_device": "there is no such sound input",
    "microphone.device_lost": "the sound input went away while it recorded",
    "microphone.busy": "the microphone is recording something else",
    "microphone.storage": "what was heard could not be written",
    "microphone.failed": "the recording process failed or was ended from outside",
}
"""Stable codes of `DriverFault` and `Check`, for documentation and translation. Other drivers may add their own."""


@dataclass(frozen=True, slots=True)
class Capability:
    """One thing that a driver offers: cards, topics and reference pages are drawn from this.

    `minimum` and `maximum` bound a numeric setting (a speaker: volume 0..1) and are None for on/off.
    """

    id: str
    name: str
    kind: str
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    writable: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a driver can work here. `code` is "ok" or a fault code, `detail` a sentence for the installer."""

    ok: bool
    code: str = "ok"
    detail: str = ""


class DriverFault(Exception):
    """Something in or behind a driver failed. `retry` says whether the same call may succeed later by itself."""

    def __init__(self, code: str, detail: str, *, retry: bool = False) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retry = retry


class Clock(Protocol):
    """The time, as it is passed in: real, or simulated in tests."""

    @property
    def trusted(self) -> bool:
        """Whether `now` may be believed."""

    def now(self) -> datetime:
        """Aware UTC time."""

    def monotonic(self) -> float:
        """Seconds that only ever grow."""

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds of this clock."""


@dataclass(frozen=True, slots=True)
class DriverContext:
    """All that a driver gets from its host. `id` names the instance; `directory` is the driver's own, and exists."""

    id: str
    clock: Clock
    logger: Logger
    directory: Path


@runtime_checkable
class Driver(Protocol):
    """Made from a validated `Config` and a context; an async context manager that opens and closes the hardware."""

    Config: ClassVar[type[BaseModel]]

    def __init__(self, config: Any, context: DriverContext) -> None: ...

    async def check(self) -> Check:
        """Whether it can work here, and why not. Touches no line and makes no sound."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...

    def capabilities(self) -> Sequence[Capability]:
        """What it offers; known from the configuration alone, before it is open."""


@runtime_checkable
class Switchable(Protocol):
    """Lines that are on or off."""

    async def switch(self, line: str, on: bool) -> None:
        """Set a line. The first call on a line claims it as an output with that value in one act: no blip.

        Raises DriverFault `driver.unknown_line`, `driver.closed`, `driver.stuck`, `driver.io`.
        """

    async def read(self, line: str) -> bool:
        """What the line is now. Raises DriverFault, also `driver.unclaimed` before the first `switch`."""


@runtime_checkable
class Dimmable(Protocol):
    """Lines that take a level. Such a driver is `Switchable` too: on is full, off is 0."""

    async def dim(self, line: str, level: float) -> None:
        """Set a line to 0..100 per cent. The first call claims it with that level in one act, as `switch` does.

        Raises DriverFault as `switch` does, and `driver.not_dimmable` for a line that is only on or off.
        """

    async def level(self, line: str) -> float:
        """What the line is now, 0..100. Raises DriverFault as `read` does."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One value, in the unit of the channel's capability, and when it was taken (aware UTC).

    A contact is 1.0 (closed, yes) or 0.0.
    """

    value: float
    at: datetime


@runtime_checkable
class Measuring(Protocol):
    """Channels that are measured; each is a capability that is not writable, with its unit."""

    async def measure(self, channel: str) -> Measurement:
        """Measure a channel now, or give the newest word of a device that speaks by itself.

        Raises DriverFault `driver.unknown_line`, `driver.closed`, `driver.io`, `driver.silent`, `driver.bad_value`. It
        never gives NaN or infinity, nor the word of another device.
        """


@runtime_checkable
class Watching(Protocol):
    """Tells changes of its channels by itself: inputs with edges, devices that speak."""

    def watch(self, changed: Callable[[str, Measurement], None]) -> None:
        """From now on tell `changed` (channel, measurement) of each change, on the event loop. One listener."""


@dataclass(frozen=True, slots=True)
class RecordReport:
    """What was recorded: instant of the first sample (aware UTC), seconds, sample rate in Hz, and by which input."""

    started_at: datetime
    seconds: float
    rate: int
    input: str


@runtime_checkable
class Microphone(Protocol):
    """Something that records into a WAV file (mono, 16 bits), one recording at a time."""

    async def record(
        self, path: Path, seconds: float, *, on_start: Callable[[datetime], None] | None = None
    ) -> RecordReport:
        """Record so many seconds; `on_start` gets the instant of the first sample as soon as it is known.

        Cancelling ends it at once; what was heard until then is in the file, whole and valid, if it had begun. The
        cancelled call is left when the file is there, within a second.
        Raises ValueError unless 0 < seconds <= 600, and DriverFault `microphone.busy`, `microphone.no_device`,
        `microphone.device_lost`, `microphone.storage`, `microphone.failed`, `driver.closed`.
        """
