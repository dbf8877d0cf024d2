"""What is asked of many clusters at once: speak, stop, set the volume, ask once more. For pages and programs."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from edge_agent.contract.commands import Args, SetVolume, Speak, StopSpeaker
from edge_agent.contract.sentences import Language
from hub.air.choosing import nodes_in, speaking_nodes
from hub.air.proofs import Proofs
from hub.air.rounds import Round, Rounds
from hub.air.site import Site
from hub.air.spoken import LEFT, Told, answered, told
from hub.draft import Draft
from hub.forms import FormError
from hub.linked import linked
from hub.marks import Mark
from hub.node import Node
from hub.people.acting import person
from hub.people.audit import Audit
from hub.people.rights import Right
from hub.readingdesk import ReadingDesk

TOGETHER = timedelta(seconds=6)
"""Nodes make the voice meanwhile, and begin at one instant. One that is later than that begins when it can."""
SPEAK_LIFE_S = 15.0
"""Words for now are refused by a node that gets them later."""
SPEAK_S = 180.0
"""The last word of a node comes when it has said all of it."""
ACT_S = 6.0
"""Nodes refuse it afterwards, so that nothing happens unexpectedly."""


class RoundActs:
    """Begins rounds, each where who asks may speak; only who asked for one may look at it."""

    def __init__(self, site: Site, rounds: Rounds, proofs: Proofs, reading: ReadingDesk, audit: Audit) -> None:
        self._site = site
        self._rounds = rounds
        self._proofs = proofs
        self._reading = reading
        self._audit = audit

    @property
    def mine(self) -> list[Round]:
        """Those of who asks, the newest first."""
        return [made for made in self._rounds.all if made.owner == person().id]

    def get(self, id_: str) -> Round | None:
        """One of them."""
        made = self._rounds.get(id_)
        return made if made is not None and made.owner == person().id else None

    def within(self, place: str) -> list[Node]:
        """Clusters at which who asks may speak: in a place, or all of them."""
        areas, who = self._site.areas, person()
        if place:
            return nodes_in(areas, who, Right.SPEAK, [place])
        return speaking_nodes(areas, who, Right.SPEAK)

    def hearers(self, places: Collection[str]) -> list[Node]:
        """Those who would hear a notice. Raises FormError where there is none, or nobody can be reached."""
        nodes = nodes_in(self._site.areas, person(), Right.SPEAK, places)
        if not nodes:
            raise FormError("air.nowhere")
        linked(self._site.shown)
        if not any(node.online for node in nodes):
            raise FormError("mic.all_away", count=len(nodes))
        return nodes

    async def speak(self, draft: Draft, places: Collection[str], language: Language) -> Round:
        """Have a text that was read spoken now, by all at one instant. Raises FormError, StoreFull, SQLAlchemyError."""
        nodes, text = self.hearers(places), draft.text
        args = Speak(text=text, readings=draft.readings, at=self._site.shown.clock.now() + TOGETHER)
        self._audit.note("air.speak", ", ".join(places)[:300], text, nodes=len(nodes))
        await self._reading.kept(draft, language)
        return self._rounds.begin("speak", text[:200], args, nodes, limit=SPEAK_S, life=SPEAK_LIFE_S)

    def stop(self, place: str) -> Round:
        """Silence what plays in a place. Raises FormError where nothing does, StoreFull."""
        marked = self._site.shown.registry.standings.marked[Mark.ON_AIR]
        nodes = [node for node in self.within(place) if node.address in marked]
        if not nodes:
            raise FormError("air.nothing_plays")
        return self._begin("stop", "", StopSpeaker(), nodes)

    def volume(self, args: SetVolume, place: str) -> Round:
        """Set the volume in a place. Raises FormError where there is no cluster, StoreFull."""
        nodes = self.within(place)
        if not nodes:
            raise FormError("air.no_places")
        return self._begin("volume", f"{args.volume:.0f} %", args, nodes)

    async def told(self, made: Round, language: Language) -> dict[str, Told]:
        """What became of it at each cluster."""
        try:
            proofs = await self._proofs.of_round(made) if made.kind == "speak" else {}
        except SQLAlchemyError:
            proofs = {}
        known, speaker, here = (
            self._site.shown.registry.nodes,
            self._site.speaker_at(language),
            self._site.speaker(language),
        )
        found = {}
        for address in made.nodes:
            speak = speaker(known[address]) if address in known else here
            state, outcome = made.state(address, here.now), made.outcomes.get(address)
            if made.kind == "speak":
                found[address] = told(state, outcome, proofs.get(address), speak, over=made.over)
            else:
                found[address] = answered(state, outcome, speak)
        return found

    async def again(self, made: Round) -> Round:
        """Ask those once more that did not do it, where who asks may. Raises FormError where there is none."""
        known, areas, who = self._site.shown.registry.nodes, self._site.areas, person()
        fates = await self.told(made, "vi")
        asked = [known[address] for address, one in fates.items() if one.fate in LEFT and address in known]
        left = [node for node in asked if areas.may(who, Right.SPEAK, node.address)]
        if not left:
            raise FormError("air.nobody_left")
        linked(self._site.shown)
        args = made.args.model_copy(update={"at": None}) if hasattr(made.args, "at") else made.args
        return self._rounds.begin(made.kind, made.what, args, left, limit=made.limit, life=made.life)

    def _begin(self, kind: str, what: str, args: Args, nodes: list[Node]) -> Round:
        linked(self._site.shown)
        self._audit.note(f"air.{kind}", "", what, nodes=[node.address for node in nodes][:100])
        return self._rounds.begin(kind, what, args, nodes, limit=ACT_S, life=ACT_S)
