"""Settings of the engines. Light: neither an engine nor anything it needs is imported."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tts.paths import Location


class _Strict(BaseModel):
    """Refuses unknown keys, so a misspelt setting is reported instead of ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Called(_Strict):
    """What all have: how people and texts call this voice."""

    id: str | None = Field(
        None,
        pattern=r"^[a-z0-9-]{1,40}$",
        description="Id by which a text names this voice; by default made of the engine and its voice file.",
    )
    name: str | None = Field(None, min_length=1, max_length=80, description="What people call this voice.")


class GttsSettings(_Called):
    """Google's voice over the Internet. The text is sent to Google."""

    engine: Literal["gtts"] = "gtts"
    timeout_s: float = Field(8.0, gt=0, le=120, description="Longest time for one sentence, in seconds.")
    lang: str = Field("vi", pattern=r"^[A-Za-z-]{2,16}$", description="Language of the voice, an IETF tag.")
    tld: str = Field("com", pattern=r"^[a-z.]{2,16}$", description="Top-level domain of Google Translate to ask.")
    address: str | None = Field(
        None, description="Base address of a relay to ask instead of https://translate.google.<tld>."
    )
    ca_file: Location | None = Field(None, description="PEM file with the authority that vouches for `address`.")

    @field_validator("address")
    @classmethod
    def _encrypted_or_local(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        local = parts.hostname in {"127.0.0.1", "::1", "localhost"}
        if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
            raise ValueError("must be an https:// address (http:// only for this machine itself)")
        return value.rstrip("/")


class PiperSettings(_Called):
    """A neural voice on this machine: Piper with a voice file (.onnx). Needs the optional package piper-tts."""

    engine: Literal["piper"] = "piper"
    model: Location = Field(description="Voice file, .onnx. Nothing is downloaded.")
    config: Location | None = Field(
        None, description="The voice's JSON file; by default the name of `model` with .json."
    )
    timeout_s: float = Field(15.0, gt=0, le=120, description="Longest time for one sentence, in seconds.")
    start_s: float = Field(30.0, gt=0, le=300, description="Time to load the voice, beside the first sentence's.")
    speaker: int | None = Field(None, ge=0, description="Number of the speaker, for voice files that hold several.")
    length_scale: float | None = Field(
        None, ge=0.3, le=3, description="Length of sounds: 1.2 is a fifth slower. By default the voice's own."
    )
    noise_scale: float | None = Field(None, ge=0, le=2, description="How lively; by default the voice's own.")
    noise_w_scale: float | None = Field(
        None, ge=0, le=2, description="How uneven the rhythm; by default the voice's own."
    )
    part_chars: int = Field(
        240, ge=40, le=1000, description="Longer sentences are cut at a pause: memory grows with the length."
    )
    python: str | None = Field(
        None, min_length=1, description="Python that has piper-tts installed; by default the one that runs this."
    )


class EspeakSettings(_Called):
    """The small offline voice that is always there: espeak-ng, run as a program."""

    engine: Literal["espeak-ng"] = "espeak-ng"
    timeout_s: float = Field(10.0, gt=0, le=120, description="Longest time for one sentence, in seconds.")
    voice: str = Field(
        "vi", pattern=r"^[A-Za-z0-9][A-Za-z0-9+_-]*$", description="Voice name, see `espeak-ng --voices`."
    )
    rate_wpm: int = Field(150, ge=80, le=450, description="Speed in words per minute.")
    pitch: int = Field(50, ge=0, le=99, description="Pitch, 0 to 99; 50 is the voice's own.")
    program: str = Field("espeak-ng", min_length=1, description="The program's name or path.")


class RecordingSettings(_Called):
    """Phrases that a person has recorded. Text that nobody has recorded is left to the next engine."""

    engine: Literal["recording"] = "recording"
    folder: Location = Field(description="Folder of the recordings with `phrases.yaml`: spoken text -> file name.")


EngineSettings = Annotated[
    GttsSettings | PiperSettings | EspeakSettings | RecordingSettings, Field(discriminator="engine")
]
