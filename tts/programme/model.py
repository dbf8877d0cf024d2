"""A programme's script: `Script` and its segments. A segment is known by its key: `chime:`, `text:`, `pause:`..."""

from datetime import date as Date  # noqa: N812 - `date` is a key of the script
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    StringConstraints,
    Tag,
    ValidationInfo,
    field_validator,
)

from tts.enhance.settings import EnhancementSettings
from tts.model import EngineSettings, VoiceSettings
from tts.programme.places import Document
from tts.reading import ReadingSettings

ChimeName = Literal["two-tone", "three-tone", "morning", "closing", "alert", "siren"]
PadName = Literal["calm", "bright"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
STOP = "stop"

GREETING = "Kính chào toàn thể bà con. Hôm nay là {weekday}, {date}, tức {lunar}."


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Segment(_Strict):
    title: str = Field("", max_length=200, description="Name in the cue sheet.")


class Chime(_Segment):
    """A signal made by this program."""

    chime: ChimeName = Field(description="Which one; `siren` and `alert` are for emergencies.")


class Text(_Segment):
    """Something to be said. `{weekday}`, `{date}`, `{lunar}` and `{lunar_year}` are filled in."""

    text: Words = Field(description="As it would be written; the reading makes words of it.")
    voice: Name | None = Field(None, description="A name of `voices`; the first one by default.")


class Greeting(_Segment):
    """The greeting with the day's solar and lunar date."""

    greeting: Words = Field(GREETING, description="Words with {weekday}, {date}, {lunar}, {lunar_year} to fill in.")
    voice: Name | None = Field(None, description="A name of `voices`; the first one by default.")


class Closing(_Segment):
    """The last words."""

    closing: Words = Field(description="As it would be written.")
    voice: Name | None = Field(None, description="A name of `voices`; the first one by default.")


class Dialogue(_Segment):
    """Paragraphs that voices say in turn."""

    dialogue: tuple[Words, ...] = Field(min_length=1, max_length=100, description="Who speaks next is the next voice.")
    voices: tuple[Name, ...] = Field(min_length=2, max_length=8, description="Names of `voices`, in their turn.")


class Recording(_Segment):
    """A person's voice, cleaned: an interview, a minority language."""

    recording: Path = Field(description="WAV, MP3, FLAC, Opus or M4A; relative to the script's folder.")
    by: str = Field("", max_length=200, description="Who speaks.")
    longest_s: float = Field(3600.0, gt=0, le=4 * 3600, description="A longer recording is a mistake, in seconds.")


class Pause(_Segment):
    """Silence (or music alone)."""

    pause: float = Field(gt=0, le=60, description="Seconds.")


class Music(_Segment):
    """Music that begins here and goes on under what follows, or `stop`."""

    music: str = Field(min_length=1, description="`calm` or `bright` (made by this program), an audio file, or `stop`.")
    lead_s: float = Field(2.0, ge=0, le=60, description="How long it is alone, before the next segment or to its end.")
    fade_s: float = Field(1.5, ge=0, le=20, description="Fade in, or out at its end, in seconds.")
    alone_lu: float = Field(4.0, ge=0, le=40, description="How far under the programme's loudness it plays alone.")
    under_lu: float = Field(14.0, ge=6, le=60, description="How far under speech it plays.")


_KINDS: dict[str, type[_Segment]] = {
    "chime": Chime,
    "text": Text,
    "greeting": Greeting,
    "closing": Closing,
    "dialogue": Dialogue,
    "recording": Recording,
    "pause": Pause,
    "music": Music,
}


def kind_of(segment: Any) -> str | None:
    """Return the kind of a segment, or of the raw mapping that shall become one."""
    if isinstance(segment, BaseModel):
        return next(kind for kind, model in _KINDS.items() if isinstance(segment, model))
    return next((kind for kind in _KINDS if kind in segment), None) if isinstance(segment, dict) else None


Segment = Annotated[
    Annotated[Chime, Tag("chime")]
    | Annotated[Text, Tag("text")]
    | Annotated[Greeting, Tag("greeting")]
    | Annotated[Closing, Tag("closing")]
    | Annotated[Dialogue, Tag("dialogue")]
    | Annotated[Recording, Tag("recording")]
    | Annotated[Pause, Tag("pause")]
    | Annotated[Music, Tag("music")],
    Discriminator(
        kind_of,
        custom_error_type="programme.kind",
        custom_error_message="a segment needs one of the keys {expected}",
        custom_error_context={"expected": ", ".join(_KINDS)},
    ),
]


class StrictReading(ReadingSettings):
    """As everywhere, but strict: what nobody can read is asked before anything is spoken."""

    strict: bool = Field(True, description="Refuse a script in which something is unclear until a person has chosen.")


def _default_voices() -> dict[str, tuple[EngineSettings, ...]]:
    return {"voice": VoiceSettings().chain}


class Script(_Strict):
    """A programme."""

    title: str = Field(min_length=1, max_length=200, description="Name of the programme, also in the audio file.")
    date: Date | None = Field(None, description="The day on which it is aired, YYYY-MM-DD; by default today.")
    loudness: float | None = Field(
        None, ge=-36, le=-6, description="LUFS of every item; by default that of bulletins with this enhancement."
    )
    gap_s: float = Field(0.6, ge=0, le=10, description="Silence between two items that are said, in seconds.")
    voices: dict[Name, tuple[EngineSettings, ...]] = Field(
        default_factory=_default_voices,
        min_length=1,
        max_length=20,
        description="Name -> engines in the order in which they are tried. The first voice is the usual one.",
    )
    reading: StrictReading = Field(default_factory=StrictReading, description="How text becomes words.")
    choices: dict[str, str] = Field(default_factory=dict, description="Written form -> how it is said.")
    enhancement: EnhancementSettings = Field(
        default_factory=EnhancementSettings, description="Preparation of speech for horns in noise."
    )
    segments: tuple[Segment, ...] = Field(min_length=1, max_length=500, description="What is heard, in order.")

    _document: Document = PrivateAttr(default_factory=Document)

    def model_post_init(self, context: Any) -> None:
        """Remember where each value stands in the file."""
        self._document = (context or {}).get("document") or Document()

    @property
    def document(self) -> Document:
        """Where each value stands in the file; empty for a script that was made in Python."""
        return self._document

    @field_validator("segments")
    @classmethod
    def _beside_the_script(cls, segments: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
        folder = (info.context or {}).get("folder")
        if folder is None:
            return segments
        return tuple(
            segment.model_copy(update={"recording": folder / segment.recording})
            if isinstance(segment, Recording)
            else segment.model_copy(update={"music": str(folder / segment.music)})
            if isinstance(segment, Music) and is_file(segment.music)
            else segment
            for segment in segments
        )

    @field_validator("reading")
    @classmethod
    def _dictionaries_beside_the_script(cls, reading: StrictReading, info: ValidationInfo) -> StrictReading:
        folder = (info.context or {}).get("folder")
        if folder is None:
            return reading
        return reading.model_copy(update={"dictionaries": tuple(folder / path for path in reading.dictionaries)})


def is_file(music: str) -> bool:
    """Say whether the name of a music bed is a file's and not one of ours."""
    return music not in (STOP, *PadName.__args__)  # type: ignore[attr-defined]
