"""Speaking and planning: a text is read before it is sent; what nobody knows how to read is asked, never guessed."""

from dataclasses import replace
from datetime import timedelta

from starlette.requests import Request

from edge_agent.contract.commands import PlanBulletin, Speak
from edge_agent.contract.sentences import Language
from hub import forms, planning
from hub.choices import choices
from hub.clock import Clock
from hub.commands import Commands, Outcome
from hub.draft import Draft
from hub.language import translator
from hub.previews import Previews
from hub.readingdesk import ReadingDesk
from hub.registry import Node
from hub.render import Shown
from hub.sentences import Speaker
from hub.sheet import Move, Sheet
from hub.times import dated, instant_in, local
from hub.toasts import Toast
from hub.views import node_zone
from hub.voice import Voice
from tts.errors import UNCLEAR

SPEAK_S = 8.0
PLAN_S = 8.0
PLAN_LIFE = timedelta(hours=24)
"""A bulletin planned while its node is away reaches it within this time, and before it is due."""
EMERGENCY_LIFE = timedelta(hours=1)
"""An emergency that its node got late still warns; unlike other words it is not refused after some seconds."""
GOOD = ("done", "accepted")

Answer = Toast | Sheet


class Announcing:
    """What the forms of a loudspeaker and of a bulletin do. Each field `do` is a button: read, listen, send, anyway."""

    def __init__(self, shown: Shown, commands: Commands, voice: Voice, previews: Previews, clock: Clock) -> None:
        self._shown = shown
        self._commands = commands
        self._desk = ReadingDesk(voice, previews)
        self._clock = clock

    async def speak(self, node: Node, fields: forms.Fields, _: Request, language: Language) -> Answer:
        """Show how a sentence will be read, or have it spoken now."""
        do, t = fields.get("do", "send"), translator(language)
        text = forms.spoken(fields)
        if do in ("read", "listen"):
            draft = await self._desk.draft(text, choices(fields), language)
            return replace(await self._desk.preview(draft, do, language), may_say_anyway=draft.open > 0)
        class_ = planning.class_of(fields, "priority")
        draft = await self._desk.draft(text, choices(fields), language)
        if not node.online:
            return replace(self._desk.sheet(draft, language), notice=t("outcome.away"), good=False)
        if class_ == "emergency":
            if do != "emergency":
                return self._confirmed(draft, language, "emergency.sure_now")
        elif draft.open and (do != "anyway" or draft.unseen):
            return replace(
                self._desk.sheet(draft, language), notice=_not_sent(draft, language), good=False, may_say_anyway=True
            )
        args = Speak.model_validate(
            {"text": text, "readings": draft.readings, "speaker": fields.get("speaker") or None, "class": class_}
        )
        life = EMERGENCY_LIFE.total_seconds() if class_ == "emergency" else SPEAK_S
        outcome = await self._commands.send(node.address, args, limit=SPEAK_S, life=life, accepted_is_enough=True)
        words = self._speaker(node, language).outcome(outcome, "outcome.spoken", "outcome.speaking")
        return await self._told(outcome, words, draft, language)

    async def plan(self, node: Node, fields: forms.Fields, _: Request, language: Language) -> Answer:
        """Show how a bulletin will be read, or put it on the node's calendar."""
        do = fields.get("do", "send")
        draft = await self._desk.draft(forms.text(fields, forms.MAX_BULLETIN), choices(fields), language)
        if do in ("read", "listen"):
            return await self._desk.preview(draft, do, language)
        now, zone = self._clock.now(), node_zone(node, self._shown.zone)
        try:
            bulletin = planning.bulletin(fields, zone, now, self._shown.authorities)
        except forms.FormError as error:  # said before all questions; what was answered is kept
            notice = translator(language)(error.key, **error.params)
            return replace(self._desk.sheet(draft, language), notice=notice, good=False)
        if bulletin.class_ == "emergency":
            if do != "emergency":
                return self._confirmed(draft, language, "emergency.sure_planned")
        elif draft.open:
            return replace(self._desk.sheet(draft, language), notice=_not_sent(draft, language), good=False)
        bulletin = bulletin.model_copy(update={"readings": draft.readings})
        due = now + PLAN_LIFE if bulletin.recurrence else min(bulletin.at + timedelta(minutes=5), now + PLAN_LIFE)
        life = max((due - now).total_seconds(), PLAN_S)
        outcome = await self._commands.send(node.address, PlanBulletin(bulletin=bulletin), limit=PLAN_S, life=life)
        speaker = self._speaker(node, language)
        if outcome.state == "silent" and not node.online:
            return await self._told(
                Outcome("accepted"), speaker.t("outcome.later", until=speaker.moment(due)), draft, language
            )
        words = speaker.outcome(outcome, "outcome.planned", "outcome.accepted")
        if outcome.state == "done" and (first := instant_in(outcome.result.get("next"), zone)):
            words += " " + speaker.t("outcome.first", at=dated(first, zone, language))
        if fields.get("repeat") == "daily" and outcome.fault is not None and outcome.fault.code == "hours.weekday":
            words += " " + speaker.t("outcome.weekdays")
        answer = await self._told(outcome, words, draft, language)
        return self._with_next_lawful(answer, outcome, speaker)

    def _confirmed(self, draft: Draft, language: Language, key: str) -> Sheet:
        """An emergency is only sent by the button that stands beside what it does."""
        return replace(self._desk.sheet(draft, language), alarm=translator(language)(key))

    def _with_next_lawful(self, answer: Answer, outcome: Outcome, speaker: Speaker) -> Answer:
        """A node that refuses by its lawful hours says when it may: one tap takes that instant."""
        fault = outcome.fault
        lawful = (
            instant_in(fault.params.get("next"), speaker.zone) if fault and fault.code.startswith("hours.") else None
        )
        if not isinstance(answer, Sheet) or lawful is None:
            return answer
        there = local(lawful, speaker.zone)
        return replace(answer, move=Move(f"{there:%Y-%m-%d}", f"{there:%H:%M}", speaker.moment(lawful)))

    def _speaker(self, node: Node, language: Language) -> Speaker:
        return Speaker(language, node_zone(node, self._shown.zone), self._clock.now())

    async def _told(self, outcome: Outcome, words: str, draft: Draft, language: Language) -> Answer:
        """What became of it. A node that asks although we did not is answered here, with nothing typed lost."""
        t = translator(language)
        if outcome.fault is not None and outcome.fault.code == UNCLEAR:
            notice = f"{words} {t('reading.node_unclear')}"
            return replace(self._desk.sheet(draft, language), notice=notice, good=False)
        if outcome.state not in GOOD:
            return replace(self._desk.sheet(draft, language), notice=words, good=False)
        said = [words]
        if draft.open:
            said.append(t("reading.guessed", words=", ".join(draft.guessed)))
        if draft.checked is None:
            said.append(t("reading.unchecked", why=draft.why))
        said += await self._desk.kept(draft, language)
        return Toast(" ".join(said), True)


def _not_sent(draft: Draft, language: Language) -> str:
    return translator(language)("reading.not_sent", count=draft.open)
