"""Sensors are asked in a fair pace or heard, checked, and told on when something changed."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from drivers.contract import DriverFault, Measurement, Measuring, Watching
from edge_agent.clock import Clock
from edge_agent.config.sensing import Sensor
from edge_agent.contract.errors import Fault
from edge_agent.contract.switched import SensorState
from edge_agent.control.facts import Moment, Reading
from edge_agent.recorder import Recorder
from edge_agent.sensing.channel import Channel
from edge_agent.sensing.pace import Pace
from edge_agent.sensing.report import SensorReport
from edge_agent.sensing.units import resolved

log = logging.getLogger(__name__)
MeasuringDrivers = Callable[[str], Measuring | None]
WatchingDrivers = Callable[[str], Watching | None]
_TICK_S = 1.0
_ASK_LIMIT_S = 5.0
_CANNOT_BE = {"driver.bad_value", "driver.wrong_device"}
"""What came cannot be true, so that nothing is known; other faults leave the last value until it is stale."""


class _Source:
    """One driver and the sensors on it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.channels: list[Channel] = []
        self.factors: dict[str, float] = {}
        self.driver: object | None = None
        self.poll: asyncio.Task[None] | None = None
        self.complained = False


class Sensing:
    """All sensors of the node."""

    def __init__(
        self,
        sensors: Sequence[Sensor],
        clock: Clock,
        recorder: Recorder,
        *,
        measuring: MeasuringDrivers,
        watching: WatchingDrivers,
        post: Callable[[SensorState], None],
    ) -> None:
        """`measuring` and `watching` give the open driver of a name, or None; `post` publishes a state."""
        self._clock = clock
        self._measuring = measuring
        self._watching = watching
        self._listeners: list[Callable[[str], None]] = []
        self._running = False
        self._channels = {sensor.id: Channel(sensor) for sensor in sensors}
        self._reports = {sensor.id: SensorReport(sensor, recorder, post) for sensor in sensors}
        self._sources: dict[str, _Source] = {}
        for channel in self._channels.values():
            name = channel.sensor.line.partition("/")[0]
            self._sources.setdefault(name, _Source(name)).channels.append(channel)

    def reading(self, sensor_id: str) -> Reading | None:
        """The newest reading, already unknown when it is too old; None for one that was never read.

        Fits `Readings` of the logic.
        """
        channel = self._channels.get(sensor_id)
        return channel.reading(self._moment()) if channel is not None else None

    def listen(self, changed: Callable[[str], None]) -> None:
        """Call with the id of a sensor whenever its value changed, or became known or unknown. Many listeners."""
        self._listeners.append(changed)

    def values(self) -> dict[str, float]:
        """For telemetry: `sensor/{id}` of all that is known now."""
        readings = ((id_, self.reading(id_)) for id_ in self._channels)
        return {f"sensor/{id_}": told.value for id_, told in readings if told is not None and told.value is not None}

    def driver_changed(self, name: str) -> None:
        """A driver came or went (`Hardware.on_change`): ask it now, or say at once that its sensors are unknown.

        Without this call it is noticed within a second.
        """
        source = self._sources.get(name)
        if source is not None and self._running:
            self._attach(source)

    async def run(self) -> None:
        """Measure, listen and tell, until cancelled."""
        self._running = True
        try:
            while True:
                for source in self._sources.values():
                    self._attach(source)
                for channel in self._channels.values():
                    self._look(channel)
                await self._clock.sleep(_TICK_S)
        finally:
            self._running = False
            polls = [source.poll for source in self._sources.values() if source.poll is not None]
            for source in self._sources.values():
                source.driver = source.poll = None
            for poll in polls:
                poll.cancel()
            await asyncio.gather(*polls, return_exceptions=True)

    def _attach(self, source: _Source) -> None:
        """Follow the driver that is open now, if there is another or none."""
        measuring, watching = self._measuring(source.name), self._watching(source.name)
        driver = measuring if measuring is not None else watching
        ended = source.poll is not None and source.poll.done()  # by a mistake of ours or a driver's: begin anew
        if driver is None:
            self._detach(source)
            why = Fault.of("driver.closed", detail=f"{source.name} is not working, or measures nothing")
            for channel in source.channels:
                channel.lose(self._moment(), why)
                self._look(channel)
        elif driver is not source.driver or ended:
            self._detach(source)
            source.driver = driver
            try:
                self._learn_units(source, driver)
                if watching is not None:
                    watching.watch(lambda line, said: self._pushed(source, driver, line, said))
            except Exception:  # a driver is foreign code: it must not stop the other sensors
                log.exception("driver %s cannot be listened to", source.name)
            if measuring is not None:
                source.poll = asyncio.create_task(self._poll(source, measuring), name=f"sensing-{source.name}")

    def _detach(self, source: _Source) -> None:
        if source.poll is not None:
            source.poll.cancel()
        source.driver = source.poll = None

    def _learn_units(self, source: _Source, driver: object) -> None:
        said = {ability.id: ability.unit for ability in getattr(driver, "capabilities", tuple)()}
        for channel in source.channels:
            unit, factor = resolved(channel.sensor, said.get(_line(channel)))
            source.factors[channel.sensor.id] = factor
            self._reports[channel.sensor.id].unit = unit

    async def _poll(self, source: _Source, driver: Measuring) -> None:
        """Ask the sensors of one driver, one question at a time."""
        pace = Pace(source.channels, self._clock.monotonic())
        while True:
            due, place, channel = pace.next()
            await self._clock.sleep(max(0.0, due - self._clock.monotonic()))
            well = await self._ask(source, driver, channel)
            pace.asked(place, self._clock.monotonic(), well=well)
            self._look(channel)

    async def _ask(self, source: _Source, driver: Measuring, channel: Channel) -> bool:
        try:
            async with asyncio.timeout(_ASK_LIMIT_S):
                said = await driver.measure(_line(channel))
        except DriverFault as fault:
            told = Fault.of(fault.code, detail=fault.detail, driver=source.name, guess="-")
            if fault.code in _CANNOT_BE:
                channel.refuse(self._moment(), told)
            else:
                channel.fail(told)
            return False
        except TimeoutError:
            channel.fail(Fault.of("driver.silent", detail=f"no answer within {_ASK_LIMIT_S:g} s"))
            return False
        except Exception as error:  # a driver is foreign code: it must not stop the other sensors
            if not source.complained:  # the whole story once, not each second
                source.complained = True
                log.exception("driver %s failed to measure", source.name)
            channel.fail(Fault.of("driver.failed", detail=f"{type(error).__name__}: {error}"[:200]))
            return False
        channel.take(self._moment(), said, source.factors.get(channel.sensor.id, 1.0))
        return True

    def _pushed(self, source: _Source, driver: object, line: str, said: Measurement) -> None:
        """A driver speaks by itself. One that was replaced is not heard any more."""
        if source.driver is not driver:
            return
        for channel in source.channels:
            if _line(channel) == line:
                channel.take(self._moment(), said, source.factors.get(channel.sensor.id, 1.0))
                self._look(channel)

    def _look(self, channel: Channel) -> None:
        """Tell what there is to tell of one sensor now."""
        moment, id_ = self._moment(), channel.sensor.id
        if not self._reports[id_].look(moment, channel.reading(moment)):
            return
        for listener in self._listeners:
            try:
                listener(id_)
            except Exception:  # who listens must not keep the others from hearing
                log.exception("a listener failed on sensor %s", id_)

    def _moment(self) -> Moment:
        return Moment(self._clock.now(), self._clock.monotonic(), self._clock.trusted)


def _line(channel: Channel) -> str:
    return channel.sensor.line.partition("/")[2]
