"""The hub's own connection to its broker: while it is away nothing can be said, switched or seen."""

from collections.abc import Callable
from datetime import datetime, timedelta

from edge_agent.contract.sentences import Language
from hub.alerts.model import Rule, Trouble
from hub.alerts.outbox import Kind
from hub.alerts.settings import Notify
from hub.language import sentence
from hub.people.rights import EVERYWHERE

KEY = "hub:broker"


class OwnLink:
    """Told like a node that is away, and at any hour; over when it has held for a while."""

    def __init__(self, connected: Callable[[], bool], settings: Notify, language: Language) -> None:
        self._connected = connected
        self._away = timedelta(minutes=settings.away_minutes)
        self._settle = timedelta(seconds=settings.settle_s)
        self._up = True
        self._since: datetime | None = None
        name, detail = sentence(language, "notify.hub_name"), sentence(language, "notify.hub_detail")
        self.trouble = Trouble(KEY, Rule.HUB, EVERYWHERE, "", name, detail, urgent=True)

    def news(self, now: datetime, *, told: bool) -> Kind | None:
        """What is to be told now. `told`: whether people know that it is away."""
        up = self._connected()
        if self._since is None or up != self._up:
            self._up, self._since = up, now
        lasted = now - self._since
        if not up and not told and lasted >= self._away:
            return "new"
        return "over" if up and told and lasted >= self._settle else None
