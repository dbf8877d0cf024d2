"""What becomes of a request, as it is told to who asked: so that the audit log says the same."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

NOT_DONE = "not_done"
"""The outcome where no key says why."""
_KEY = re.compile(r"[a-z_]+(\.[a-z0-9_]+)+")


@dataclass(slots=True)
class Noted:
    """Within one request: which acts were written down, and why it was not done. `why` empty: nobody said so."""

    acts: list[str] = field(default_factory=list)
    why: str = ""
    said: str = ""

    def outcome(self, status: int) -> str:
        """`done`, or why not. `status`: of the answer over HTTP."""
        return self.why or ("done" if status < 400 else str(status))


_NOTED: ContextVar[Noted | None] = ContextVar("noted", default=None)


@contextmanager
def noting() -> Iterator[Noted]:
    """What is noted within; who is let in by the door can see by it whether anything was."""
    noted = Noted()
    token = _NOTED.set(noted)
    try:
        yield noted
    finally:
        _NOTED.reset(token)


def noted_act(act: str) -> None:
    """An act was written down."""
    if (noted := _NOTED.get()) is not None:
        noted.acts.append(act)


def not_done(key: str = "", said: str = "") -> None:
    """Somebody is told that it was not done. `key`: of the sentence, `said`: the sentence. The first reason stays."""
    if (noted := _NOTED.get()) is not None and (not noted.why or noted.why == NOT_DONE):
        noted.why, noted.said = key or NOT_DONE, said


def why_of(error: BaseException) -> str:
    """The key that an error carries; `failed` where it has none."""
    text = str(error)
    return text if _KEY.fullmatch(text) else "failed"
