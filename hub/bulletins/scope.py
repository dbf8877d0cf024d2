"""Where bulletins are heard, and who may do what with them there."""

from collections.abc import Iterable
from dataclasses import dataclass

from hub.bulletins.model import HubBulletin, State, Targets
from hub.node import Node
from hub.people.areas import Area, Areas
from hub.people.rights import Person, Place, Right


@dataclass(frozen=True, slots=True)
class Scope:
    """Asks the areas, as they are now."""

    areas: Areas

    def places(self, targets: Targets) -> tuple[Place, ...]:
        """The places; those of nodes with the area in which the node stands."""
        parsed = (Place.parse(text) for text in targets.places)
        return tuple(self.areas.place_of(f"{p.commune}/{p.node}") if p.node else p for p in parsed)

    def nodes(self, targets: Targets) -> list[Node]:
        """The nodes that shall play it, those with a loudspeaker, each once."""
        found = {node.address: node for place in self.places(targets) for node in self.areas.inside(place)}
        return [node for node in found.values() if speaks(node)]

    def unknown(self, targets: Targets) -> list[str]:
        """Areas and nodes that nobody has heard of."""
        parsed = [(text, Place.parse(text)) for text in targets.places]
        return [text for text, place in parsed if (place.node or place.area) and not self.areas.inside(place)]

    def holds(self, targets: Targets, node: Node) -> bool:
        """Whether this node shall play it."""
        here = self.areas.place(node)
        return speaks(node) and any(place.holds(here) for place in self.places(targets))

    def may(self, who: Person, right: Right, targets: Targets) -> bool:
        """Whether somebody has a right in all of the places; with none yet, whether anywhere."""
        places = self.places(targets)
        return all(who.may(right, place) for place in places) if places else who.may_somewhere(right)

    def may_see(self, who: Person, bulletin: HubBulletin) -> bool:
        """Whether somebody is shown it: their own, what they approve or write there, what is heard where they are."""
        if bulletin.created_by == who.id:
            return True
        if self.may(who, Right.APPROVE, bulletin.targets) or self.may(who, Right.ADMINISTER, bulletin.targets):
            return bool(bulletin.targets.places) or bulletin.state is not State.DRAFT
        if bulletin.state in (State.DRAFT, State.RETURNED) and bulletin.released is None:
            return self.may(who, Right.WRITE, bulletin.targets) and bool(bulletin.targets.places)
        wanted = self.places(bulletin.targets)
        return any(mine.holds(place) or place.holds(mine) for mine in who.places(Right.SEE) for place in wanted)

    def may_write(self, who: Person, bulletin: HubBulletin) -> bool:
        """Whether somebody may change it: who may write in all of its places; before it has any, its author."""
        if not bulletin.targets.places and bulletin.created_by != who.id:
            return who.may_everywhere(Right.ADMINISTER)
        return self.may(who, Right.WRITE, bulletin.targets)

    def choices(self, who: Person, right: Right) -> tuple[list[str], list[Area], list[Node]]:
        """Communes, areas and nodes that somebody may choose."""
        nodes = [node for node in self.areas.nodes(who, right) if speaks(node)]
        communes = sorted({node.commune for node in nodes if who.may(right, Place(node.commune))})
        areas = [area for area in self.areas.all(nodes) if who.may(right, area.place)]
        return communes, areas, sorted(nodes, key=lambda node: (node.title.casefold(), node.address))

    def words(self, targets: Targets, everywhere: str, commune: str) -> list[str]:
        """The places as people call them. `everywhere`, `commune`: words for those."""
        names = {str(area.place): area.name for area in self.areas.all()}
        return [self._word(Place.parse(text), names, everywhere, commune) for text in targets.places]

    def _word(self, place: Place, names: dict[str, str], everywhere: str, commune: str) -> str:
        if place.area:
            return names.get(str(place), place.area)
        if place.node:
            return title_of(self.areas.inside(place), place.node)
        return commune if place.commune else everywhere


def title_of(nodes: Iterable[Node], name: str) -> str:
    """What people call the node."""
    return next((node.title for node in nodes), name)


def speaks(node: Node) -> bool:
    """Whether it has a loudspeaker, as far as it has said what it has."""
    return node.about is None or any(thing.kind == "speaker" for thing in node.about.capabilities)
