"""Emergencies of programs that wait for their second step."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

from edge_agent.contract.commands import Speak
from hub.people.acting import person

MOST = 200


@dataclass(slots=True)
class Prepares:
    """What waits for its second step; nothing of it outlives the hub."""

    _kept: OrderedDict[str, tuple[str, str, datetime, Speak]] = field(default_factory=OrderedDict)

    def keep(self, address: str, args: Speak, ends: datetime) -> str:
        """The code."""
        code = secrets.token_urlsafe(9)
        self._kept[code] = (person().id, address, ends, args)
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return code

    def take(self, code: str, address: str, now: datetime) -> Speak | None:
        """What was prepared for this node by who asks; None: nothing, not theirs, too late, or let go already."""
        owner, where, ends, args = self._kept.get(code, ("", "", now, None))
        if args is None or (owner, where) != (person().id, address):
            return None
        del self._kept[code]
        return args if now < ends else None
