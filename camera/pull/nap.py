"""Let pictures gather in the socket while nobody looks live.

Waking for each picture costs more than what is then done with it: reading some at once takes two thirds of the time.
"""

from __future__ import annotations

import threading

NAP_S = 0.25
"""So much later is a picture taken over, at most. At 8 Mbit/s 250 kB gather: the kernel's buffer grows to that."""
WAKE_S = 3.0
"""A new connection is read at once for so long: what was lost before it counts in tenths of a second."""
_WAITED_S = 0.005
"""A read that took longer has waited for the camera: nothing more is there."""
_MOST = 16
"""So many pictures are handed on together at most."""


def nap_for(timeout_s: float) -> float:
    """Return the nap that suits a limit of silence: a freeze must be seen in time."""
    return min(NAP_S, timeout_s / 8)


class Nap:
    """For one thread; `hurry` is set by others while every picture is wanted at once. Without it there is no nap."""

    def __init__(self, hurry: threading.Event | None, nap_s: float) -> None:
        self._hurry, self._nap_s = hurry, nap_s

    def is_due(self, read_s: float, connected_s: float, pictures: int) -> bool:
        """Whether what was read is to be handed on: the last read, of `read_s`, has emptied the socket, or it hurries.

        Handed on together, pictures take half the time that they take one by one between libav's calls.
        """
        return read_s > _WAITED_S or pictures >= _MOST or not self._is_free(connected_s)

    def rest(self, read_s: float, connected_s: float) -> None:
        """Let pictures gather in an empty socket; a hurry ends it."""
        if self._hurry is not None and read_s > _WAITED_S and self._is_free(connected_s):
            self._hurry.wait(self._nap_s)

    def _is_free(self, connected_s: float) -> bool:
        return self._hurry is not None and connected_s > WAKE_S and not self._hurry.is_set()
