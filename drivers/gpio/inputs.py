"""All contacts and meters of a driver, and the task that looks after them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from drivers.contract import Capability, DriverContext, DriverFault, Measurement
from drivers.gpio import counts as kept
from drivers.gpio.config import RATE, InputLine, counts
from drivers.gpio.contact import Contact
from drivers.gpio.pins import Pins
from drivers.gpio.pulses import Pulses

_LOOK_S = 1.0
_POLL_S = 0.05
_SAVE_S = 60.0


@dataclass(slots=True)
class _Told:
    """What was last told of a count."""

    count: int = 0


class Inputs:
    """Contacts and meters, opened and closed together."""

    def __init__(self, entries: dict[str, InputLine], pins: Pins, context: DriverContext) -> None:
        self._context = context
        self._listener: Callable[[str, Measurement], None] | None = None
        self._contacts: dict[str, Contact] = {}
        self._pulses: dict[str, Pulses] = {}
        for line, entry in entries.items():
            if counts(entry):
                self._pulses[line] = Pulses(entry, pins)
            else:
                self._contacts[line] = Contact(line, entry, pins, self._changed(line))
        self._told = {line: _Told() for line in self._pulses}
        self._saved: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Claim the pins; go on counting from where it was."""
        before = await asyncio.to_thread(kept.load, self._context.directory, self._context.logger)
        self._saved = {line: before.get(line, 0) for line in self._pulses}
        self._claim(self._saved)
        if self._contacts or self._pulses:
            self._task = asyncio.create_task(self._run(), name=f"{self._context.id}-inputs")

    async def close(self) -> None:
        """Let go of the pins; the counts are kept."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for each in self._all().values():
            try:
                each.close()
            except Exception as error:  # noqa: BLE001 - foreign library; the others are closed nevertheless
                self._context.logger.warning("%s: an input did not close: %s", self._context.id, error)
        await self._save()

    def reopen(self) -> None:
        """Claim the pins anew, on a chip that has come back."""
        self._claim({line: pulses.count for line, pulses in self._pulses.items()})

    def watch(self, changed: Callable[[str, Measurement], None]) -> None:
        """Tell changes from now on; of counts at most one a second."""
        self._listener = changed

    def measure(self, channel: str) -> Measurement | None:
        """The value of a channel; None for a name that is none of them. Raises DriverFault `driver.bad_value`."""
        if channel in self._contacts:
            contact = self._contacts[channel]
            contact.poll()
            return self._now(float(contact.value()))
        if channel in self._pulses:
            return self._now(self._pulses[channel].total())
        line = channel.removesuffix(RATE)
        if line != channel and line in self._pulses:
            return self._now(self._pulses[line].rate())
        return None

    def _all(self) -> dict[str, Contact | Pulses]:
        return {**self._contacts, **self._pulses}

    def _claim(self, count: dict[str, int]) -> None:
        for contact in self._contacts.values():
            contact.open()
        for line, pulses in self._pulses.items():
            pulses.open(count[line])
            self._told[line].count = count[line]
        without = [line for line, each in self._all().items() if not each.edges]
        if without:
            self._context.logger.warning(
                "%s: no edges on %s: looked at %g times a second instead; faster pulses are not counted",
                self._context.id,
                ", ".join(without),
                1 / _POLL_S,
            )

    async def _run(self) -> None:
        clock = self._context.clock
        looked = saved = clock.monotonic()
        while True:
            blind = [each for each in self._all().values() if not each.edges]
            await clock.sleep(_POLL_S if blind else _LOOK_S)
            now = clock.monotonic()
            try:
                for each in blind:
                    each.poll()
                if now - looked >= _LOOK_S:
                    looked = now
                    self._look()
            except Exception as error:  # noqa: BLE001 - foreign library; the next question tells the fault
                self._context.logger.debug("%s: an input cannot be read: %s", self._context.id, error)
            if now - saved >= _SAVE_S:
                saved = now
                await self._save()

    def _look(self) -> None:
        for line, pulses in self._pulses.items():
            pulses.look()
            told = self._told[line]
            if pulses.count != told.count:
                told.count = pulses.count
                self._tell(line, pulses.total())
                self._tell(f"{line}{RATE}", pulses.rate())
        for contact in self._contacts.values():
            contact.poll()

    async def _save(self) -> None:
        now = {line: pulses.count for line, pulses in self._pulses.items()}
        if now == self._saved:
            return
        try:
            await asyncio.to_thread(kept.save, self._context.directory, now)
            self._saved = now
        except OSError as error:
            self._context.logger.error("%s: counts could not be kept: %s", self._context.id, error)

    def _changed(self, line: str) -> Callable[[bool], None]:
        return lambda value: self._tell(line, float(value))

    def _tell(self, channel: str, value: float) -> None:
        if self._listener is None:
            return
        try:
            self._listener(channel, self._now(value))
        except Exception:  # the listener's own mistake must not end the looking
            self._context.logger.exception("%s: who listens to %s failed", self._context.id, channel)

    def _now(self, value: float) -> Measurement:
        return Measurement(value, self._context.clock.now())


def describe(line: str, entry: InputLine) -> list[Capability]:
    """A contact, or a count and its rate."""
    name = entry.name or line
    if not counts(entry):
        return [Capability(id=line, name=name, kind="contact", writable=False)]
    rate = f"{entry.unit}/min"
    return [
        Capability(id=line, name=name, kind="sensor", unit=entry.unit, minimum=0, writable=False),
        Capability(id=f"{line}{RATE}", name=name, kind="sensor", unit=rate, minimum=0, writable=False),
    ]


def unknown(channel: str, entries: dict[str, InputLine]) -> DriverFault:
    """That there is no such channel, with those that there are."""
    known = [capability.id for line, entry in entries.items() for capability in describe(line, entry)]
    return DriverFault("driver.unknown_line", f"there is no input {channel!r}; known are: {', '.join(known) or 'none'}")
