"""Speaking and planning: a text is read before it is sent; what nobody knows how to read is asked, never guessed."""

import unicodedata
from dataclasses import dataclass, replace
from datetime import timedelta

from starlette.requests import Request

from edge_agent.contract.commands import PlanBulletin, Speak
from edge_agent.contract.errors import Fault
from edge_agent.contract.sentences import Language
from hub import forms, sheet
from hub.choices import MOST_ASKED, Choices, choices
from hub.clock import Clock
from hub.commands import Commands, Outcome
from hub.language import translator
from hub.previews import Busy, Previews
from hub.registry import Node
from hub.render import Shown
from hub.sentences import Speaker
from hub.sheet import Sheet, Sound
from hub.toasts import Toast
from hub.views import node_zone
from hub.voice import MOST_READINGS, Checked, TooManyReadings, Voice
from tts.errors import EMPTY, TOO_LONG, UNCLEAR, SpeechError
from tts.reading import passages

SPEAK_S = 8.0
PLAN_S = 8.0
PLAN_LIFE = timedelta(hours=24)
"""A bulletin planned while its node is away reaches it within this time, and before it is due."""
HEARD_CHARS = 600
"""Of a long bulletin the first minute can be listened to: the sound of all of it would take too long to make."""
GOOD = ("done", "accepted")

Answer = Toast | Sheet


@dataclass(frozen=True, slots=True)
class _Draft:
    """A text with what was chosen, and how it will be read; or why nobody knows."""

    text: str
    choices: Choices
    checked: Checked | None
    why: str

    @property
    def open(self) -> int:
        """Places that a person must decide yet."""
        return len(self.guessed)

    @property
    def guessed(self) -> tuple[str, ...]:
        """What is written there, each once: it would be spoken in the first way."""
        return tuple(dict.fromkeys(q.written for q in self.checked.reading.questions)) if self.checked else ()

    @property
    def unseen(self) -> bool:
        """Whether something is open that was not asked in the form: the text was changed since."""
        if self.checked is None or len(self.checked.asked) > MOST_ASKED:
            return False
        return not {q.written for q in self.checked.reading.questions} <= self.choices.own.keys()

    @property
    def readings(self) -> dict[str, str]:
        """What goes along with the text."""
        return self.checked.readings if self.checked else self.choices.spoken


class Announcing:
    """What the forms of a loudspeaker and of a bulletin do. Each field `do` is a button: read, listen, send, anyway."""

    def __init__(self, shown: Shown, commands: Commands, voice: Voice, previews: Previews, clock: Clock) -> None:
        self._shown = shown
        self._commands = commands
        self._voice = voice
        self._previews = previews
        self._clock = clock

    async def speak(self, node: Node, fields: forms.Fields, _: Request, language: Language) -> Answer:
        """Show how a sentence will be read, or have it spoken now."""
        do, t = fields.get("do", "send"), translator(language)
        text = forms.spoken(fields)
        if do in ("read", "listen"):
            draft = await self._draft(text, fields, language)
            return replace(await self._preview(draft, do, language), may_say_anyway=draft.open > 0)
        draft = await self._draft(text, fields, language)
        if not node.online:
            return replace(self._sheet(draft, language), notice=t("outcome.away"), good=False)
        if draft.open and (do != "anyway" or draft.unseen):
            return replace(
                self._sheet(draft, language), notice=_not_sent(draft, language), good=False, may_say_anyway=True
            )
        args = Speak(text=text, readings=draft.readings, speaker=fields.get("speaker") or None)
        outcome = await self._commands.send(node.address, args, limit=SPEAK_S, life=SPEAK_S, accepted_is_enough=True)
        words = self._speaker(node, language).outcome(outcome, "outcome.spoken", "outcome.speaking")
        return await self._told(outcome, words, draft, language)

    async def plan(self, node: Node, fields: forms.Fields, _: Request, language: Language) -> Answer:
        """Show how a bulletin will be read, or put it on the node's calendar."""
        do = fields.get("do", "send")
        if do in ("read", "listen"):
            draft = await self._draft(forms.text(fields, forms.MAX_BULLETIN), fields, language)
            return await self._preview(draft, do, language)
        draft = await self._draft(forms.text(fields, forms.MAX_BULLETIN), fields, language)
        now = self._clock.now()
        try:
            bulletin = forms.bulletin(fields, node_zone(node, self._shown.zone), now)
        except forms.FormError as error:  # said before all questions; what was answered is kept
            notice = translator(language)(error.key, **error.params)
            return replace(self._sheet(draft, language), notice=notice, good=False)
        if draft.open:
            return replace(self._sheet(draft, language), notice=_not_sent(draft, language), good=False)
        bulletin = bulletin.model_copy(update={"readings": draft.readings})
        due = now + PLAN_LIFE if bulletin.recurrence else min(bulletin.at + timedelta(minutes=5), now + PLAN_LIFE)
        life = max((due - now).total_seconds(), PLAN_S)
        outcome = await self._commands.send(node.address, PlanBulletin(bulletin=bulletin), limit=PLAN_S, life=life)
        speaker = self._speaker(node, language)
        words = speaker.outcome(outcome, "outcome.planned", "outcome.accepted")
        if outcome.state == "silent" and not node.online:
            return await self._told(
                Outcome("accepted"), speaker.t("outcome.later", until=speaker.moment(due)), draft, language
            )
        return await self._told(outcome, words, draft, language)

    def _speaker(self, node: Node, language: Language) -> Speaker:
        return Speaker(language, node_zone(node, self._shown.zone), self._clock.now())

    async def _draft(self, text: str, fields: forms.Fields, language: Language) -> _Draft:
        """Read the text. Raises FormError where the text itself is at fault; else it can be sent unchecked."""
        answers = choices(fields)
        try:
            return _Draft(text, answers, await self._voice.check(text, answers.spoken), "")
        except TooManyReadings as error:
            raise forms.FormError("reading.too_many", limit=MOST_READINGS) from error
        except SpeechError as error:
            why = _sentence(error, language)
            if error.code == EMPTY:
                raise _unreadable(text) from error
            if error.code == TOO_LONG:
                raise forms.FormError("reading.refused", why=why) from error
            return _Draft(text, answers, None, why)

    async def _preview(self, draft: _Draft, do: str, language: Language) -> Sheet:
        t = translator(language)
        if draft.checked is None:
            return Sheet(notice=t("reading.no_preview", why=draft.why), good=False)
        made = self._sheet(draft, language)
        if draft.open:
            made = replace(made, notice=t("reading.asks", count=draft.open))
        return await self._with_sounds(made, draft, language) if do == "listen" else made

    def _sheet(self, draft: _Draft, language: Language) -> Sheet:
        if draft.checked is None:
            return Sheet()
        reading = draft.checked.reading
        asked = sheet.asks(draft.checked, draft.choices, language)
        return Sheet(
            pieces=tuple(sheet.pieces(reading)),
            changes=sheet.changes(reading),
            asks=asked,
            more=len(draft.checked.asked) - len(asked),
        )

    async def _with_sounds(self, made: Sheet, draft: _Draft, language: Language) -> Sheet:
        t = translator(language)
        part = next(passages(draft.text, HEARD_CHARS))
        try:
            with self._previews.place():
                horn = await self._previews.keep(await self._voice.say(part, draft.readings, plain=False))
                plain = await self._previews.keep(await self._voice.say(part, draft.readings, plain=True))
        except Busy:
            return replace(made, sound_note=t("reading.busy"))
        except SpeechError as error:
            return replace(made, sound_note=t("reading.no_sound", why=_sentence(error, language)))
        except OSError as error:
            why = Fault.of("speech.storage", detail=str(error.strerror)).text(language)
            return replace(made, sound_note=t("reading.no_sound", why=why))
        sounds = (Sound("reading.horn", horn, True), Sound("reading.plain", plain, False))
        return replace(made, sounds=sounds, sound_note="" if part == draft.text else t("reading.part"))

    async def _told(self, outcome: Outcome, words: str, draft: _Draft, language: Language) -> Answer:
        """What became of it. A node that asks although we did not is answered here, with nothing typed lost."""
        t = translator(language)
        if outcome.fault is not None and outcome.fault.code == UNCLEAR:
            notice = f"{words} {t('reading.node_unclear')}"
            return replace(self._sheet(draft, language), notice=notice, good=False)
        if outcome.state not in GOOD:
            return replace(self._sheet(draft, language), notice=words, good=False)
        said = [words]
        if draft.open:
            said.append(t("reading.guessed", words=", ".join(draft.guessed)))
        if draft.checked is None:
            said.append(t("reading.unchecked", why=draft.why))
        said += await self._kept(draft, language)
        return Toast(" ".join(said), True)

    async def _kept(self, draft: _Draft, language: Language) -> list[str]:
        """Remember what was asked to be, but for what depends on the text."""
        t, answers = translator(language), draft.choices
        here = {q.written for q in draft.checked.asked if not sheet.may_keep(q)} if draft.checked else set()
        kept: list[str] = []
        try:
            for written in sorted(answers.keep - here):
                await self._voice.remember(written, answers.spoken[written])
                kept.append(f"{written}: {answers.spoken[written]}")
        except SpeechError as error:
            return [t("reading.not_kept", why=_sentence(error, language))]
        return [t("reading.kept", words="; ".join(kept))] if kept else []


def _unreadable(text: str) -> forms.FormError:
    """Why nothing of a text can be spoken, in terms of what was written."""
    if not any(char.isalnum() for char in text):
        return forms.FormError("reading.only_signs", written=_short(text))
    foreign = [word for word in text.split() if any(char.isalpha() and not _is_latin(char) for char in word)]
    if foreign:
        return forms.FormError("reading.only_foreign", written=_short(" ".join(foreign)))
    return forms.FormError("reading.all_skipped")


def _is_latin(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith("LATIN")


def _short(text: str) -> str:
    return text if len(text) <= 24 else text[:23] + "…"


def _not_sent(draft: _Draft, language: Language) -> str:
    return translator(language)("reading.not_sent", count=draft.open)


def _sentence(error: SpeechError, language: Language) -> str:
    return Fault.of(error.code, detail=error.detail).text(language)
