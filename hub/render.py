"""Makes HTML of what the hub knows: the frame of pages, and the parts that change."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2

from edge_agent.contract.sentences import Language
from hub.agenda import Day, agenda
from hub.air.onair import AlarmView, alarms
from hub.cameras.words import span
from hub.compiled import Compiled
from hub.forms import Fields
from hub.language import sentence, translator
from hub.marks import Mark
from hub.node import Node
from hub.nodes.cards import Cards
from hub.people.acting import person
from hub.people.outcomes import not_done
from hub.people.rights import Place, Right
from hub.sentences import Speaker
from hub.sheet import Sheet
from hub.shown import Parts, Shown
from hub.standing import in_order
from hub.statics import stamp
from hub.things.campaigns import Campaigns, CommuneView, communes, told
from hub.times import local, moment
from hub.views import NodeView, node_zone
from hub.ways import ways

HERE = Path(__file__).parent
CALENDAR_MOST = 500
"""Nodes whose calendars are laid over each other at most; a page of so many says nothing."""
COMMUNES_MOST = 3


@dataclass(frozen=True)
class HubView:
    """The line at the top."""

    connected: bool
    word: str
    count: str
    clock: str = ""


class Renderer:
    """Draws for whom asks: only what they may see."""

    def __init__(self, shown: Shown, campaigns: Campaigns, compiled: Path) -> None:
        """`compiled`: a folder for compiled templates, made when there is the first one."""
        self._shown = shown
        self._campaigns = campaigns
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            bytecode_cache=Compiled(compiled),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {"stamp": stamp(), "open_page": ""}
        self._macros: dict[tuple[Language, str], Any] = {}
        self.pages: frozenset[str] | None = None
        """The addresses that this hub has; no way leads to others."""
        self.emergency_page: Callable[[str], str] = lambda _: ""
        """Where an emergency is followed and ended, by its id; empty for those that have no page."""
        self.cards = Cards(shown, self.macros)

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
            "ways": ways(person(), self.pages),
            "hub": self._hub(language),
            "alarms": self._alarms(language),
            "now": round(self._shown.clock.now().timestamp() * 1000),
            "zone": self._shown.zone.key,
            "toast": None,
            "demo": "/demo" in (self.pages or ()),
        }

    async def shell(self, language: Language) -> Parts:
        """The parts that every page has."""
        macro = self.macros(language)
        return {
            "hub-state": str(macro.hub_state(self._hub(language), True)),
            "alarms": str(macro.alarms(self._alarms(language), True)),
        }

    def offer_to_all(self, path: str) -> None:
        """The page that everybody may open: who has not signed in is shown the way there."""
        self._environment.globals["open_page"] = path

    def message(self, language: Language, key: str) -> str:
        """A page of one sentence."""
        t = translator(language)
        return self._environment.get_template("message.html").render(t=t, language=language, text=t(key))

    def card_of(self, node: Node, language: Language) -> str:
        """The card of a node, with its forms."""
        cards = [self.cards.card(node, language)]
        return self._environment.get_template("cards.html").render(t=translator(language), cards=cards)

    def toast(self, language: Language, text: str, good: bool, undo: str = "", key: str = "") -> str:
        """A note at the bottom of the page. `undo`, `key`: as in `Toast`."""
        if not good:
            not_done(key, text)
        return str(self.macros(language).toast(text, good, undo))

    def sheet(self, language: Language, sheet: Sheet, path: str) -> str:
        """What stands under a form, which posts to `path`, once its text was read."""
        _tell(sheet)
        return str(self.macros(language, "reading.html").sheet(sheet, path))

    def compose(self, language: Language, address: str, kind: str, fields: Fields, sheet: Sheet) -> str:
        """A page of one form, `speak` or `bulletins`, with what was typed: for browsers without JavaScript."""
        node = self._shown.registry.nodes[address]
        _tell(sheet)
        return self._environment.get_template("compose.html").render(
            t=translator(language),
            language=language,
            card=self.cards.card(node, language),
            kind=kind,
            fields=fields,
            sheet=sheet,
        )

    def picture(self, title: str, text: str) -> str:
        """A small picture that says why there is none."""
        words, lines = text.split(), [""]
        for word in words:
            if len(lines[-1]) + len(word) > 42:
                lines.append("")
            lines[-1] = f"{lines[-1]} {word[:44]}".strip()
        return self._environment.get_template("picture.svg").render(title=title, lines=lines[:6])

    def node_parts(self, address: str, language: Language) -> Parts:
        """The parts of one node; none for an unknown one."""
        node = self._shown.registry.nodes.get(address)
        return self.cards.parts(node, language) if node else {}

    def view(self, node: Node, language: Language) -> NodeView:
        """What is shown of a node."""
        return self.cards.view(node, language)

    def part(self, template: str, language: Language, macro: str, *what: object) -> str:
        """One macro of a template."""
        return str(getattr(self.macros(language, template), macro)(*what))

    def communes(self, language: Language) -> tuple[CommuneView, ...]:
        """The communes whose lights who asks may switch all at once; none where they are many."""
        views = []
        known = {place for place in self._shown.registry.standings.in_place if place and "/" not in place}
        if len(known) > COMMUNES_MOST:
            return ()
        for commune, count, shared in communes(self._shown.registry):
            if person().may(Right.SWITCH, Place(commune)):
                view, last = CommuneView(commune, count, shared), self._campaigns.last(commune)
                views.append(told(view, last, self._shown.registry.nodes, language, self._shown.zone) if last else view)
        return tuple(views)

    def _alarms(self, language: Language) -> tuple[AlarmView, ...]:
        now, zone, who = self._shown.clock.now(), self._shown.zone, person()
        accounts, areas = self._shown.ledger.accounts, self._shown.areas
        sounding = in_order(self._shown.registry.standings.marked[Mark.ALARM].values())
        return alarms(
            (
                (node, accounts.get(node.address), Speaker(language, node_zone(node, zone), now))
                for node in sounding
                if who.may(Right.SEE, areas.place(node))
            ),
            lambda node: who.may(Right.EMERGENCY, areas.place(node)),
            self.emergency_page,
        )

    def days(self, language: Language, where: str = "") -> tuple[Day, ...]:
        """The calendar of the nodes that who asks may see, or of one."""
        now = self._shown.clock.now()
        nodes = [
            (node, Speaker(language, node_zone(node, self._shown.zone), now))
            for node in self._shown.nodes()
            if where in ("", node.address)
        ]
        return agenda(nodes[:CALENDAR_MOST], local(now, self._shown.zone).date(), translator(language))

    def places(self) -> list[tuple[str, str]]:
        """Address and title of each node that who asks may see, in the order of the page."""
        return [(node.address, node.title) for node in self._shown.nodes()[:CALENDAR_MOST]]

    def macros(self, language: Language, name: str = "parts.html") -> Any:
        """All macros of a template."""
        if (language, name) not in self._macros:
            template = self._environment.get_template(name)
            self._macros[language, name] = template.make_module({"t": translator(language)})
        return self._macros[language, name]

    def _hub(self, language: Language) -> HubView:
        link, who = self._shown.link, person()
        if link.connected:
            if who.may_everywhere(Right.SEE):
                sums = self._shown.registry.standings.sums()
                known, online = len(self._shown.registry.nodes), sums[Mark.ONLINE]
            else:
                nodes = self._shown.areas.nodes(who, Right.SEE)
                known, online = len(nodes), sum(node.online for node in nodes)
            count = sentence(language, "hub.count", online=online, all=known) if known else ""
            return HubView(True, sentence(language, "hub.connected"), count, self._clock(language))
        if not link.fault:
            return HubView(False, sentence(language, "hub.connecting"), "")
        return HubView(False, self._why_away(link.since, self._shown.clock.now(), language), "")

    def _clock(self, language: Language) -> str:
        """What is said of a clock of this machine that is wrong; empty while it is right, or nobody knows better."""
        behind, count = self._shown.hub_clock.behind_s()
        if not behind:
            return ""
        key = "hub.clock_behind" if behind > 0 else "hub.clock_ahead"
        speak = Speaker(language, self._shown.zone, self._shown.clock.now())
        return speak.t(key, time=span(speak, abs(behind)), count=count)

    def _why_away(self, since: datetime, now: datetime, language: Language) -> str:
        return sentence(language, "hub.lost", since=moment(since, now, self._shown.zone, language))


__all__ = ["HubView", "Parts", "Renderer", "Shown"]


def _tell(sheet: Sheet) -> None:
    """A form that is shown again with a reason was not done."""
    if not sheet.good:
        not_done(said=sheet.notice)
