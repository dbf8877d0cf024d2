"""Draws pages and the parts that change, each part once per change however many people look."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2

from edge_agent.contract.sentences import Language
from hub.agenda import Day, agenda
from hub.clock import Clock
from hub.forms import Fields
from hub.language import catalogue, sentence, sort_key, translator
from hub.ledger import Ledger
from hub.link import Link
from hub.media import MediaStore
from hub.notice import Notice
from hub.onair import AlarmView, SpeakerView, alarms
from hub.people.acting import person
from hub.registry import Node, Registry
from hub.sentences import Speaker
from hub.sheet import Sheet
from hub.things.campaigns import Campaigns, CommuneView, communes, told
from hub.things.views import PlantView
from hub.times import local, moment
from hub.views import NodeView, default_time, node_view, node_zone
from hub.ways import ways

Parts = dict[str, str]
"""Id of a part -> its HTML, marked as a replacement."""

HERE = Path(__file__).parent


@dataclass(frozen=True)
class HubView:
    """The line at the top."""

    connected: bool
    word: str
    count: str


@dataclass(frozen=True)
class Shown:
    """Where everything that is shown comes from."""

    registry: Registry
    ledger: Ledger
    media: MediaStore
    link: Link
    notice: Notice
    clock: Clock
    zone: ZoneInfo
    name: str
    broker: str
    authorities: tuple[str, ...]


class Renderer:
    """Makes HTML of what the hub knows."""

    def __init__(self, shown: Shown, campaigns: Campaigns) -> None:
        self._shown = shown
        self._campaigns = campaigns
        self._notice = shown.notice
        self._whole: dict[Language, tuple[int, Parts]] = {}
        self._drawing = asyncio.Lock()
        self._drawn: dict[tuple[Language, str], tuple[object, str]] = {}
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._macros: dict[tuple[Language, str], Any] = {}
        self._cache: dict[tuple[Language, str], tuple[tuple[object, ...], NodeView, Parts]] = {}

    def page(self, language: Language, toast: object = None) -> str:
        """The whole page."""
        cards = self._cards(language)
        return self.sheet_of(
            "page.html",
            language,
            "nodes",
            cards=cards,
            shape=_shape(c["view"] for c in cards),
            communes=self._communes(language),
            broker=self._shown.broker,
            toast=toast,
        )

    def cards(self, language: Language) -> str:
        """All cards, with their forms."""
        template = self._environment.get_template("cards.html")
        return template.render(t=translator(language), cards=self._cards(language), broker=self._shown.broker)

    def sheet_of(self, template: str, language: Language, here: str, **values: object) -> str:
        """A page of its own, with the way to the others; `here`: which one it is."""
        return self._environment.get_template(template).render(self._frame(language, here) | values)

    def _frame(self, language: Language, here: str) -> dict[str, object]:
        """What the layout shows on every page."""
        return {
            "t": translator(language),
            "language": language,
            "other_language": f"lang={'en' if language == 'vi' else 'vi'}",
            "name": self._shown.name,
            "here": here,
            "who": person(),
            "ways": ways(person()),
            "hub": self._hub(language),
            "alarms": self._alarms(language),
            "now": round(self._shown.clock.now().timestamp() * 1000),
            "zone": self._shown.zone.key,
            "toast": None,
            "stamp": _stamp(),
        }

    async def shell(self, language: Language) -> Parts:
        """The parts that every page has."""
        macro = self._macro(language)
        return {
            "hub-state": str(macro.hub_state(self._hub(language), True)),
            "alarms": str(macro.alarms(self._alarms(language), True)),
        }

    def message(self, language: Language, key: str) -> str:
        """A page of one sentence."""
        t = translator(language)
        return self._environment.get_template("message.html").render(t=t, language=language, text=t(key))

    def toast(self, language: Language, text: str, good: bool) -> str:
        """A note at the bottom of the page."""
        return str(self._macro(language).toast(text, good))

    def sheet(self, language: Language, sheet: Sheet, path: str) -> str:
        """What stands under a form, which posts to `path`, once its text was read."""
        return str(self._macro(language, "reading.html").sheet(sheet, path))

    def compose(self, language: Language, address: str, kind: str, fields: Fields, sheet: Sheet) -> str:
        """A page of one form, `speak` or `bulletins`, with what was typed: for browsers without JavaScript."""
        node = self._shown.registry.nodes[address]
        return self._environment.get_template("compose.html").render(
            t=translator(language),
            language=language,
            card=self._card(node, language),
            kind=kind,
            fields=fields,
            sheet=sheet,
            stamp=_stamp(),
        )

    def picture(self, title: str, text: str) -> str:
        """A small picture that says why there is none."""
        words, lines = text.split(), [""]
        for word in words:
            if len(lines[-1]) + len(word) > 42:
                lines.append("")
            lines[-1] = f"{lines[-1]} {word[:44]}".strip()
        return self._environment.get_template("picture.svg").render(title=title, lines=lines[:6])

    async def parts(self, language: Language) -> Parts:
        """Every part of the page that changes by itself. Drawn once per change for all who look; not to be altered.

        Between two nodes others get their turn: drawing hundreds must not keep a light waiting.
        """
        async with self._drawing:
            version = self._notice.version
            known = self._whole.get(language)
            if known and known[0] == version:
                return known[1]
            parts: Parts = {}
            views: list[NodeView] = []
            for node in self._nodes():
                view, own = self._node(node, language)
                views.append(view)
                parts.update(own)
                await asyncio.sleep(0)
            macro = self._macro(language)
            parts["alarms"] = str(macro.alarms(self._alarms(language), True))
            parts["communes"] = str(self._macro(language, "things.html").communes(self._communes(language), True))
            parts["hub-state"] = str(macro.hub_state(self._hub(language), True))
            parts["shape"] = str(macro.shape(_shape(views), True))
            self._whole[language] = (version, parts)
            return parts

    def node_parts(self, address: str, language: Language) -> Parts:
        """The parts of one node; none for an unknown one."""
        node = self._shown.registry.nodes.get(address)
        return self._node(node, language)[1] if node else {}

    def view(self, node: Node, language: Language) -> NodeView:
        """What is shown of a node."""
        return self._node(node, language)[0]

    def part(self, template: str, language: Language, macro: str, *what: object) -> str:
        """One macro of a template."""
        return str(getattr(self._macro(language, template), macro)(*what))

    def _nodes(self) -> list[Node]:
        return sorted(self._shown.registry.nodes.values(), key=lambda n: (sort_key(n.title), n.address))

    def _cards(self, language: Language) -> list[dict[str, Any]]:
        return [self._card(node, language) for node in self._nodes()]

    def _card(self, node: Node, language: Language) -> dict[str, Any]:
        date, time = default_time(node, self._shown.zone, self._shown.clock.now())
        zone = node_zone(node, self._shown.zone).key
        view = self._node(node, language)[0]
        known = catalogue(language)
        authorities = [(name, known.get(f"authority.{name}", name)) for name in self._shown.authorities]
        return {"view": view, "date": date, "time": time, "zone": zone, "authorities": authorities}

    def _node(self, node: Node, language: Language) -> tuple[NodeView, Parts]:
        account = self._shown.ledger.accounts.get(node.address)
        now = self._shown.clock.now()
        sounds = tuple(bool(self._shown.media.get(h)) for h in _sounds(node))
        today = local(now, self._shown.zone).date()
        stamp = (id(node), node.version, account.version if account else 0, sounds, today)
        known = self._cache.get((language, node.address))
        if known and known[0] == stamp:
            return known[1], known[2]
        view = node_view(node, account, language, self._shown.zone, now)
        view = replace(view, speakers=tuple(self._with_sound(s) for s in view.speakers))
        parts = self._draw(view, language)
        if len(self._cache) > 2 * len(self._shown.registry.nodes) + 100:
            self._cache.clear()
            self._drawn.clear()
        self._cache[language, node.address] = (stamp, view, parts)
        return view, parts

    def _with_sound(self, speaker: SpeakerView) -> SpeakerView:
        return replace(speaker, sound_here=self._shown.media.get(speaker.last_sound) is not None)

    def _draw(self, n: NodeView, language: Language) -> Parts:
        macro, things = self._macro(language), self._macro(language, "things.html")
        parts: Parts = {}

        def draw(part: str, seen: object, how: Any, *what: object) -> None:
            """Only what looks different than before is drawn again: a node may have hundreds of lights."""
            name = f"{n.key}_{part}"
            known = self._drawn.get((language, name))
            if known is None or known[0] != seen:
                known = self._drawn[language, name] = (seen, str(how(n, *what, True)))
            parts[name] = known[1]

        for name, seen_in in _NODE_PARTS.items():
            draw(name, (n.path, seen_in(n)), getattr(macro, name))
        for name, of_plant in _PLANT_PARTS.items():
            if name in ("sensors", "cabinets") and not of_plant(n.plant):
                continue  # the page has no place for what the node has not
            draw(name, (n.path, of_plant(n.plant)), getattr(things, name))
        for thing in (*n.plant.lights, *n.plant.switches):
            draw(thing.part, thing, things.thing, thing)
        for group in n.plant.groups:
            draw(f"g_{group.id}", group, things.group, group)
        for rule in n.plant.rules:
            draw(f"r_{rule.id}", rule, things.rule, rule)
        for s in n.speakers:
            draw(f"speaker_{s.id}", s, macro.speaker_state, s)
            draw(f"sound_{s.id}", s, macro.speaker_sound, s)
        for c in n.cameras:
            draw(f"camera_{c.id}", c, macro.camera_state, c)
        return parts

    def _communes(self, language: Language) -> tuple[CommuneView, ...]:
        views = []
        for commune, count, shared in communes(self._shown.registry):
            view, last = CommuneView(commune, count, shared), self._campaigns.last(commune)
            views.append(told(view, last, self._shown.registry.nodes, language) if last else view)
        return tuple(views)

    def _alarms(self, language: Language) -> tuple[AlarmView, ...]:
        now = self._shown.clock.now()
        accounts, zone = self._shown.ledger.accounts, self._shown.zone
        nodes = [
            (node, accounts.get(node.address), Speaker(language, node_zone(node, zone), now)) for node in self._nodes()
        ]
        return alarms(nodes)

    def days(self, language: Language, where: str = "") -> tuple[Day, ...]:
        """The calendar of all nodes, or of one."""
        now = self._shown.clock.now()
        nodes = [
            (node, Speaker(language, node_zone(node, self._shown.zone), now))
            for node in self._nodes()
            if where in ("", node.address)
        ]
        return agenda(nodes, local(now, self._shown.zone).date(), translator(language))

    def places(self) -> list[tuple[str, str]]:
        """Address and title of each node, in the order of the page."""
        return [(node.address, node.title) for node in self._nodes()]

    def _macro(self, language: Language, name: str = "parts.html") -> Any:
        if (language, name) not in self._macros:
            template = self._environment.get_template(name)
            self._macros[language, name] = template.make_module({"t": translator(language)})
        return self._macros[language, name]

    def _hub(self, language: Language) -> HubView:
        link, nodes = self._shown.link, self._shown.registry.nodes.values()
        online = sum(node.online for node in nodes)
        count = sentence(language, "hub.count", online=online, all=len(nodes)) if nodes else ""
        if link.connected:
            return HubView(True, sentence(language, "hub.connected"), count)
        if not link.fault:
            return HubView(False, sentence(language, "hub.connecting"), "")
        return HubView(False, self._why_away(link.since, self._shown.clock.now(), language), "")

    def _why_away(self, since: datetime, now: datetime, language: Language) -> str:
        return sentence(language, "hub.lost", since=moment(since, now, self._shown.zone, language))


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


def _shape(views: Any) -> str:
    return hashlib.sha256("\n".join(view.shape for view in views).encode()).hexdigest()[:16]


@cache
def _stamp() -> str:
    """Changes when a static file changes, so that no browser keeps an old one."""
    digest = hashlib.sha256()
    for path in sorted((HERE / "static").rglob("*.*")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]
