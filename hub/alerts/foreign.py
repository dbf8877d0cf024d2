"""Foreign alerts that wait for a person, and which places they mean."""

from typing import Any

import sqlalchemy as sa

from edge_agent.contract.sentences import Language
from hub.alerts.model import Rule, Trouble
from hub.alerts.stands import Concerns
from hub.cap.bringer import CALM
from hub.cap.rows import State
from hub.cap.tables import acts, alerts
from hub.language import sentence
from hub.people.rights import EVERYWHERE, Place
from hub.store import Store

MOST = 500
_CALM = sa.exists().where(acts.c.alert == alerts.c.id, acts.c.act == CALM)
_COLUMNS = (alerts.c.id, alerts.c.title, alerts.c.areas, alerts.c.proved, alerts.c.given_by)
_WAITING = sa.select(*_COLUMNS, _CALM.label("calm")).where(alerts.c.state == State.WAITING.value).limit(MOST)


class ForeignAlerts:
    """Which wait now. Where one means is found out once: reading it takes a while."""

    def __init__(self, store: Store, concerns: Concerns, language: Language) -> None:
        self._store = store
        self._concerns = concerns
        self._language: Language = language
        self._places: dict[str, tuple[Place, ...]] = {}

    async def troubles(self) -> dict[str, Trouble]:
        """By key. One whose places nobody knows concerns everybody. Raises SQLAlchemyError."""
        rows = await self._store.read(lambda c: c.execute(_WAITING).fetchall())
        self._places = {row.id: self._places.get(row.id) or await self._concerns(row.id) for row in rows}
        found = [self._trouble(row) for row in rows]
        return {each.key: each for each in found}

    def _trouble(self, row: Any) -> Trouble:
        """Nobody is woken for what proves nothing and somebody brought who does not decide; once proved it is new."""
        urgent = bool(row.proved or not row.calm)
        key, detail = f"cap:{row.id}" if urgent else f"cap:{row.id}:unproved", row.areas
        if not row.proved:
            word = "notify.cap_brought" if row.given_by else "notify.cap_unproved"
            detail = " ".join((sentence(self._language, word, who=row.given_by), row.areas))
        places = self._places[row.id]
        return Trouble(key, Rule.CAP, EVERYWHERE, "", row.title, detail, urgent=urgent, places=places)
