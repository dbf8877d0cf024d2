"""Speaking: a text is read before it is sent; what nobody knows how to read is asked, never guessed."""

from dataclasses import replace
from datetime import timedelta

from starlette.requests import Request

from edge_agent.contract.bulletins import BulletinClass
from edge_agent.contract.commands import Speak
from edge_agent.contract.sentences import Language
from hub import forms
from hub.choices import choices
from hub.clock import Clock
from hub.commands import Commands, Outcome
from hub.draft import Draft
from hub.language import translator
from hub.node import Node
from hub.previews import Previews
from hub.readingdesk import ReadingDesk
from hub.render import Shown
from hub.sentences import Speaker
from hub.sheet import Sheet
from hub.toasts import Toast
from hub.views import node_zone
from hub.voice import Voice
from tts.errors import UNCLEAR

SPEAK_S = 8.0
EMERGENCY_LIFE = timedelta(hours=1)
"""An emergency that its node got late still warns; unlike other words it is not refused after some seconds."""
GOOD = ("done", "accepted")
_CLASSES: dict[str, BulletinClass] = {name: name for name in ("ordinary", "priority", "emergency")}

Answer = Toast | Sheet


class Announcing:
    """What the form of a loudspeaker does. Its field `do` is a button: read, listen, send, anyway."""

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
        class_ = class_of(fields)
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

    def _confirmed(self, draft: Draft, language: Language, key: str) -> Sheet:
        """An emergency is only sent by the button that stands beside what it does."""
        return replace(self._desk.sheet(draft, language), alarm=translator(language)(key))

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


def class_of(fields: forms.Fields) -> BulletinClass:
    """How urgent it is. Raises FormError."""
    chosen = fields.get("class") or "priority"
    if chosen not in _CLASSES:
        raise forms.FormError("form.bad")
    return _CLASSES[chosen]
