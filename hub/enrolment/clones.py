"""Two boxes under one identity: a card that was copied. Noticed by the board that each status tells."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import Status
from hub.clock import Clock
from hub.enrolment import happened
from hub.enrolment.happened import Happened
from hub.enrolment.known import Known
from hub.store import Store, StoreFull

logger = logging.getLogger(__name__)

REMEMBERED = 4
"""Boards of a node; the last ones."""
LEAVES = timedelta(minutes=1)
"""So long after a box was replaced the old one may still be heard: the broker has to read that it is revoked."""
AGAIN_S = 5.0
OnClone = Callable[[str, str, str], None]
"""Told once: address, the one board and the other."""


@dataclass
class _Seen:
    """`turns`: boards as they followed each other. `pair`: the two that are here at once."""

    turns: list[str] = field(default_factory=list)
    pair: tuple[str, str] | None = None
    serial: str = ""


class Clones:
    """A node whose certificate was given to one board and that speaks from another; or two boards in turn.

    A box that was replaced is none: it got a certificate of its own, or its board does not come back.
    """

    def __init__(self, known: Known, clock: Clock, on_clone: OnClone) -> None:
        self._known = known
        self._clock = clock
        self._on_clone = on_clone
        self._seen: dict[str, _Seen] = {}

    def looked_at(self, address: str, status: Status) -> Status:
        """The status, with a fault where the node is two."""
        seen = self._seen.setdefault(address, _Seen())
        trusted = self._known.get(address)
        if trusted is not None and trusted.serial != seen.serial:  # a certificate that is newer than what was seen
            pair = self._known.pair(address, trusted.serial)  # noticed before the hub was started again: not told anew
            seen = self._seen[address] = _Seen(serial=trusted.serial, pair=pair)
        if status.online and status.board and not self._is_leaving(address, status.board):
            self._note(address, seen, status.board, trusted.mark if trusted and trusted.revoked is None else "")
        if seen.pair is None:
            return status
        fault = Fault.of("enrol.cloned", board=seen.pair[0], other=seen.pair[1])
        return status.model_copy(update={"fault": fault})

    def _is_leaving(self, address: str, board: str) -> bool:
        """Whether this is the box that was replaced a moment ago."""
        replaced = [each for each in self._known.happened(address) if each.kind == "replaced"]
        return bool(replaced) and replaced[-1].board == board and self._clock.now() - replaced[-1].at < LEAVES

    def _note(self, address: str, seen: _Seen, board: str, certified: str) -> None:
        other = ""
        if certified and board != certified:
            other = certified
        elif board in seen.turns and seen.turns[-1] != board:
            other = seen.turns[-1]
        if not seen.turns or seen.turns[-1] != board:
            seen.turns = [*seen.turns, board][-REMEMBERED:]
        if other and seen.pair is None:
            seen.pair = (other, board)
            logger.error("%s speaks from two boards, %s and %s: its card was copied", address, other, board)
            self._on_clone(address, other, board)


class ClonesLog:
    """Writes down what was noticed, for the node's history. `run` it supervised."""

    def __init__(self, store: Store, clock: Clock, known: Known) -> None:
        self._store = store
        self._clock = clock
        self._known = known
        self._noted: list[Happened] = []
        self._woken = asyncio.Event()

    def note(self, address: str, board: str, other: str) -> None:
        """Two boards under one name, now."""
        commune, _, name = address.partition("/")
        trusted = self._known.get(address)
        serial = trusted.serial if trusted else ""
        self._noted.append(Happened(commune, name, "cloned", self._clock.now(), board, other, serial=serial))
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled. What cannot be written now is tried again."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            noted = tuple(self._noted)
            try:
                if noted:
                    await self._store.call(partial(happened.write, noted=noted))
                del self._noted[: len(noted)]
                await self._known.look()
            except (SQLAlchemyError, StoreFull) as error:
                logger.error("a clone is not written down: %s", error)
                await asyncio.sleep(AGAIN_S)
                self._woken.set()
