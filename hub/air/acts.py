"""What people and programs do with what is on air: stop, acknowledge, choose what goes first, set the volume."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from starlette.requests import Request

from edge_agent.contract.commands import (
    AcknowledgeEmergency,
    Args,
    CancelBulletin,
    OrderBulletins,
    SetVolume,
    StopSpeaker,
)
from edge_agent.contract.reports import SpeakerState
from edge_agent.contract.sentences import Language
from hub.air.onair import title_of
from hub.commands import Commands, Outcome
from hub.forms import Fields, FormError
from hub.language import translator
from hub.node import Node
from hub.people.acting import person
from hub.people.rights import Right
from hub.render import Shown
from hub.sentences import Speaker
from hub.things.campaigns import AWAY
from hub.toasts import Toast
from hub.views import node_zone

ANSWER_S = 6.0
"""How long a person waits; afterwards the node refuses the command, so that nothing happens unexpectedly."""
ACKNOWLEDGE_LIFE_S = 3600.0
"""An acknowledgement of a node that is away for a moment still counts when it is back: the siren ends then."""
CANCEL_S = 8.0
CANCEL_LIFE = timedelta(hours=24)
"""A bulletin cancelled while its node is away is taken off within this time."""
AT_ONCE = 20
"""Nodes that are asked at the same time."""
GOOD = ("done", "accepted")


class AirActs:
    """The forms of a loudspeaker but for its words; and the same without words, for programs."""

    def __init__(self, shown: Shown, commands: Commands) -> None:
        self._shown = shown
        self._commands = commands

    async def tell(self, node: Node, args: Args) -> Outcome:
        """Have a node that is there do it now."""
        if not node.online:
            return AWAY
        return await self._commands.send(node.address, args, limit=ANSWER_S, life=ANSWER_S)

    async def choose(self, node: Node, args: OrderBulletins, seq: int | None) -> Outcome:
        """Which bulletin goes first. `seq`: number of the event that told of the clash; then nobody is asked again."""
        outcome = await self.tell(node, args)
        if outcome.state in GOOD and seq is not None and node.address in self._shown.ledger.accounts:
            self._shown.ledger.decide(node.address, seq)
        return outcome

    async def heard(self, node: Node, emergency: str) -> Outcome:
        """Somebody has heard the emergency at this node. Sent to one that is away too: it ends when it is back."""
        args = AcknowledgeEmergency(emergency=emergency)
        return await self._commands.send(node.address, args, limit=ANSWER_S, life=ACKNOWLEDGE_LIFE_S)

    async def heard_all(self, emergency: str) -> list[tuple[Node, Outcome]]:
        """The same at every node on which it repeats and who asks may end it. Raises FormError where there is none."""
        mine = self._shown.areas.nodes(person(), Right.EMERGENCY)
        nodes = [node for node in mine if emergency in emergencies_of(node)]
        if not nodes:
            raise FormError("form.no_emergency")
        places = asyncio.Semaphore(AT_ONCE)

        async def one(node: Node) -> Outcome:
            async with places:
                return await self.heard(node, emergency)

        return list(zip(nodes, await asyncio.gather(*map(one, nodes)), strict=True))

    async def take_off(self, node: Node, bulletin: str) -> Outcome:
        """Take a bulletin off the node's calendar; sent to one that is away too."""
        args = CancelBulletin(bulletin=bulletin)
        return await self._commands.send(node.address, args, limit=CANCEL_S, life=CANCEL_LIFE.total_seconds())

    async def stop(self, node: Node, _: Fields, request: Request, language: Language) -> Toast:
        """Silence a loudspeaker now."""
        outcome = await self.tell(node, StopSpeaker(speaker=request.path_params["thing"]))
        return self._told(node, outcome, language, "outcome.stopped")

    async def volume(self, node: Node, fields: Fields, request: Request, language: Language) -> Toast:
        """Set its volume."""
        args = SetVolume.model_validate({"speaker": request.path_params["thing"], "volume": fields.get("volume", "")})
        return self._told(node, await self.tell(node, args), language, "outcome.volume", volume=f"{args.volume:.0f}")

    async def order(self, node: Node, fields: Fields, _: Request, language: Language) -> Toast:
        """Say which of the bulletins that clash goes first."""
        chosen, seq = fields.get("order", "").split(), fields.get("seq", "")
        args = OrderBulletins.model_validate({"bulletins": chosen})
        account = self._shown.ledger.accounts.get(node.address)
        title = title_of(node, account, args.bulletins[0], self._speaker(node, language))
        number = int(seq) if seq.isascii() and seq.isdigit() and len(seq) < 17 else None
        return self._told(node, await self.choose(node, args, number), language, "outcome.ordered", title=title)

    async def acknowledge(self, node: Node, _: Fields, request: Request, language: Language) -> Toast:
        """Somebody has heard the emergency at this node."""
        outcome = await self.heard(node, request.path_params["thing"])
        return self._told(node, outcome, language, "outcome.acknowledged")

    async def acknowledge_all(self, emergency: str, language: Language) -> Toast:
        """The same at every node on which it repeats and who asks may end it. Raises FormError where there is none."""
        outcomes = await self.heard_all(emergency)
        left = [node.title for node, outcome in outcomes if outcome.state not in GOOD]
        t = translator(language)
        if all(outcome.state == "unsent" and outcome.fault is None for _, outcome in outcomes):
            return Toast(t("outcome.unsent"), False, key="outcome.unsent")
        if not left:
            return Toast(t("outcome.acknowledged"), True)
        done = len(outcomes) - len(left)
        return Toast(t("outcome.acknowledged_some", done=done, all=len(outcomes), names=", ".join(left[:10])), False)

    async def cancel(self, node: Node, _: Fields, request: Request, language: Language) -> Toast:
        """Take a bulletin off the node's calendar."""
        outcome = await self.take_off(node, request.path_params["thing"])
        return self._told(node, outcome, language, "outcome.cancelled")

    def _told(self, node: Node, outcome: Outcome, language: Language, done: str, **params: str) -> Toast:
        if outcome is AWAY:
            return Toast(translator(language)("outcome.away"), False)
        text = self._speaker(node, language).outcome(outcome, done, "outcome.accepted", **params)
        return Toast(text, outcome.state in GOOD)

    def _speaker(self, node: Node, language: Language) -> Speaker:
        return Speaker(language, node_zone(node, self._shown.zone), self._shown.clock.now())


def emergencies_of(node: Node) -> Sequence[str]:
    """Ids of the emergencies that repeat at a node, as it says itself."""
    states = [state for state in node.states.values() if isinstance(state, SpeakerState)]
    return [emergency for state in states for emergency in state.emergencies]
