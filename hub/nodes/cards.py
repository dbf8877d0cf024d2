"""Draws what is shown of a node, each part once per change however many people look at it."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from edge_agent.contract.sentences import Language
from hub.air.onair import SpeakerView
from hub.node import Node
from hub.people.acting import person
from hub.people.rights import Right
from hub.shown import Parts, Shown
from hub.things.views import PlantView
from hub.times import local
from hub.views import NodeView, node_view

KEPT = 200
"""Nodes whose parts are kept drawn; those looked at last."""
_ACTS = (Right.SPEAK, Right.EMERGENCY, Right.APPROVE, Right.WRITE, Right.SWITCH, Right.WATCH)
"""Rights that change what a card offers."""

Macro = Callable[[Language, str], Any]


@dataclass
class _Drawn:
    stamp: tuple[object, ...]
    view: NodeView
    parts: Parts
    pieces: dict[str, tuple[object, str]] = field(default_factory=dict)


class Cards:
    """Cards of nodes, in both languages, for each set of rights."""

    def __init__(self, shown: Shown, macro: Macro) -> None:
        """`macro`: the macros of a template in a language."""
        self._shown = shown
        self._macro = macro
        self._kept: OrderedDict[tuple[Language, frozenset[str], str], _Drawn] = OrderedDict()

    def card(self, node: Node, language: Language) -> dict[str, Any]:
        """What the template of a card needs."""
        return {"view": self.view(node, language)}

    def view(self, node: Node, language: Language) -> NodeView:
        """What is shown of a node to whom asks."""
        return self._drawn(node, language).view

    def parts(self, node: Node, language: Language) -> Parts:
        """The parts of its card, marked as replacements; not to be altered."""
        return self._drawn(node, language).parts

    def _drawn(self, node: Node, language: Language) -> _Drawn:
        place = self._shown.areas.place(node)
        may = frozenset(right.value for right in _ACTS if person().may(right, place))
        key = (language, may, node.address)
        account = self._shown.ledger.accounts.get(node.address)
        now = self._shown.clock.now()
        sounds = tuple(bool(self._shown.media.get(h)) for h in _sounds(node))
        today = local(now, self._shown.zone).date()
        stamp = (id(node), node.version, account.version if account else 0, sounds, today)
        known = self._kept.get(key)
        if known is None or known.stamp != stamp:
            view = node_view(node, account, language, self._shown.zone, now)
            view = replace(view, speakers=tuple(map(self._with_sound, view.speakers)), may=may).limited()
            known = _Drawn(stamp, view, {}, known.pieces if known else {})
            known.parts.update(self._draw(known, language))
            self._kept[key] = known
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return known

    def _with_sound(self, speaker: SpeakerView) -> SpeakerView:
        return replace(speaker, sound_here=self._shown.media.get(speaker.last_sound) is not None)

    def _draw(self, drawn: _Drawn, language: Language) -> Parts:
        """Only what looks different than before is drawn again: a node may have hundreds of lights."""
        n, before, pieces = drawn.view, drawn.pieces, {}
        for part, seen, how, what in self._pieces(n, language):
            known = before.get(part)
            pieces[part] = known if known and known[0] == seen else (seen, str(how(n, *what, True)))
        drawn.pieces = pieces
        return {f"{n.key}_{part}": html for part, (_, html) in pieces.items()}

    def _pieces(self, n: NodeView, language: Language) -> Iterable[tuple[str, object, Any, tuple[object, ...]]]:
        """Name of each part, what it shows, the macro that draws it, and of what."""
        macro, things = self._macro(language, "parts.html"), self._macro(language, "things.html")
        for name, seen_in in _NODE_PARTS.items():
            yield name, (n.path, seen_in(n)), getattr(macro, name), ()
        for name, of_plant in _PLANT_PARTS.items():
            if name not in ("sensors", "cabinets") or of_plant(n.plant):  # no place for what the node has not
                yield name, (n.path, of_plant(n.plant)), getattr(things, name), ()
        for thing in (*n.plant.lights, *n.plant.switches):
            yield thing.part, thing, things.thing, (thing,)
        for group in n.plant.groups:
            yield f"g_{group.id}", group, things.group, (group,)
        for rule in n.plant.rules:
            yield f"r_{rule.id}", rule, things.rule, (rule,)
        for speaker in n.speakers:
            yield f"speaker_{speaker.id}", speaker, macro.speaker_state, (speaker,)
            yield f"sound_{speaker.id}", speaker, macro.speaker_sound, (speaker,)
        for camera in n.cameras:
            yield f"camera_{camera.id}", camera, macro.camera_state, (camera,)


_NODE_PARTS: dict[str, Callable[[NodeView], object]] = {
    "head": lambda n: (n.state, n.word, n.trouble, n.drivers),
    "clashes": lambda n: n.clashes,
    "bulletins": lambda n: n.bulletins,
    "agenda": lambda n: n.days,
    "events": lambda n: (n.events, n.missing, n.lost),
    "health": lambda n: n.health,
}
_PLANT_PARTS: dict[str, Callable[[PlantView], object]] = {
    "count": lambda p: p.count,
    "alerts": lambda p: p.alerts,
    "sensors": lambda p: p.sensors,
    "cabinets": lambda p: p.cabinets,
}
"""Parts of each card, and what of the view they show."""


def _sounds(node: Node) -> list[str]:
    return [
        str(getattr(state, "last_sound", None) or "") for (kind, _), state in node.states.items() if kind == "speaker"
    ]
