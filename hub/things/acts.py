"""What people do with what is switched: each button becomes a command, and its outcome a sentence."""

import asyncio
import math
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from starlette.requests import Request

from edge_agent.contract.commands import Args, ArmRule, ResetInterlock, SwitchOverride, SwitchRelease
from edge_agent.contract.errors import Fault
from edge_agent.contract.sentences import Language
from hub.clock import Clock
from hub.commands import Commands, Outcome
from hub.forms import Fields, FormError
from hub.language import Translate, translator
from hub.linked import linked
from hub.node import Node
from hub.people.acting import person
from hub.people.rights import Right
from hub.sentences import Speaker
from hub.shown import Shown
from hub.things.campaigns import ALL_LIGHTS, Campaign, Campaigns, nodes_with
from hub.things.undo import Step, Undos, before_act, changed_by
from hub.times import local
from hub.toasts import Toast
from hub.views import node_zone

SWITCH_S = 6.0
"""How long a person waits for a light; afterwards the node refuses the command, so it never switches unexpectedly."""
GROUP_S = 20.0
"""For a group, which switches on one after the other."""
STATE_S = 2.0
"""After the answer: how long the page waits for the state that follows it."""
MORNING = time(6)
TOGETHER = 8
"""Nodes that are restored at the same time."""
KINDS = {"lights": "light", "switches": "switch", "groups": "group"}
GOOD = ("done", "accepted")


class ThingActs:
    """The buttons of lights, pumps, groups, rules, and of all lights of a commune."""

    def __init__(self, shown: Shown, commands: Commands, campaigns: Campaigns, clock: Clock) -> None:
        self._shown = shown
        self._commands = commands
        self._campaigns = campaigns
        self._clock = clock
        self.undos = Undos(clock)

    async def switch(self, node: Node, fields: Fields, request: Request, language: Language) -> Toast:
        """Any button of a thing or group; `do` says which: on, off, on:SECONDS, auto, reset; or the level chosen."""
        kind, thing = KINDS[request.path_params["kind"]], request.path_params["thing"]
        args = asked(thing, fields, morning(self._clock.now(), node_zone(node, self._shown.zone)))
        name = name_of(node, kind, thing, translator(language))
        steps = before_act(node, args)
        outcome = await self._send(node, kind, args)
        if outcome is None:
            return Toast(translator(language)("outcome.away"), False)
        words = _done_words(args, outcome, kind)
        partly = _partly(node, outcome, language)
        if partly and outcome.state == "failed":
            done, everybody, failed = partly
            text = translator(language)("groups.partly", name=name, done=done, all=everybody, failed=failed)
            return Toast(text, False, self.undos.keep(steps))
        toast = self._toast(outcome, words, node, language, name=name)
        return Toast(toast.text, toast.good, self.undos.keep(steps) if toast.good else "")

    async def undo(self, token: str, language: Language) -> Toast:
        """Take back what a person did a moment ago, unless somebody else has changed it since."""
        t = translator(language)
        try:
            done, all_ = await self.restore(token)
        except FormError as no:
            return Toast(t(no.key, **no.params), False)
        if done == all_ and all_:
            return Toast(t("lights.undone"), True)
        return Toast(t("lights.undone_partly", done=done, all=all_), False)

    async def restore(self, token: str) -> tuple[int, int]:
        """The same; how many steps were done, of how many.

        Raises FormError, where it is too late, not theirs, or nothing can be sent: then it may be tried again.
        """
        linked(self._shown)  # else it would be used up, and nothing restored
        steps = self.undos.take(token)
        if not steps:
            raise FormError("lights.undo_over")
        areas, nodes = self._shown.areas, self._shown.registry.nodes
        steps = tuple(s for s in steps if s.address in nodes and areas.may(person(), Right.SWITCH, s.address))
        if others := {who for s in steps for who in changed_by(nodes[s.address], s.args)}:
            raise FormError("lights.undo_others", by=", ".join(sorted(others)))
        few = asyncio.Semaphore(TOGETHER)

        async def again(step: Step) -> bool:
            async with few:
                outcome = await self._send(nodes[step.address], step.kind, step.args)
            return outcome is not None and outcome.state in GOOD

        return sum(await asyncio.gather(*map(again, steps))), len(steps)

    async def release(self, node: Node, _: Fields, request: Request, language: Language) -> Toast:
        """Back to automatic."""
        return await self.switch(node, {"do": "auto"}, request, language)

    async def arm(self, node: Node, fields: Fields, request: Request, language: Language) -> Toast:
        """Let a rule act, or only watch."""
        args = ArmRule(rule=request.path_params["thing"], armed=fields.get("armed") == "1")
        outcome = await self._send(node, "rule", args)
        if outcome is None:
            return Toast(translator(language)("outcome.away"), False)
        name = name_of(node, "rule", args.rule, translator(language))
        return self._toast(
            outcome, "rules.now_armed" if args.armed else "rules.now_watching", node, language, name=name
        )

    async def everywhere(self, request: Request, fields: Fields, language: Language) -> Toast:
        """One command to all nodes of a commune, or of an area of it. Raises FormError."""
        t, commune, area = translator(language), request.path_params["commune"], request.path_params.get("area")
        area = "" if area == "-" else area
        name = fields.get("name", "")
        args = asked(fields.get("thing", ALL_LIGHTS), fields, morning(self._clock.now(), self._shown.zone))
        if not isinstance(args, SwitchOverride | SwitchRelease):
            raise FormError("form.bad")
        linked(self._shown)
        having = nodes_with(self._shown.registry, commune, args.thing, name, area)
        steps = [step for node in having if node.online for step in before_act(node, args)]
        campaign = await self._campaigns.run(commune, args, name, area)
        if not campaign.nodes:
            raise FormError("form.no_node")
        text = t("groups.nodes_done", done=campaign.done, all=len(campaign.nodes))
        if campaign.done < len(campaign.nodes):
            text = f"{text} {t('groups.nodes_left', names=self._left(campaign))}"
        undo = self.undos.keep(steps) if campaign.done else ""
        return Toast(text, campaign.done == len(campaign.nodes), undo)

    def _left(self, campaign: Campaign) -> str:
        nodes = self._shown.registry.nodes
        left = [
            a for a in campaign.nodes if campaign.outcomes.get(a, None) is None or campaign.outcomes[a].state != "done"
        ]
        return ", ".join(nodes[a].title if a in nodes else a for a in left[:10]) + (" …" if len(left) > 10 else "")

    async def _send(self, node: Node, kind: str, args: Args) -> Outcome | None:
        """None: the node is away, so nothing was sent: it must not happen later, unexpected."""
        if not node.online:
            return None
        key = (kind, str(getattr(args, "thing", "") or getattr(args, "rule", "")))
        before = node.states.get(key)
        limit = GROUP_S if kind == "group" else SWITCH_S
        outcome = await self._commands.send(node.address, args, limit=limit, life=SWITCH_S)
        if outcome.state == "done" and before is not None:
            await self._until_changed(node, key, before)
        return outcome

    async def _until_changed(self, node: Node, key: tuple[str, str], before: object) -> None:
        """Wait for the state that follows an answer: the page then shows the new one at once."""
        end, notice = self._clock.monotonic() + STATE_S, self._shown.notice
        while node.states.get(key) is before and (left := end - self._clock.monotonic()) > 0:
            await notice.wait(notice.version, left)

    def _toast(self, outcome: Outcome, done: str, node: Node, language: Language, **params: str) -> Toast:
        speak = Speaker(language, node_zone(node, self._shown.zone), self._clock.now())
        accepted = "groups.accepted" if done.startswith("groups.") else "outcome.accepted"
        return Toast(speak.outcome(outcome, done, accepted, **params), outcome.state in GOOD)


def morning(now: datetime, zone: ZoneInfo) -> datetime:
    """The next six o'clock, local time."""
    there = local(now, zone)
    day = there.date() + timedelta(days=1 if there.hour >= MORNING.hour else 0)
    return datetime.combine(day, MORNING, zone)


def asked(thing: str, fields: Fields, dawn: datetime) -> SwitchOverride | SwitchRelease | ResetInterlock:
    """The command of a form. `dawn`: what "until morning" means. Raises FormError, ValidationError."""
    do, _, seconds = fields.get("do", "").partition(":")
    if do == "auto":
        return SwitchRelease(thing=thing)
    if do == "reset":
        return ResetInterlock(thing=thing)
    level = {"on": "100", "off": "0"}.get(do, fields.get("level", ""))
    seconds = seconds or fields.get("seconds", "")
    ends: dict[str, object] = {"until": dawn} if seconds == "morning" else {"seconds": seconds or None}
    ends["amount"] = _litres(fields) if do != "off" else None
    return SwitchOverride.model_validate({"thing": thing, "level": level, **ends})


def _litres(fields: Fields) -> float | None:
    text = fields.get("litres", "").replace(",", ".")
    if not text:
        return None
    try:
        litres = float(text)
    except ValueError:
        litres = math.nan
    if not 0 < litres <= 1_000_000:
        raise FormError("form.bad_litres")
    return litres


def name_of(node: Node, kind: str, thing: str, t: Translate) -> str:
    """As people call it."""
    about = node.about
    if about is None:
        return thing
    if kind == "group":
        known = {group.id: group.name for group in about.groups}
        return t("groups.all") if thing == ALL_LIGHTS else known.get(thing) or thing
    return next((c.name for c in about.capabilities if (c.kind, c.id) == (kind, thing) and c.name), thing)


def _done_words(args: Args, outcome: Outcome, kind: str) -> str:
    if isinstance(args, SwitchRelease):
        return "outcome.released"
    if isinstance(args, ResetInterlock):
        return "outcome.reset"
    if kind == "group":
        return "groups.done"
    if outcome.result.get("waits_until"):
        return "outcome.waits"
    harmful = kind == "switch" and isinstance(args, SwitchOverride) and args.level > 0
    return "outcome.switch_on" if harmful else "outcome.light_done"


def _partly(node: Node, outcome: Outcome, language: Language) -> tuple[int, int, str] | None:
    """Of a group: how many followed, of how many, and the names of those that did not, each with why."""
    things = outcome.result.get("things")
    if not isinstance(things, dict) or not things:
        return None
    names = {c.id: c.name for c in (node.about.capabilities if node.about else ()) if c.kind in ("light", "switch")}
    failed = [
        _failed(str(names.get(id_) or id_), one["fault"], language)
        for id_, one in things.items()
        if isinstance(one, dict) and one.get("fault")
    ]
    shown = ", ".join(failed[:8]) + (" …" if len(failed) > 8 else "")
    return len(things) - len(failed), len(things), shown


def _failed(name: str, told: object, language: Language) -> str:
    try:
        fault = Fault.model_validate(told)
    except ValidationError:
        return name
    why = fault.text(language).rstrip(".")
    return f"{name} ({why})" if why else name
