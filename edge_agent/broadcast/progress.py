"""Tells that a play goes on: a driver that neither plays nor ends would hold the air for ever."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from drivers.contract import Control

_STALL_S = 60.0
_LOOK_S = 1.0


class Progress:
    """Of one speaker. `turned(name, within_s)` hears while it goes on, `rests(name)` when it is over."""

    def __init__(
        self,
        name: str = "",
        turned: Callable[[str, float], None] = lambda _name, _within_s: None,
        rests: Callable[[str], None] = lambda _name: None,
    ) -> None:
        self._name = name
        self._turned = turned
        self._rests = rests

    @contextmanager
    def of(self, control: Control, ahead_s: float, seconds: float | None) -> Iterator[None]:
        """Watch a play that begins in `ahead_s` seconds and lasts `seconds`; None: nobody knows how long.

        Of what has no end, and of which the driver does not say how far it is, nobody can tell whether it hangs.
        """
        if seconds is not None:
            self._turned(self._name, ahead_s + seconds + _STALL_S)
        task = asyncio.create_task(self._look(control), name="progress")
        try:
            yield
        finally:
            task.cancel()
            self._rests(self._name)

    async def _look(self, control: Control) -> None:
        position = control.position_s
        while True:
            await asyncio.sleep(_LOOK_S)
            if control.position_s != position:
                position = control.position_s
                self._turned(self._name, _STALL_S)
