"""What a bulletin is made of: chimes, texts, recordings, pauses, relays and live voices."""

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from edge_agent.contract.base import Name, Readings, Strict

ChimeName = Literal["two-tone", "three-tone", "morning", "closing", "alert", "siren"]
LANGUAGE_PATTERN = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the content, hex")]
MOST_AUDIO_BYTES = 64 * 1024 * 1024
MOST_SECONDS = 4 * 3600


class Sound(Strict):
    """A file in the hub's media store, known by its content."""

    sha256: Sha256
    bytes: int = Field(ge=1, le=MOST_AUDIO_BYTES, description="Its size; another size is another file")
    url: str | None = Field(
        default=None, max_length=500, pattern=r"^https?://[^\s@]+$", description="Absent: `/media/{sha256}` at the hub"
    )


class Chime(Strict):
    """A signal that the node makes by itself."""

    kind: Literal["chime"] = "chime"
    name: ChimeName = Field(description="`alert` and `siren` are for emergencies")


class Text(Strict):
    """Words that a voice says."""

    kind: Literal["text"] = "text"
    text: str = Field(min_length=1, max_length=20_000)
    readings: Readings = Field(default_factory=dict)
    rendered: Sound | None = Field(
        default=None,
        description="What was heard and approved at the hub; the node says the text itself when it cannot be fetched",
    )
    bed: Sound | None = Field(default=None, description="Music under the words")
    voice: Name | None = Field(
        default=None,
        description="Voice that says it, an id of `speaks` in `about`; another says it, and that is told, where "
        "this one fails. Nodes whose `about` has no `speaks` refuse this field",
    )


class Audio(Strict):
    """A recording: music, an interview, a language that no voice speaks."""

    kind: Literal["audio"] = "audio"
    sound: Sound
    title: str = Field(default="", max_length=200)
    by: str = Field(default="", max_length=200, description="Who speaks")
    clean: bool = Field(default=True, description="Level it and make it clear like a voice; false for music")


class Pause(Strict):
    """Silence."""

    kind: Literal["pause"] = "pause"
    seconds: float = Field(gt=0, le=60)


class Relay(Strict):
    """A radio from the Internet, passed on as it comes."""

    kind: Literal["relay"] = "relay"
    url: str = Field(max_length=1000)
    backup_url: str | None = Field(default=None, max_length=1000, description="When the first is silent or gone")
    stand_in: Sound | None = Field(default=None, description="What is played when both are")
    seconds: float = Field(gt=0, le=MOST_SECONDS, description="How long it is passed on")
    title: str = Field(default="", max_length=200)

    @field_validator("url", "backup_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and (not value.startswith(("http://", "https://")) or any(c.isspace() for c in value)):
            raise PydanticCustomError("invalid.url", "must begin with http:// or https:// and hold no space")
        return value


class Live(Strict):
    """A live microphone, see `live.start`; silence for as long as nobody speaks."""

    kind: Literal["live"] = "live"
    session: Name
    seconds: float = Field(gt=0, le=MOST_SECONDS, description="At most")


Segment = Annotated[Chime | Text | Audio | Pause | Relay | Live, Field(discriminator="kind")]
Segments = Annotated[tuple[Segment, ...], Field(min_length=1, max_length=50)]


class Version(Strict):
    """A bulletin in one language."""

    language: str = Field(pattern=LANGUAGE_PATTERN, description="BCP 47", examples=["vi", "tyz", "hmn", "en"])
    segments: Segments
