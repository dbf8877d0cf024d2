"""The conditions of a rule together: yes, no, or unknown. Pure."""

import math
from collections.abc import Callable, Iterable, Iterator

from edge_agent.config.rules import Condition, Rule
from edge_agent.control.condition import EPSILON_S, Limit
from edge_agent.control.facts import Readings
from edge_agent.rules.scene import Scene

Tri = bool | None
"""Yes, no, or None: nobody knows."""


class Watch:
    """One condition, what its sensor says, and whether it holds."""

    def __init__(self, condition: Condition, stale_s: float) -> None:
        self.condition = condition
        self.value: float | None = None
        self.limit = Limit(condition.above, condition.below, condition.ends, condition.for_s)
        self._stale_s = stale_s

    def look(self, readings: Readings, mono: float) -> None:
        reading = readings(self.condition.sensor)
        value = reading.value if reading is not None else None
        self.value = value if value is not None and math.isfinite(value) else None
        self.limit.look(self.value, mono)

    @property
    def past(self) -> bool:
        """Whether the value is past the limit itself, not only short of where it ends."""
        above, below, value = self.condition.above, self.condition.below, self.value
        return value is not None and (value > above if above is not None else below is not None and value < below)

    def bears_s(self, mono: float) -> float:
        """Seconds for which a rule that acts still bears the silence of its sensor; infinite while there is none."""
        if self.limit.beyond is not None:
            return math.inf
        left = self._stale_s - self.limit.unknown_s(mono)
        return left if left > EPSILON_S else 0.0

    def goes_on(self, mono: float) -> Tri:
        """Whether it goes on for a rule that acts: a short silence changes nothing."""
        return self.limit.remembered if self.bears_s(mono) > 0 else None


class Gate:
    """All conditions of a rule. Those of `all_of` and one of `any_of` must hold; none at all always holds."""

    def __init__(self, rule: Rule, scene: Scene) -> None:
        self.all_of = tuple(Watch(each, scene.stale_s(each.sensor)) for each in rule.all_of)
        self.any_of = tuple(Watch(each, scene.stale_s(each.sensor)) for each in rule.any_of)

    @property
    def watches(self) -> tuple[Watch, ...]:
        """All of them, in the order of the configuration."""
        return (*self.all_of, *self.any_of)

    def look(self, readings: Readings, mono: float) -> None:
        """Take what the sensors say."""
        for watch in self.watches:
            watch.look(readings, mono)

    def holds(self, mono: float) -> Tri:
        """Whether a rule may begin: each for as long as it must."""
        return self._together(lambda watch: watch.limit.holds(mono))

    def beyond(self) -> Tri:
        """The same without the times."""
        return self._together(lambda watch: watch.limit.beyond)

    def goes_on(self, mono: float) -> Tri:
        """Whether a rule that acts may go on."""
        return self._together(lambda watch: watch.goes_on(mono))

    def waits(self, mono: float, acting: bool) -> Iterator[float]:
        """Seconds after which a look is worth it though no sensor has news."""
        for watch in self.watches:
            wait = watch.bears_s(mono) if acting else watch.limit.left_s(mono)
            if 0 < wait < math.inf:
                yield wait

    def resume(self) -> None:
        """A rule goes on that acted before a power cut: its conditions held then."""
        for watch in self.watches:
            watch.limit.remember(True)

    def _together(self, asked: Callable[[Watch], Tri]) -> Tri:
        alls, anys = [asked(each) for each in self.all_of], [asked(each) for each in self.any_of]
        return _all((_all(alls), _any(anys) if anys else True))


def _all(answers: Iterable[Tri]) -> Tri:
    known = tuple(answers)
    return False if False in known else None if None in known else True


def _any(answers: Iterable[Tri]) -> Tri:
    known = tuple(answers)
    return True if True in known else None if None in known else False
