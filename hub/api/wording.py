"""What a bulletin says, as programs write it: texts, chimes, pauses, sounds; looked through as the page's draft is."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from edge_agent.contract.base import Name, Readings, Strict
from edge_agent.contract.bulletins import DEFAULT_AUTHORITY, BulletinClass
from edge_agent.contract.segments import LANGUAGE_PATTERN, ChimeName, Sha256
from hub.api.errors import Also, ApiError, Message, refused
from hub.api.parts import Hub, Parts
from hub.api.texts import CLEANED
from hub.bulletins.model import Content
from hub.language import sentence
from hub.voice import TooManyReadings
from hub.writing import model
from hub.writing.finish import Flaw
from tts.errors import SpeechError

SPOKEN = "vi"
Words = Annotated[str, CLEANED, Field(min_length=1, max_length=20_000, pattern=r"\S")]


class SoundRef(Strict):
    """A sound that was brought by `PUT /sounds`: its answer, or only its `sha256`."""

    sha256: Sha256
    bytes: int | None = Field(default=None, ge=1, description="As it is stored, whatever stands here")
    seconds: float = Field(default=0, ge=0, le=86_400)
    name: Annotated[str, CLEANED] = Field(default="", max_length=200)
    notes: tuple[Annotated[str, Field(max_length=60)], ...] = Field(default=(), max_length=8)


class TextPart(Strict):
    """Words that a voice says. `bed`: music under them."""

    kind: Literal["text"]
    text: Words
    readings: Readings = Field(default_factory=dict)
    voice: Name | None = Field(default=None, description="Id of one of the hub's voices; absent: the usual one")
    bed: SoundRef | None = None


class ChimePart(Strict):
    """A signal."""

    kind: Literal["chime"]
    name: ChimeName = "two-tone"


class PausePart(Strict):
    """Silence."""

    kind: Literal["pause"]
    seconds: float = Field(default=2, ge=0.5, le=60)


class SoundPart(Strict):
    """A recording or music. `by`: who speaks; `clean`: a voice, false for music."""

    kind: Literal["audio"]
    sound: SoundRef
    title: Annotated[str, CLEANED] = Field(default="", max_length=200)
    by: Annotated[str, CLEANED] = Field(default="", max_length=200)
    clean: bool = True


BulletinPart = Annotated[TextPart | ChimePart | PausePart | SoundPart, Field(discriminator="kind")]


class SpokenVersion(Strict):
    """The same in one language; the hub's voice speaks `vi`, others are recordings."""

    language: str = Field(pattern=LANGUAGE_PATTERN, max_length=40)
    segments: tuple[BulletinPart, ...] = Field(min_length=1, max_length=model.MOST_PIECES)


class Wording(Strict):
    """Its words: `text`, spoken as it stands, or `versions` with all that is heard."""

    title: Annotated[str, CLEANED] = Field(min_length=1, max_length=200, pattern=r"\S")
    text: Words | None = None
    versions: tuple[SpokenVersion, ...] = Field(default=(), max_length=8)
    readings: Readings = Field(default_factory=dict)
    voice: Name | None = Field(default=None, description="Id of one of the hub's voices; absent: the usual one")
    language: str = Field(default=SPOKEN, pattern=LANGUAGE_PATTERN, max_length=40)
    class_: BulletinClass = Field(default="ordinary", alias="class")
    authority: Name = DEFAULT_AUTHORITY


async def written(hub: Hub, asked: Wording) -> tuple[model.Content, Content]:
    """As the page's draft holds it, and as it is planned. Raises ApiError for all that stands in its way."""
    versions = _versions(asked)
    if asked.class_ != "emergency":
        for at, version in enumerate(versions):
            await _check_versions(hub, version, f"body.versions.{at}" if asked.versions else "body")
    pieces = tuple(
        model.Version(
            language=version.language,
            pieces=tuple(
                _piece(hub, part, f"body.versions.{at}.segments.{number}")
                for number, part in enumerate(version.segments)
            ),
        )
        for at, version in enumerate(versions)
    )
    kept = model.Content.model_validate(
        {"title": asked.title, "class": asked.class_, "authority": asked.authority, "versions": pieces}
    )
    whole, flaws = await hub.more.writing.finisher.finish(_draft(kept, hub.clock.now()))
    if whole is None:
        raise _flawed(flaws, [version.language for version in versions])
    return kept, whole


async def check_reading(hub: Parts, text: str, readings: Readings, where: str) -> None:
    """What nobody knows how to read is asked, never guessed. Raises ApiError."""
    try:
        checked = await hub.voice.check(text, readings)
    except (SpeechError, TooManyReadings) as error:
        raise refused(422, "api.unreadable", f"{where}.text", detail=str(error)[:300]) from error
    open_ = dict.fromkeys(question.written for question in checked.reading.questions)
    if open_:
        raise refused(422, "api.unclear", f"{where}.readings", words=", ".join(open_)[:500])


def _versions(asked: Wording) -> tuple[SpokenVersion, ...]:
    """Raises ApiError where there is not just one of both ways."""
    if (asked.text is None) == (not asked.versions):
        raise refused(422, "api.text_or_versions", "body.text")
    languages = [version.language for version in asked.versions]
    if len(set(languages)) != len(languages):
        raise refused(422, "api.language_twice", "body.versions")
    if asked.text is None:
        return asked.versions
    text = TextPart(kind="text", text=asked.text, readings=asked.readings, voice=asked.voice)
    return (SpokenVersion(language=asked.language, segments=(text,)),)


async def _check_versions(hub: Parts, version: SpokenVersion, where: str) -> None:
    if version.language != SPOKEN:
        return
    for number, part in enumerate(version.segments):
        if isinstance(part, TextPart):
            at = where if where == "body" else f"{where}.segments.{number}"
            await check_reading(hub, part.text, part.readings, at)


def _piece(hub: Parts, part: BulletinPart, where: str) -> model.Piece:
    match part:
        case TextPart():
            bed = _sound(hub, part.bed, f"{where}.bed") if part.bed else None
            return model.Words(text=part.text, answers=part.readings, bed=bed, voice=part.voice or "")
        case ChimePart():
            return model.Ring(name=part.name)
        case PausePart():
            return model.Silence(seconds=part.seconds)
    sound = _sound(hub, part.sound, f"{where}.sound")
    return model.Played(sound=sound, title=part.title, by=part.by, clean=part.clean)


def _sound(hub: Parts, asked: SoundRef, where: str) -> model.Sound:
    """One of the store, which keeps it for as long as a bulletin takes to be written. Raises ApiError."""
    medium = hub.more.shown.media.hold(asked.sha256)
    if medium is None or not medium.is_sound:
        raise refused(422, "write.flaw_sound_gone", where)
    return model.Sound(
        sha256=asked.sha256, bytes=medium.size, seconds=asked.seconds, name=asked.name, notes=asked.notes
    )


def _draft(content: model.Content, now: datetime) -> model.Draft:
    """One that is nowhere kept."""
    return model.Draft(id="d-new", content=content, place="", by="", name="", created=now, changed=now)


def _flawed(flaws: list[Flaw], languages: list[str]) -> ApiError:
    told: list[dict[str, Any]] = []
    for flaw in flaws[:100]:
        params = dict(flaw.params)
        message = Message(vi=sentence("vi", flaw.key, **params), en=sentence("en", flaw.key, **params))
        where = f"body.versions.{languages.index(flaw.language)}" if flaw.language in languages else "body"
        where += f".segments.{flaw.piece}" if flaw.piece is not None else ""
        told.append({"code": flaw.key, "message": message, "where": where})
    filled = {name: value if isinstance(value, int | float) else str(value) for name, value in flaws[0].params}
    first = refused(422, flaws[0].key, str(told[0]["where"]), **filled)
    first.error.also = [Also.model_validate(each) for each in told[1:]] or None
    return first
