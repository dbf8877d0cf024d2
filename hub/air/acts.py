"""What people do with what is on air: stop, acknowledge, choose what goes first, set the volume."""

import asyncio
from collections.abc import Sequence

from starlette.requests import Request

from edge_agent.contract.commands import AcknowledgeEmergency, Args, OrderBulletins, SetVolume, StopSpeaker
from edge_agent.contract.reports import SpeakerState
from edge_agent.contract.sentences import Language
from hub.air.onair import title_of
from hub.commands import Commands, Outcome
from hub.forms import Fields, FormError
from hub.language import translator
from hub.people.acting import person
from hub.people.rights import Right
from hub.registry import Node
from hub.render import Shown
from hub.sentences import Speaker
from hub.toasts import Toast
from hub.views import node_zone

ANSWER_S = 6.0
"""How long a person waits; afterwards the node refuses the command, so that nothing happens unexpectedly."""
ACKNOWLEDGE_LIFE_S = 3600.0
"""An acknowledgement of a node that is away for a moment still counts when it is back: the siren ends then."""
AT_ONCE = 20
"""Nodes that are asked at the same time."""
GOOD = ("done", "accepted")


class AirActs:
    """The forms of a loudspeaker but for its words."""

    def __init__(self, shown: Shown, commands: Commands) -> None:
        self._shown = shown
        self._commands = commands

    async def stop(self, node: Node, _: Fields, request: Request, language: Language) -> Toast:
        """Silence a loudspeaker now."""
        args = StopSpeaker(speaker=request.path_params["thing"])
        return await self._told(node, args, language, "outcome.stopped")

    async def volume(self, node: Node, fields: Fields, request: Request, language: Language) -> Toast:
        """Set its volume."""
        args = SetVolume.model_validate({"speaker": request.path_params["thing"], "volume": fields.get("volume", "")})
        return await self._told(node, args, language, "outcome.volume", volume=f"{args.volume:.0f}")

    async def order(self, node: Node, fields: Fields, _: Request, language: Language) -> Toast:
        """Say which of the bulletins that clash goes first."""
        chosen, seq = fields.get("order", "").split(), fields.get("seq", "")
        args = OrderBulletins.model_validate({"bulletins": chosen})
        account = self._shown.ledger.accounts.get(node.address)
        title = title_of(node, account, args.bulletins[0], self._speaker(node, language))
        told = await self._told(node, args, language, "outcome.ordered", title=title)
        if told.good and account and seq.isascii() and seq.isdigit() and len(seq) < 17:
            self._shown.ledger.decide(node.address, int(seq))
        return told

    async def acknowledge(self, node: Node, _: Fields, request: Request, language: Language) -> Toast:
        """Somebody has heard the emergency at this node. Sent to one that is away too: it ends when it is back."""
        outcome = await self._acknowledge(node, request.path_params["thing"])
        text = self._speaker(node, language).outcome(outcome, "outcome.acknowledged", "outcome.accepted")
        return Toast(text, outcome.state in GOOD)

    async def acknowledge_all(self, emergency: str, language: Language) -> Toast:
        """The same at every node on which it repeats and who asks may end it. Raises FormError where there is none."""
        mine = self._shown.areas.nodes(person(), Right.EMERGENCY)
        nodes = [node for node in mine if emergency in emergencies_of(node)]
        if not nodes:
            raise FormError("form.no_emergency")
        places = asyncio.Semaphore(AT_ONCE)

        async def one(node: Node) -> Outcome:
            async with places:
                return await self._acknowledge(node, emergency)

        outcomes = await asyncio.gather(*map(one, nodes))
        left = [node.title for node, outcome in zip(nodes, outcomes, strict=True) if outcome.state not in GOOD]
        t = translator(language)
        if not left:
            return Toast(t("outcome.acknowledged"), True)
        done = len(nodes) - len(left)
        return Toast(t("outcome.acknowledged_some", done=done, all=len(nodes), names=", ".join(left[:10])), False)

    async def _acknowledge(self, node: Node, emergency: str) -> Outcome:
        args = AcknowledgeEmergency(emergency=emergency)
        return await self._commands.send(node.address, args, limit=ANSWER_S, life=ACKNOWLEDGE_LIFE_S)

    async def _told(self, node: Node, args: Args, language: Language, done: str, **params: str) -> Toast:
        if not node.online:
            return Toast(translator(language)("outcome.away"), False)
        outcome = await self._commands.send(node.address, args, limit=ANSWER_S, life=ANSWER_S)
        text = self._speaker(node, language).outcome(outcome, done, "outcome.accepted", **params)
        return Toast(text, outcome.state in GOOD)

    def _speaker(self, node: Node, language: Language) -> Speaker:
        return Speaker(language, node_zone(node, self._shown.zone), self._shown.clock.now())


def emergencies_of(node: Node) -> Sequence[str]:
    """Ids of the emergencies that repeat at a node, as it says itself."""
    states = [state for state in node.states.values() if isinstance(state, SpeakerState)]
    return [emergency for state in states for emergency in state.emergencies]
