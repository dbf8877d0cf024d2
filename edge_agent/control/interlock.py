"""What keeps a thing off whatever anybody wants: no water, a full tank, an open door, too long a run. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from edge_agent.config.sensing import Sensor
from edge_agent.config.switching import Block, SwitchedEntry
from edge_agent.contract.base import JsonObject, iso
from edge_agent.contract.errors import Said
from edge_agent.control.condition import Limit
from edge_agent.control.facts import Held, Moment, Reading, Readings
from edge_agent.control.longest import LongestRun
from edge_agent.control.timer import Timer
from edge_agent.control.wording import Words, limit_words, name_of, said

_PATIENCE_S = 10.0
"""A sensor that falls silent stops what runs only after this (or `for_s`, where that is longer): one lost answer on a
bus must not stop a pump. What is off is not started while a sensor is silent."""


STAY = frozenset({"interlock.stays", "interlock.run"})
"""What holds until somebody resets it."""


class Interlocks:
    """The interlocks of one thing: its blocks by sensors, and its longest run with the rest after it.

    What holds is found again after a power cut: what stays until somebody resets it, the rest after a run, the wait
    before the next try, and on which side of its hysteresis each block was.
    """

    def __init__(self, entry: SwitchedEntry, sensors: Iterable[Sensor] = ()) -> None:
        """`sensors` give names and units to what is said."""
        self.sensors = frozenset(block.sensor for block in entry.blocks)
        known = {sensor.id: sensor for sensor in sensors}
        self._blocks = {key: _Block(block, known) for key, block in _keyed(entry.blocks)}
        self._run = LongestRun(entry)

    def look(self, moment: Moment, running: bool, readings: Readings) -> Held | None:
        """What holds the thing off now, or None. `running`: whether it is on, as far as is known."""
        found = [block.look(moment, running, readings(block.sensor)) for block in self._blocks.values()]
        held = next((each for each in (*found, self._run.look(moment, running)) if each is not None), None)
        if held is None:
            return None
        return Held(held.code, held.said, held.until, self.again_s(moment))

    def again_s(self, moment: Moment) -> float | None:
        """Seconds after which to look again though no sensor has news; after `look`, whether or not it held."""
        waits = [wait for block in self._blocks.values() for wait in block.waits(moment)]
        waits += self._run.waits(moment)
        return min(waits, default=None)

    def reset(self) -> None:
        """Somebody has looked: let go of what stays until then, and of the wait before the next try.

        A block whose sensor still says no holds on, and so does the rest after a long run: it ends by itself.
        """
        for block in self._blocks.values():
            block.reset()
        self._run.reset()

    def dump(self) -> JsonObject:
        """What must survive a power cut; equal while nothing worth keeping has changed."""
        blocks = {key: kept for key, block in self._blocks.items() if (kept := block.dump())}
        return {**({"blocks": blocks} if blocks else {}), **self._run.dump()}

    def load(self, body: JsonObject, moment: Moment) -> None:
        """What was kept; what cannot be read is left out. Before the first `look`."""
        kept = body.get("blocks")
        for key, block in self._blocks.items():
            if isinstance(kept, Mapping) and isinstance(own := kept.get(key), Mapping):
                block.load(own, moment)
        self._run.load(body, moment)


def _keyed(blocks: Iterable[Block]) -> Iterator[tuple[str, Block]]:
    """Blocks by what they look at, so that another order in the configuration loses nothing."""
    seen: dict[str, int] = {}
    for block in blocks:
        key = f"{block.sensor} {'<' if block.above is None else '>'}"
        seen[key] = seen.get(key, 0) + 1
        yield key if seen[key] == 1 else f"{key} {seen[key]}", block


class _Block:
    """One block by a sensor."""

    def __init__(self, block: Block, sensors: Mapping[str, Sensor]) -> None:
        self.sensor = block.sensor
        self._config = block
        self._sensors = sensors
        self._limit = Limit(block.above, block.below, block.ends, block.for_s)
        self._blocking = False
        self._stays = False
        self._retry = Timer()
        self._patience_s = max(block.for_s, _PATIENCE_S)
        self._impatient_s: float | None = None
        self._said: tuple[tuple[str, datetime | None], Said] | None = None

    def look(self, moment: Moment, running: bool, reading: Reading | None) -> Held | None:
        value = reading.value if reading is not None else None
        self._impatient_s = None
        self._take(moment, running, value)
        if self._stays:
            return self._held("interlock.stays", None, reading)
        if self._retry.runs:
            return self._held("interlock.retry", self._retry.until(moment), reading)
        if self._blocking:
            return self._held("interlock.blocked", None, reading)
        if self._limit.beyond is None and self._config.unknown and self._impatient(moment, running):
            return self._held("interlock.unknown", None, reading)
        self._said = None
        return None

    def waits(self, moment: Moment) -> Iterator[float]:
        if self._retry.runs:
            yield max(self._retry.left_s(moment), 0.01)
        elif not self._blocking and self._limit.beyond and self._limit.holds(moment.mono) is False:
            yield self._limit.left_s(moment.mono)
        if self._impatient_s is not None:
            yield self._impatient_s

    def reset(self) -> None:
        self._stays = False
        self._retry.stop()
        if self._config.while_on:
            self._blocking = False
            self._limit.forget()

    def dump(self) -> JsonObject:
        kept: JsonObject = {}
        if self._blocking:
            kept["blocking"] = True
        if self._stays:
            kept["stays"] = True
        if self._retry.runs:
            kept["until"] = self._retry.dump()
        return kept

    def load(self, kept: Mapping[str, object], moment: Moment) -> None:
        self._blocking = kept.get("blocking") is True and not self._config.while_on
        self._limit.remember(self._blocking)
        self._stays = kept.get("stays") is True and self._config.stays
        if self._config.while_on and not self._config.stays:
            self._retry.load(kept.get("until"), moment, self._config.retry_s)

    def _take(self, moment: Moment, running: bool, value: float | None) -> None:
        """What the value changes."""
        config, limit = self._config, self._limit
        if self._retry.runs and not self._retry.left_s(moment):
            self._retry.stop()
        if config.while_on and not running:
            limit.forget()  # no flow while it is off says nothing
            if value is None:
                limit.look(None, moment.mono)
            return
        limit.look(value, moment.mono)
        if config.while_on:
            if limit.holds(moment.mono):
                self._stays = config.stays
                if not config.stays:
                    self._retry.start(moment, config.retry_s)
            return
        if limit.beyond is False:
            self._blocking = False
        elif limit.beyond and (not running or limit.holds(moment.mono)):
            self._blocking = True
            self._stays = self._stays or config.stays

    def _impatient(self, moment: Moment, running: bool) -> bool:
        left = self._patience_s - self._limit.unknown_s(moment.mono) if running else 0.0
        self._impatient_s = left if left > 0 else None
        return left <= 0

    def _held(self, code: str, until: datetime | None, reading: Reading | None) -> Held:
        """Said once: a value that goes on changing makes no new reason."""
        if self._said is None or self._said[0] != (code, until):
            self._said = (code, until), self._sentence(code, until, reading)
        return Held(code, self._said[1], until)

    def _sentence(self, code: str, until: datetime | None, reading: Reading | None) -> Said:
        config, value = self._config, reading.value if reading is not None else None
        name = name_of(config.sensor, self._sensors)
        params: dict[str, str | int | float] = {"sensor": config.sensor, "name": name.vi}
        if value is not None:
            params["value"] = value
        if until is not None:
            params["until"] = iso(until)
        what = limit_words(config, self._sensors, value)
        reason = Words(f"{config.name} ({what.vi})", f"{config.name} ({what.en})") if config.name else what
        if code == "interlock.unknown" and reading is not None and reading.fault is not None:
            name = Words(f"{name.vi} ({_inside(reading.fault.vi)})", f"{name.en} ({_inside(reading.fault.en)})")
        return said(code, params, reason=reason, name=name, end="" if until is None else iso(until))


def _inside(sentence: str) -> str:
    return sentence.rstrip(".")
