"""Emergencies of programs that wait for their second step."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

from hub.air.emergency_acts import Asked
from hub.people.acting import person

MOST = 200


@dataclass(slots=True)
class Prepares:
    """What waits for its second step; nothing of it outlives the hub."""

    _kept: OrderedDict[str, tuple[str, str, datetime, Asked]] = field(default_factory=OrderedDict)

    def keep(self, where: str, asked: Asked, ends: datetime) -> str:
        """The code. `where`: the node at which it is good, or a word for all others."""
        code = secrets.token_urlsafe(9)
        self._kept[code] = (person().id, where, ends, asked)
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return code

    def take(self, code: str, where: str, now: datetime) -> Asked | None:
        """What was prepared there by who asks; None: nothing, not theirs, too late, or let go already."""
        owner, there, ends, asked = self._kept.get(code, ("", "", now, None))
        if asked is None or (owner, there) != (person().id, where):
            return None
        del self._kept[code]
        return asked if now < ends else None
