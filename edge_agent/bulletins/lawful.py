"""Lawful hours, as the calendar asks for them: when something is planned, and again when it is to be heard."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from edge_agent.bulletins.ledger import Ledger
from edge_agent.calendar import Policy, Verdict, check_plan, permit
from edge_agent.clock import Clock
from edge_agent.contract.bulletins import Bulletin, BulletinClass
from edge_agent.contract.errors import Fault, Refusal


class Lawful:
    """The policy of the node, and the minutes that were used today."""

    def __init__(self, policy: Policy, ledger: Ledger, clock: Clock, zone: ZoneInfo) -> None:
        self._policy = policy
        self._ledger = ledger
        self._clock = clock
        self._zone = zone

    async def violation(
        self, bulletin: Bulletin, seconds: float | None, others: Iterable[tuple[Bulletin, float | None]]
    ) -> Fault | None:
        """Why the law forbids an instance of the coming weeks: the first one, its rule and the next lawful instant.

        `others`: the rest of what is planned for the same speaker, with how long it lasts if that is known.
        """
        if bulletin.class_ == "emergency":
            return None
        found = await asyncio.to_thread(
            check_plan, self._policy, bulletin, seconds, list(others), now=self._clock.now(), zone=self._zone
        )
        return found[0].fault if found else None

    def verdict(self, bulletin: Bulletin, speaker: str, at: datetime, seconds: float | None) -> Verdict:
        """Judge what is to begin at an instant."""
        return self._verdict(bulletin.class_, speaker, at, seconds)

    def require(self, bulletin: Bulletin, speaker: str, at: datetime, seconds: float | None) -> None:
        """Raise Refusal with the rule and the next lawful instant where it may not begin, or would end too late."""
        self.require_class(bulletin.class_, speaker, at, seconds)

    def require_class(self, class_: BulletinClass, speaker: str, at: datetime, seconds: float | None) -> None:
        """The same for what is no bulletin: somebody speaks now."""
        verdict = self._verdict(class_, speaker, at, seconds)
        if not verdict.allowed and verdict.fault is not None:
            raise Refusal(verdict.fault.code, **verdict.fault.params)

    def _verdict(self, class_: BulletinClass, speaker: str, at: datetime, seconds: float | None) -> Verdict:
        return permit(self._policy, class_, at, seconds, self._ledger.aired(speaker), self._zone)
