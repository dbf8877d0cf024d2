"""The emergencies that sound now, as residents see them: also what they say, for who cannot hear the horn."""

from dataclasses import dataclass

from edge_agent.contract.segments import Text
from edge_agent.contract.sentences import Language
from hub.air.emergency import Emergencies
from hub.air.onair import alarms
from hub.bulletins.desk import Bulletins
from hub.marks import Mark
from hub.residents.places import is_in
from hub.sentences import Speaker
from hub.shown import Shown
from hub.views import node_zone

_MOST_PLACES = 12


@dataclass(frozen=True, slots=True)
class Sounds:
    """One of them. `id`: as loudspeakers name it.

    `words`: paragraphs, none where the hub does not know what is said; `places`: where it sounds.
    """

    id: str
    title: str
    words: tuple[str, ...]
    places: tuple[str, ...]


class Sounding:
    """What nodes report, put together with the words that this hub sent."""

    def __init__(self, shown: Shown, emergencies: Emergencies, desk: Bulletins) -> None:
        self._shown = shown
        self._emergencies = emergencies
        self._desk = desk

    def within(self, commune: str, language: Language) -> tuple[Sounds, ...]:
        """Those of a commune; of all where it is empty."""
        shown, now = self._shown, self._shown.clock.now()
        found = alarms(
            (node, shown.ledger.accounts.get(node.address), Speaker(language, node_zone(node, shown.zone), now))
            for node in shown.registry.standings.marked[Mark.ALARM].values()
            if is_in(node.commune, commune)
        )
        return tuple(
            Sounds(one.id, one.title, self._words(one.id), tuple(title for _, _, title in one.places[:_MOST_PLACES]))
            for one in found
        )

    def _words(self, id_: str) -> tuple[str, ...]:
        emergency = self._emergencies.get(id_)
        if emergency is not None:
            return tuple(line for line in emergency.words.text.splitlines() if line.strip())
        bulletin = self._desk.open.get(id_)
        content = (bulletin.released or bulletin).content if bulletin else None
        return tuple(each.text for each in content.segments if isinstance(each, Text)) if content else ()
