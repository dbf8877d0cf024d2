"""One command to all nodes of a commune or of one of its areas, and each node's answer as it comes."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from edge_agent.contract.commands import SwitchOverride, SwitchRelease
from edge_agent.contract.errors import Fault
from edge_agent.contract.sentences import Language
from hub.clock import Clock
from hub.commands import Commands, Outcome
from hub.language import Translate, sentence, translator
from hub.node import Node
from hub.notice import Notice
from hub.people.rights import Place
from hub.registry import Registry
from hub.times import local

LIFE_S = 6.0
"""Nodes refuse it afterwards, so that nothing switches unexpectedly."""
LIMIT_S = 20.0
"""So long answers are awaited: rows switch on lamp by lamp."""
SHOWN_S = 600.0
ALL_LIGHTS = "lights"
TOGETHER = 300
"""Nodes that one message names; a message has a limit of size."""
AWAY = Outcome(
    "unsent", Fault(code="outcome.away", vi=sentence("vi", "outcome.away"), en=sentence("en", "outcome.away"))
)
"""Nothing is sent to a node that is away: it would switch later, unexpectedly."""


@dataclass
class Campaign:
    """A command to all, under way or over. `outcomes` has no entry for a node that has not answered yet."""

    commune: str
    thing: str
    act: Literal["on", "off", "auto"]
    nodes: tuple[str, ...]
    began: float
    over: bool = False
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    name: str = ""
    seconds: float | None = None
    until: datetime | None = None

    @property
    def done(self) -> int:
        """How many nodes have done it."""
        return sum(outcome.state == "done" for outcome in self.outcomes.values())

    @property
    def answered(self) -> int:
        """How many nodes have said what became of it."""
        return sum(outcome.state in ("done", "failed", "rejected") for outcome in self.outcomes.values())


class Campaigns:
    """The last one of each place."""

    def __init__(self, registry: Registry, commands: Commands, notice: Notice, clock: Clock) -> None:
        self._registry = registry
        self._commands = commands
        self._notice = notice
        self._clock = clock
        self._last: dict[str, Campaign] = {}

    def last(self, commune: str, area: str | None = None) -> Campaign | None:
        """What was asked of a commune, or of an area of it, a short while ago."""
        campaign = self._last.get(_key(commune, area))
        recent = campaign and (not campaign.over or self._clock.monotonic() - campaign.began < SHOWN_S)
        return campaign if recent else None

    async def run(
        self, commune: str, args: SwitchOverride | SwitchRelease, name: str = "", area: str | None = None
    ) -> Campaign:
        """Ask all nodes that have the thing; returns when all have answered, or the time is over.

        `name`: only those of which a group is also called so; `area`: only those that stand there (empty: in none).
        """
        having = nodes_with(self._registry, commune, args.thing, name, area)
        act = "auto" if isinstance(args, SwitchRelease) else "on" if args.level > 0 else "off"
        addresses = tuple(node.address for node in having)
        campaign = Campaign(commune, args.thing, act, addresses, self._clock.monotonic())  # type: ignore[arg-type]
        campaign.name = name
        if isinstance(args, SwitchOverride):
            campaign.seconds, campaign.until = args.seconds, args.until
        campaign.outcomes = {node.address: AWAY for node in having if not node.online}
        if having:
            self._last[_key(commune, area)] = campaign
        asked = [node.address for node in having if node.online]
        self._notice.bump()
        for outcomes in await asyncio.gather(
            *(self._ask(campaign, args, asked[n : n + TOGETHER]) for n in range(0, len(asked), TOGETHER))
        ):
            campaign.outcomes |= outcomes
        campaign.over = True
        self._notice.bump()
        return campaign

    async def _ask(
        self, campaign: Campaign, args: SwitchOverride | SwitchRelease, nodes: list[str]
    ) -> dict[str, Outcome]:
        answer = self._answer(campaign)
        return await self._commands.send_all(
            campaign.commune, args, nodes, limit=LIMIT_S, life=LIFE_S, on_answer=answer
        )

    def _answer(self, campaign: Campaign) -> Callable[[str, Outcome], None]:
        def take(address: str, outcome: Outcome) -> None:
            campaign.outcomes[address] = outcome
            self._notice.bump()

        return take


def _key(commune: str, area: str | None) -> str:
    return commune if area is None else f"{commune}//{area}"


def nodes_with(registry: Registry, commune: str, thing: str, name: str = "", area: str | None = None) -> list[Node]:
    """The nodes of a commune, or an area of it, that have a thing or group of this id; of `lights`, all with a light.

    `name`: only those of which a group is also called so; two nodes may use one id for different streets.
    """
    there = registry.standings.in_place.get(str(Place(commune, area or "")), {})
    return [node for node in there.values() if (area != "" or not node.area) and _has(node, thing, name)]


def _has(node: Node, thing: str, name: str) -> bool:
    about = node.about
    if about is None:
        return False
    if thing == ALL_LIGHTS:
        return any(c.kind == "light" for c in about.capabilities)
    if name:
        return any((group.id, group.name or group.id) == (thing, name) for group in about.groups)
    return any(group.id == thing for group in about.groups) or any(
        c.id == thing for c in about.capabilities if c.kind in ("light", "switch")
    )


@dataclass(frozen=True)
class CommuneView:
    """All lights of a commune, or of an area: what can be asked of all, and what became of what was asked last.

    `shared`: groups that several nodes have: id, name, how many nodes. `answers`: a node's title, words, whether good.
    `area`: as addresses write it, `-` for the nodes that stand in none; None: the whole commune.
    """

    commune: str
    nodes: int
    shared: tuple[tuple[str, str, int], ...]
    asked: str = ""
    progress: str = ""
    over: bool = True
    answers: tuple[tuple[str, str, bool], ...] = ()
    area: str | None = None
    title: str = ""

    @property
    def path(self) -> str:
        """Where its forms go."""
        return f"/communes/{self.commune}/switch" if self.area is None else f"/lights/{self.commune}/{self.area}/switch"

    @property
    def key(self) -> str:
        """In the ids of its parts."""
        return self.commune if self.area is None else f"{self.commune}_{self.area}"


def communes(registry: Registry) -> list[tuple[str, int, tuple[tuple[str, str, int], ...]]]:
    """Communes of which at least two nodes have lights: how many, and the groups that several share, by id and name."""
    found = []
    for commune in sorted(place for place in registry.standings.in_place if place and "/" not in place):
        lit = nodes_with(registry, commune, ALL_LIGHTS)
        if len(lit) > 1:
            found.append((commune, len(lit), shared_by(lit)))
    return found


def shared_by(nodes: Iterable[Node]) -> tuple[tuple[str, str, int], ...]:
    """The groups that several of these nodes have, by id and name."""
    counts: dict[tuple[str, str], int] = {}
    for node in nodes:
        for group in node.about.groups if node.about else ():
            key = (group.id, group.name or group.id)
            counts[key] = counts.get(key, 0) + 1
    return tuple((id_, name, count) for (id_, name), count in sorted(counts.items()) if count > 1)[:20]


def told(
    view: CommuneView, campaign: Campaign, nodes: Mapping[str, Node], language: Language, zone: ZoneInfo
) -> CommuneView:
    """What was asked of all, and each node's answer so far."""
    t, answers = translator(language), []
    for address in campaign.nodes:
        title = nodes[address].title if address in nodes else address
        outcome = campaign.outcomes.get(address)
        state = "silent" if outcome is None and campaign.over else outcome.state if outcome else "open"
        if state == "open" or (state == "accepted" and not campaign.over):
            continue
        why = outcome.fault.text(language) if outcome and outcome.fault else ""
        answers.append((title, why or t(f"groups.answer_{state}"), state == "done"))
    called = next((name for id_, name, _ in view.shared if id_ == campaign.thing), t("groups.all"))
    name = campaign.name or called
    progress = t("groups.answered", answered=campaign.answered, all=len(campaign.nodes))
    progress = f"{progress} {t('groups.nodes_done', done=campaign.done, all=len(campaign.nodes))}"
    if not campaign.over:
        progress = f"{progress} {t('groups.nodes_open')}"
    asked = _asked(campaign, name, zone, t)
    return replace(view, asked=asked, progress=progress, over=campaign.over, answers=tuple(answers))


def _asked(campaign: Campaign, name: str, zone: ZoneInfo, t: Translate) -> str:
    """What a person asked for, and for how long."""
    if campaign.seconds:
        return t(f"groups.asked_{campaign.act}_for", name=name, minutes=f"{campaign.seconds / 60:g}")
    if campaign.until:
        return t(f"groups.asked_{campaign.act}_until", name=name, until=f"{local(campaign.until, zone):%H:%M}")
    return t(f"groups.asked_{campaign.act}", name=name)
