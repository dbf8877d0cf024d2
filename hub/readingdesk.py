"""A text on its way to be spoken: read, asked about, listened to. All forms whose words are spoken use it."""

from dataclasses import replace

from edge_agent.contract.errors import Fault
from edge_agent.contract.sentences import Language
from hub import forms, sheet
from hub.choices import Choices
from hub.draft import Draft, unreadable
from hub.language import translator
from hub.previews import Busy, Previews
from hub.sheet import Sheet, Sound
from hub.voice import MOST_READINGS, TooManyReadings, Voice
from tts.errors import EMPTY, TOO_LONG, SpeechError
from tts.reading import passages

HEARD_CHARS = 600
"""Of a long bulletin the first minute can be listened to: the sound of all of it would take too long to make."""


class ReadingDesk:
    """Reads texts with the commune's voice."""

    def __init__(self, voice: Voice, previews: Previews) -> None:
        self._voice = self.voice = voice
        self._previews = previews

    async def draft(self, text: str, answers: Choices, language: Language) -> Draft:
        """Read the text. Raises FormError where the text itself is at fault; else it can be sent unchecked."""
        try:
            return Draft(text, answers, await self._voice.check(text, answers.spoken), "")
        except TooManyReadings as error:
            raise forms.FormError("reading.too_many", limit=MOST_READINGS) from error
        except SpeechError as error:
            why = _sentence(error, language)
            if error.code == EMPTY:
                raise unreadable(text) from error
            if error.code == TOO_LONG:
                raise forms.FormError("reading.refused", why=why) from error
            return Draft(text, answers, None, why)

    async def preview(self, draft: Draft, do: str, language: Language, voice: str = "") -> Sheet:
        """What is shown of its reading; `do` is `read`, or `listen` for sounds too, by `voice` where that is named."""
        t = translator(language)
        if draft.checked is None:
            return Sheet(notice=t("reading.no_preview", why=draft.why), good=False)
        made = self.sheet(draft, language)
        if draft.open:
            made = replace(made, notice=t("reading.asks", count=draft.open))
        return await self._with_sounds(made, draft, language, voice) if do == "listen" else made

    def sheet(self, draft: Draft, language: Language) -> Sheet:
        """Words and questions; empty where nobody knows how it is read."""
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

    async def _with_sounds(self, made: Sheet, draft: Draft, language: Language, voice: str) -> Sheet:
        t = translator(language)
        part = next(passages(draft.text, HEARD_CHARS))
        try:
            with self._previews.place():
                said = await self._voice.say(part, draft.readings, plain=False, voice=voice or None)
                horn = await self._previews.keep(said)
                gentle = await self._voice.say(part, draft.readings, plain=True, voice=voice or None)
                plain = await self._previews.keep(gentle)
        except Busy:
            return replace(made, sound_note=t("reading.busy"))
        except SpeechError as error:
            return replace(made, sound_note=t("reading.no_sound", why=_sentence(error, language)))
        except OSError as error:
            why = Fault.of("speech.storage", detail=str(error.strerror)).text(language)
            return replace(made, sound_note=t("reading.no_sound", why=why))
        sounds = (Sound("reading.horn", horn, True), Sound("reading.plain", plain, False))
        notes = ["" if part == draft.text else t("reading.part"), self.instead(voice, said.id, language)]
        return replace(made, sounds=sounds, sound_note=" ".join(filter(None, notes)))

    def instead(self, wanted: str | None, spoke: str, language: Language) -> str:
        """That another voice spoke than was wanted; empty where all is as wished."""
        if not wanted or wanted == spoke:
            return ""
        names = {"wanted": self.voice.called(wanted), "voice": self.voice.called(spoke)}
        return translator(language)("write.voice_instead", **names)

    async def kept(self, draft: Draft, language: Language) -> list[str]:
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


def _sentence(error: SpeechError, language: Language) -> str:
    return Fault.of(error.code, detail=error.detail).text(language)
