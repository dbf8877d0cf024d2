"""What stands at the head of a village's page: how many lamps are on, tonight's picture, the month's energy."""

from dataclasses import dataclass

from edge_agent.contract.sentences import Language
from hub.language import translator
from hub.monthly.sums import Asked
from hub.monthly.sums import energy as month_energy
from hub.monthly.tables import millis, month_of
from hub.node import Node
from hub.people.acting import person
from hub.people.rights import Right
from hub.sentences import Speaker
from hub.shown import Shown
from hub.store import Store
from hub.things import tonight
from hub.things.campaigns import Campaigns, CommuneView
from hub.things.villages import Village, counted, panel
from hub.things.words import digits
from hub.views import node_zone

MOST_PASTS = 500
"""Nodes whose evening is remembered."""


@dataclass(frozen=True, slots=True)
class VillageView:
    """What changes at the head of a village's page."""

    name: str
    path: str
    lit: str
    panel: CommuneView | None
    night: tonight.Night | None


class Drawing:
    """Finds it for whom asks."""

    def __init__(self, shown: Shown, store: Store, campaigns: Campaigns) -> None:
        self._shown = shown
        self._store = store
        self._campaigns = campaigns
        self._pasts: dict[str, tuple[int, tonight.Past]] = {}

    async def view(self, each: Village, nodes: list[Node], language: Language) -> VillageView:
        """The head of its page; `nodes`: those on this page. Raises SQLAlchemyError."""
        on, lamps = counted(each.nodes)
        t = translator(language)
        past = [(node, await self._past(node)) for node in nodes]
        zone = node_zone(nodes[0], self._shown.zone) if nodes else self._shown.zone
        speak = Speaker(language, zone, self._shown.clock.now())
        return VillageView(
            name=each.name,
            path=each.path,
            lit=t("groups.lit", on=on, all=lamps) if lamps else t("lights.none_here"),
            panel=panel(self._shown, self._campaigns, each, language),
            night=tonight.night(past, speak),
        )

    async def energy(self, each: Village, language: Language) -> str:
        """Of this month, for who may read reports here; empty where nothing is known."""
        if not person().may(Right.REPORTS, each.place):
            return ""
        now, zone = millis(self._shown.clock.now()), self._shown.zone
        asked = Asked(month_of(now, zone), zone, now, tuple(node.address for node in each.nodes))
        found = await self._store.read(lambda connection: month_energy(connection, asked))
        speak = Speaker(language, zone, self._shown.clock.now())
        return ", ".join(speak.t(f"lights.{family}", kwh=digits(speak, kwh)) for family, kwh in found.items())

    async def _past(self, node: Node) -> tonight.Past:
        """Read anew only when the node has told something since: a stream draws twice a second."""
        account = self._shown.ledger.accounts.get(node.address)
        version = account.version if account else 0
        known = self._pasts.get(node.address)
        if known is None or known[0] != version:
            past = await self._store.read(lambda connection: tonight.switched(connection, node.address))
            known = self._pasts[node.address] = (version, past)
            while len(self._pasts) > MOST_PASTS:
                del self._pasts[next(iter(self._pasts))]
        return known[1]
