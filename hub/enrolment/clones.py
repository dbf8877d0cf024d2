"""Two boxes under one identity: a card that was copied. Noticed by the board that each status tells."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import Status
from hub.enrolment.known import Known

logger = logging.getLogger(__name__)

REMEMBERED = 4
"""Boards of a node; the last ones."""
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

    def __init__(self, known: Known, on_clone: OnClone) -> None:
        self._known = known
        self._on_clone = on_clone
        self._seen: dict[str, _Seen] = {}

    def looked_at(self, address: str, status: Status) -> Status:
        """The status, with a fault where the node is two."""
        seen = self._seen.setdefault(address, _Seen())
        trusted = self._known.get(address)
        if trusted is not None and trusted.serial != seen.serial:  # a certificate that is newer than what was seen
            seen = self._seen[address] = _Seen(serial=trusted.serial)
        if status.online and status.board:
            self._note(address, seen, status.board, trusted.mark if trusted and trusted.revoked is None else "")
        if seen.pair is None:
            return status
        fault = Fault.of("enrol.cloned", board=seen.pair[0], other=seen.pair[1])
        return status.model_copy(update={"fault": fault})

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
