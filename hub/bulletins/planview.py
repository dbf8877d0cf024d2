"""What the page of the plan shows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from math import cos, radians
from typing import Any
from zoneinfo import ZoneInfo

from edge_agent.contract.sentences import Language
from hub import times
from hub.bulletins import clashes, law, sentence, timely
from hub.bulletins.desk import Bulletins
from hub.bulletins.hours import Policy
from hub.bulletins.listening import seconds_of
from hub.bulletins.model import HubBulletin, Schedule, Targets
from hub.bulletins.scope import Scope
from hub.bulletins.sentence import Sentence
from hub.bulletins.showing import Showing
from hub.language import translator
from hub.people.acting import person
from hub.people.rights import Right

MOST_NODES = 100
"""Clusters that are listed one by one; of more, areas are chosen."""
QUICK = ("05:30", "06:00", "11:00", "17:00", "17:30")


@dataclass(frozen=True, slots=True)
class Tapped:
    """What stands in the form. `wrong`: the sentence that says what is missing in it. `moved`: from today."""

    said: Sentence
    targets: Targets
    schedule: Schedule | None
    number: int
    wrong: str = ""
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Dot:
    """A cluster on the schematic map, in units of its 100 x 70 picture."""

    address: str
    title: str
    x: float
    y: float
    chosen: bool


class PlanDrawing:
    """Makes the values of the template, for the acting person."""

    def __init__(self, desk: Bulletins, scope: Scope, showing: Showing, policy: Policy) -> None:
        self._desk = desk
        self._scope = scope
        self._showing = showing
        self._policy = policy

    def values(self, bulletin: HubBulletin, tapped: Tapped, language: Language) -> dict[str, Any]:
        """All but the notice."""
        t, zone, who = translator(language), self._showing.speaker(language).zone, person()
        communes, areas, nodes = self._scope.choices(who, Right.WRITE)
        chosen = {node.address for node in self._scope.nodes(tapped.targets)}
        schedule, against = tapped.schedule, self.against(bulletin, tapped)
        return {
            "v": self._showing.card(bulletin, who, language),
            "s": tapped.said,
            "number": tapped.number or bulletin.number,
            "kinds": sentence.KINDS,
            "quick": QUICK,
            "soon": self._soon(bulletin, tapped.targets, zone),
            "places": frozenset(tapped.targets.places),
            "communes": communes,
            "areas": areas,
            "nodes": nodes if len(nodes) <= MOST_NODES else [],
            "dots": self._dots(chosen, language),
            "count": len(chosen),
            "moved_from": _moved_from(tapped),
            "nowhere": self._showing.nowhere(bulletin.model_copy(update={"targets": tapped.targets}), language),
            "words": sentence.words(schedule, zone, t) if schedule else tapped.wrong,
            "ten": self._showing.next_ten(schedule, language) if schedule else [],
            "left_out": [(at.isoformat(), times.dated(at, zone, language)) for at in sorted(tapped.said.left_out)],
            "unlawful": [
                (
                    law.words(each, seconds_of(bulletin), language),
                    _move(each.next, zone),
                    each.next and times.dated(each.next, zone, language),
                )
                for each in against.unlawful[:1]
            ],
            "overlaps": [
                (
                    t("plan.overlap", title=each.title, at=times.dated(each.at, zone, language)),
                    _move(each.free, zone),
                    times.dated(each.free, zone, language),
                )
                for each in against.overlaps
            ],
            "signs": self._showing.signs(bulletin.model_copy(update={"targets": tapped.targets}), who),
            "emergency": bulletin.content.class_ == "emergency",
        }

    def against(self, bulletin: HubBulletin, tapped: Tapped) -> clashes.Against:
        """What stands in the way of what was tapped."""
        planned = self._showing.planned(bulletin, tapped.schedule)
        if planned is None or tapped.schedule is None:
            return clashes.Against()
        others = clashes.beside(bulletin, tapped.targets, self._desk.open.values(), self._scope)
        return clashes.against(
            planned, others, self._policy, self._showing.speaker("vi").now, self._showing.speaker("vi").zone
        )

    def hindered(self, bulletin: HubBulletin) -> clashes.Against:
        """What stands in the way of its own plan."""
        said = sentence.default(self._showing.speaker("vi").now, self._showing.speaker("vi").zone)
        return self.against(bulletin, Tapped(said, bulletin.targets, bulletin.schedule, bulletin.number))

    def _soon(self, bulletin: HubBulletin, targets: Targets, zone: ZoneInfo) -> datetime | None:
        """The first instant that leaves time to hear, sign and deliver it, and that the law allows; None: never."""
        at = timely.soonest(self._showing.speaker("vi").now, seconds_of(bulletin))
        wanted = bulletin.model_copy(update={"targets": targets, "schedule": Schedule(at=at)})
        hindered = self.hindered(wanted).unlawful
        lawful = hindered[0].next if hindered else at
        return lawful.astimezone(zone) if lawful else None

    def _dots(self, chosen: set[str], language: Language) -> list[Dot]:
        """Where the clusters stand, as far as they say; a schematic picture, no map."""
        nodes = [n for n in self._scope.choices(person(), Right.WRITE)[2] if n.about and n.about.position]
        found = [(n, n.about.position) for n in nodes if n.about and n.about.position]
        if len(found) < 2:
            return []
        shrink = cos(radians(found[0][1].latitude))
        xs = [position.longitude * shrink for _, position in found]
        ys = [-position.latitude for _, position in found]
        wide, high = max(xs) - min(xs), max(ys) - min(ys)
        scale = min(80 / wide if wide else 1e9, 44 / high if high else 1e9)
        shared = _shared([node.title for node, _ in found])
        return [
            Dot(
                node.address,
                node.title[shared:],
                round(50 + (x - (max(xs) + min(xs)) / 2) * min(scale, 1e7), 1),
                round(30 + (y - (max(ys) + min(ys)) / 2) * min(scale, 1e7), 1),
                node.address in chosen,
            )
            for (node, _), x, y in zip(found, xs, ys, strict=True)
        ]


def _shared(titles: list[str]) -> int:
    """Letters of the leading words that all titles share: on the narrow picture they would crowd out the others."""
    words = [title.split(" ")[:-1] for title in titles]
    same = takewhile(lambda column: len(set(column)) == 1, zip(*words, strict=False))
    return sum(len(column[0]) + 1 for column in same)


def _moved_from(tapped: Tapped) -> str:
    """What the form said where that was over and the next day was taken; else empty."""
    return f"{tapped.said.day - timedelta(days=1)}T{tapped.said.time}" if tapped.moved else ""


def _move(at: datetime | None, zone: ZoneInfo) -> str:
    return f"move:{at.astimezone(zone):%Y-%m-%dT%H:%M}" if at else ""
