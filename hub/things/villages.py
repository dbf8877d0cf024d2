"""Villages (areas) and their lights, for whom asks: found, counted, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.contract.sentences import Language
from edge_agent.contract.switched import LightState
from hub.language import sort_key, translator
from hub.marks import Mark
from hub.node import Node
from hub.people.acting import person
from hub.people.rights import Place, Right
from hub.plain import plain
from hub.shown import Shown
from hub.standing import in_order
from hub.things.campaigns import ALL_LIGHTS, Campaigns, CommuneView, nodes_with, shared_by, told

ON_PAGE = 20
LAMPS_ON_PAGE = 60
"""A page of a village holds whole nodes, until there are so many lamps."""
NO_AREA = "-"
"""What the nodes that stand in no area are called in addresses."""


@dataclass(frozen=True, slots=True)
class Village:
    """An area, and those of its nodes that who asks may switch."""

    commune: str
    area: str
    name: str
    nodes: tuple[Node, ...]

    @property
    def path(self) -> str:
        """Its page."""
        return f"/lights/{self.commune}/{self.area}"

    @property
    def key(self) -> str:
        """In the ids of its parts."""
        return f"village_{self.commune}_{self.area}"

    @property
    def place(self) -> Place:
        """As grants write it; that of nodes in no area is the commune."""
        return Place(self.commune, "" if self.area == NO_AREA else self.area)


@dataclass(frozen=True, slots=True)
class VillageRow:
    """A line of the list. `wrong`: nodes that say that something is wrong; `away`: nodes that are away."""

    key: str
    path: str
    name: str
    lit: str
    on: bool
    wrong: int
    away: int


def villages(shown: Shown, language: Language, words: str = "") -> list[Village]:
    """Those in which who asks may switch something, by name. `words`: only those called so."""
    t = translator(language)
    found: dict[tuple[str, str], list[Node]] = {}
    for node in shown.nodes(Right.SWITCH):
        found.setdefault((node.commune, node.area or NO_AREA), []).append(node)
    many = len({commune for commune, _ in found}) > 1
    all_ = [
        Village(c, a, _called(c, a, nodes, t("lights.no_area"), many), tuple(nodes)) for (c, a), nodes in found.items()
    ]
    terms = plain(words).split()
    kept = [each for each in all_ if all(term in plain(each.name) for term in terms)]
    return sorted(kept, key=lambda each: (each.area == NO_AREA, sort_key(each.name), each.path))


def _called(commune: str, area: str, nodes: Sequence[Node], none: str, many: bool) -> str:
    about = nodes[0].about
    name = none if area == NO_AREA else (about.zone or "").strip() if about else area
    return f"{name or area} ({commune})" if many else name or area


def village(shown: Shown, commune: str, area: str, language: Language) -> Village | None:
    """One of them; None where who asks may switch nothing."""
    who, areas = person(), shown.areas
    place = Place(commune, "" if area == NO_AREA else area)
    there = [node for node in areas.inside(place) if bool(node.area) is not (area == NO_AREA)]
    nodes = in_order(node for node in there if who.may(Right.SWITCH, areas.place(node)))
    many = len(areas.communes()) > 1
    if not nodes:
        return None
    return Village(
        commune, area, _called(commune, area, nodes, translator(language)("lights.no_area"), many), tuple(nodes)
    )


def row(each: Village, language: Language) -> VillageRow:
    """Its line."""
    t = translator(language)
    on, lamps = counted(each.nodes)
    wrong = sum(Mark.FAULTY in node.marks for node in each.nodes)
    away = sum(not node.online for node in each.nodes)
    lit = t("groups.lit", on=on, all=lamps) if lamps else t("lights.none_here")
    return VillageRow(each.key, each.path, each.name, lit, on > 0, wrong, away)


def counted(nodes: Sequence[Node]) -> tuple[int, int]:
    """How many lamps are on, of how many."""
    on = lamps = 0
    for node in nodes:
        for state in node.states.values():
            if isinstance(state, LightState):
                lamps += 1
                on += (state.wanted if state.actual is None else state.actual) > 0
    return on, lamps


def pages(each: Village) -> list[list[Node]]:
    """Its nodes that switch something, in pages of about `LAMPS_ON_PAGE` lamps; at least one page."""
    found: list[list[Node]] = [[]]
    lamps = 0
    for node in each.nodes:
        things = sum(c.kind in ("light", "switch") for c in (node.about.capabilities if node.about else ()))
        if not things and node.about is not None:
            continue
        if found[-1] and lamps + things > LAMPS_ON_PAGE:
            found.append([])
            lamps = 0
        found[-1].append(node)
        lamps += things
    return found


def panel(shown: Shown, campaigns: Campaigns, each: Village, language: Language) -> CommuneView | None:
    """All lights of the village at once; None where who asks may not switch all of them."""
    if not person().may(Right.SWITCH, each.place):
        return None
    area = each.place.area
    lit = nodes_with(shown.registry, each.commune, ALL_LIGHTS, area=area)
    if not lit:
        return None
    view = CommuneView(each.commune, len(lit), shared_by(lit), area=each.area, title=each.name)
    last = campaigns.last(each.commune, area)
    return told(view, last, shown.registry.nodes, language, shown.zone) if last else view
