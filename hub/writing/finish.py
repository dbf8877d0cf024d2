"""From a draft to the content of a bulletin: what stands in the way, each with the place where it is mended."""

from dataclasses import dataclass

from edge_agent.contract import segments
from hub.bulletins.model import Content as Whole
from hub.choices import Choices
from hub.draft import Draft as Text
from hub.forms import FormError
from hub.media import MediaStore
from hub.readingdesk import ReadingDesk
from hub.writing.model import SPOKEN_LANGUAGES, Draft, Piece, Played, Ring, Silence, Sound, Version, Words


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that stands in the way: `key` of its sentence, in which version and piece (None: the whole)."""

    key: str
    language: str = ""
    piece: int | None = None
    params: tuple[tuple[str, object], ...] = ()


class Finisher:
    """Looks through a draft, and makes of it what can be planned."""

    def __init__(self, desk: ReadingDesk, media: MediaStore) -> None:
        self.desk = desk
        self._media = media

    async def finish(self, draft: Draft) -> tuple[Whole | None, list[Flaw]]:
        """The content, or what stands in its way. Raises FormError where a text cannot be read at all."""
        content = draft.content
        flaws = [] if content.title.strip() else [Flaw("write.flaw_title")]
        versions: list[segments.Version] = []
        for version in content.versions:
            made, wrong = await self._version(version, content.class_ == "emergency")
            flaws += wrong
            if made:
                versions.append(segments.Version(language=version.language, segments=made))
            elif not wrong and version.language != "vi":
                flaws.append(Flaw("write.flaw_empty", version.language))
        if not versions and not flaws:
            flaws.append(Flaw("write.flaw_nothing"))
        if flaws:
            return None, flaws
        whole = Whole.model_validate(
            {
                "title": content.title.strip(),
                "class": content.class_,
                "authority": content.authority,
                "versions": versions,
            }
        )
        return whole, []

    async def heard(self, version: Version) -> tuple[segments.Segment, ...]:
        """What would be heard of it now, whatever is still asked of it. Raises FormError where that is nothing."""
        made: list[segments.Segment] = []
        for piece in version.pieces:
            if isinstance(piece, Words) and piece.text.strip():
                if version.language not in SPOKEN_LANGUAGES:
                    raise FormError("write.flaw_no_voice")
                made.append((await self._text(piece, version.language))[0])
            elif segment := _plain(piece):
                made.append(segment)
        if not any(isinstance(segment, segments.Text | segments.Audio) for segment in made):
            raise FormError("write.flaw_nothing")
        return tuple(made)

    async def _version(self, version: Version, is_emergency: bool) -> tuple[tuple[segments.Segment, ...], list[Flaw]]:
        found = [piece for piece in version.pieces if not isinstance(piece, Words) or piece.text.strip()]
        if not any(isinstance(piece, Words | Played) for piece in found):
            return (), []  # a version with chimes only is one that nobody has begun
        made: list[segments.Segment] = []
        flaws: list[Flaw] = []
        for number, piece in enumerate(version.pieces):
            flaw = self._flaw(piece, version.language)
            if flaw is None and not is_emergency:  # that is spoken by whatever voice works
                flaw = self._voice_flaw(piece)
            if isinstance(piece, Words) and flaw is None and piece.text.strip():
                segment, asked = await self._text(piece, version.language)
                if asked and not is_emergency:
                    flaw = ("write.flaw_asks", (("count", asked),))
                made.append(segment)
            elif flaw is None and (segment_ := _plain(piece)):
                made.append(segment_)
            if flaw:
                flaws.append(Flaw(flaw[0], version.language, number, flaw[1]))
        return tuple(made), flaws

    def _flaw(self, piece: Piece, language: str) -> tuple[str, tuple[tuple[str, object], ...]] | None:
        match piece:
            case Words() if piece.text.strip() and language not in SPOKEN_LANGUAGES:
                return "write.flaw_no_voice", ()
            case Words() if piece.waits and piece.text.strip():
                return "write.flaw_unread", ()
            case Words() if piece.bed and self._media.get(piece.bed.sha256) is None:
                return "write.flaw_sound_gone", ()
            case Played() if self._media.get(piece.sound.sha256) is None:
                return "write.flaw_sound_gone", ()
            case Played() if language not in SPOKEN_LANGUAGES and piece.clean and not piece.by.strip():
                return "write.flaw_by", ()
        return None

    def _voice_flaw(self, piece: Piece) -> tuple[str, tuple[tuple[str, object], ...]] | None:
        voice = self.desk.voice
        if not isinstance(piece, Words) or not piece.text.strip() or voice.knows(piece.voice):
            return None
        return "write.flaw_voice", (("voice", piece.voice), ("known", voice.offered))

    async def _text(self, piece: Words, language: str) -> tuple[segments.Text, int]:
        answers = Choices(dict(piece.answers), frozenset(), {}, frozenset())
        text: Text = await self.desk.draft(piece.text, answers, "vi")
        bed = _sound(piece.bed) if piece.bed else None
        return segments.Text(text=piece.text, readings=text.readings, bed=bed, voice=piece.voice or None), text.open


def _plain(piece: Piece) -> segments.Segment | None:
    match piece:
        case Ring():
            return segments.Chime(name=piece.name)
        case Silence():
            return segments.Pause(seconds=piece.seconds)
        case Played():
            sound = _sound(piece.sound)
            return segments.Audio(sound=sound, title=piece.title, by=piece.by, clean=piece.clean)
    return None


def _sound(sound: Sound) -> segments.Sound:
    return segments.Sound(sha256=sound.sha256, bytes=sound.bytes)
