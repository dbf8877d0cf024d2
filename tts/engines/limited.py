"""A time limit for calls that have none of their own, such as a look-up of a host name."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from tts.errors import EngineError

T = TypeVar("T")


class LimitedThread:
    """Runs one call at a time in a named thread and stops waiting for it in time.

    A call that does not end is left behind in its thread (which holds up nothing, not even the end of the process);
    until it has ended, no other call is started, so hanging calls cannot pile up.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None

    def run(self, call: Callable[[], T], timeout_s: float) -> T:
        """Return the result of `call`, or raise what it raises.

        Raises:
            EngineError: `engine.timeout`, not ended within `timeout_s` seconds, or an earlier call still hangs.
        """
        if self._thread is not None and self._thread.is_alive():
            raise EngineError("engine.timeout", "an earlier request still hangs")
        future: Future[T] = Future()
        self._thread = threading.Thread(target=_fulfil, args=(future, call), name=self._name, daemon=True)
        self._thread.start()
        try:
            return future.result(timeout_s)
        except TimeoutError:
            raise EngineError("engine.timeout", f"no answer within {timeout_s:g} s") from None


def _fulfil(future: Future[T], call: Callable[[], T]) -> None:
    try:
        future.set_result(call())
    except Exception as error:  # noqa: BLE001 - carried to the thread that waits, which raises it
        future.set_exception(error)
