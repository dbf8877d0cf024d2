"""What people and programs do with emergencies: look at what would sound, sound it, call again, end it."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from edge_agent.contract.sentences import Language
from hub.air.choosing import nodes_in
from hub.air.emergency import MINUTES, Emergencies
from hub.air.emergency_book import Emergency, Words
from hub.air.prepared import LONGEST, Prepared
from hub.air.site import Site
from hub.choices import Choices
from hub.draft import Draft
from hub.forms import FormError
from hub.node import Node
from hub.people.acting import person
from hub.people.rights import Right
from hub.readingdesk import ReadingDesk


@dataclass(frozen=True, slots=True)
class Wanted:
    """Words to be sounded. `minutes`: how long at most; `use`: id of the prepared message they come from."""

    text: str
    title: str = ""
    clear: str = ""
    drill: bool = False
    minutes: int = MINUTES[1]
    use: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """The same looked at: the words, how they will be read, and where they will sound."""

    words: Words
    draft: Draft
    nodes: list[Node]
    minutes: int


class EmergencyActs:
    """Each where who asks may sound emergencies; seen where they may see."""

    def __init__(self, site: Site, reading: ReadingDesk, emergencies: Emergencies, prepared: Prepared) -> None:
        self._site = site
        self._reading = reading
        self._emergencies = emergencies
        self._prepared = prepared

    async def asked(self, wanted: Wanted, places: Collection[str], chosen: Choices, language: Language) -> Asked:
        """What would sound; nothing does yet. Raises FormError."""
        nodes = nodes_in(self._site.areas, person(), Right.EMERGENCY, places)
        if not nodes:
            raise FormError("emergency.nowhere")
        if wanted.drill and "diễn tập" not in wanted.text.casefold():
            raise FormError("emergency.drill_words")
        draft = await self._reading.draft(wanted.text, chosen, language)
        title = wanted.title[:200] or wanted.text[:80]
        words = Words(title, wanted.text, draft.readings, wanted.clear[:LONGEST], wanted.drill)
        known = self._prepared.get(wanted.use)
        if known is not None and known.text == wanted.text and not draft.choices.spoken:
            words = replace(words, sound=known.sound)
        return Asked(words, draft, nodes, wanted.minutes)

    async def sound(self, asked: Asked, id_: str | None = None) -> str:
        """Sound it where who asks still may; returns its id. Raises FormError where that is nowhere."""
        areas, who = self._site.areas, person()
        there = [node.address for node in asked.nodes if areas.may(who, Right.EMERGENCY, node.address)]
        if not there:
            raise FormError("emergency.nowhere")
        return await self._emergencies.sound(asked.words, there, asked.minutes, id_)

    @property
    def seen(self) -> list[Emergency]:
        """The last ones that who asks may see, the newest first."""
        return [emergency for emergency in self._emergencies.all if self._is_seen(emergency)]

    def get(self, id_: str) -> Emergency | None:
        """One of them."""
        emergency = self._emergencies.get(id_)
        return emergency if emergency is not None and self._is_seen(emergency) else None

    def may_end(self, emergency: Emergency) -> bool:
        """Whether who asks may end it: everywhere where it sounds."""
        areas, who = self._site.areas, person()
        return all(areas.may(who, Right.EMERGENCY, address) for address in emergency.nodes)

    async def again(self, emergency: Emergency) -> int:
        """Call those once more that did not answer well, where who asks may; how many. Raises StoreFull."""
        areas, who = self._site.areas, person()
        return await self._emergencies.again(emergency.id, lambda address: areas.may(who, Right.EMERGENCY, address))

    async def clear(self, emergency: Emergency) -> None:
        """The all-clear. Raises FormError where it sounds at others' too, StoreFull, SQLAlchemyError."""
        if not self.may_end(emergency):
            raise FormError("emergency.not_yours")
        await self._emergencies.all_clear(emergency.id)

    def may_see(self, address: str) -> bool:
        """Whether who asks may know how it stands at a node: a program may have the one right without the other."""
        areas, who = self._site.areas, person()
        return areas.may(who, Right.SEE, address) or areas.may(who, Right.EMERGENCY, address)

    def _is_seen(self, emergency: Emergency) -> bool:
        return any(map(self.may_see, emergency.nodes))
