"""Settings of the voices, and what comes out: `VoiceSettings`, `Speech`, `Attempt`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator


class _Strict(BaseModel):
    """Refuses unknown keys, so a misspelt setting is reported instead of ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GttsSettings(_Strict):
    """Google's voice over the Internet. The text is sent to Google."""

    engine: Literal["gtts"] = "gtts"
    timeout_s: float = Field(8.0, gt=0, le=120, description="Longest time for one sentence, in seconds.")
    lang: str = Field("vi", pattern=r"^[A-Za-z-]{2,16}$", description="Language of the voice, an IETF tag.")
    tld: str = Field("com", pattern=r"^[a-z.]{2,16}$", description="Top-level domain of Google Translate to ask.")
    address: str | None = Field(
        None, description="Base address of a relay to ask instead of https://translate.google.<tld>."
    )
    ca_file: Path | None = Field(None, description="PEM file with the authority that vouches for `address`.")

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


class EspeakSettings(_Strict):
    """The small offline voice that is always there: espeak-ng, run as a program."""

    engine: Literal["espeak-ng"] = "espeak-ng"
    timeout_s: float = Field(10.0, gt=0, le=120, description="Longest time for one sentence, in seconds.")
    voice: str = Field(
        "vi", pattern=r"^[A-Za-z0-9][A-Za-z0-9+_-]*$", description="Voice name, see `espeak-ng --voices`."
    )
    rate_wpm: int = Field(150, ge=80, le=450, description="Speed in words per minute.")
    pitch: int = Field(50, ge=0, le=99, description="Pitch, 0 to 99; 50 is the voice's own.")
    program: str = Field("espeak-ng", min_length=1, description="The program's name or path.")


EngineSettings = Annotated[GttsSettings | EspeakSettings, Field(discriminator="engine")]


def _default_chain() -> tuple[EngineSettings, ...]:
    return GttsSettings(), EspeakSettings()


class VoiceSettings(_Strict):
    """Which voices to try in which order, and where finished speech is kept."""

    chain: tuple[EngineSettings, ...] = Field(
        default_factory=_default_chain,
        min_length=1,
        max_length=8,
        description="Engines in the order in which they are tried; one announcement has one voice.",
    )
    cache_dir: Path | None = Field(
        None, description="Folder of finished speech. Without one a temporary folder is used and removed at the end."
    )
    cache_bytes: int = Field(200_000_000, ge=1_000_000, description="Most bytes that the cache may hold.")
    idle_s: float = Field(60.0, gt=0, description="Seconds without work after which the worker process is ended.")
    max_chars: int = Field(20_000, ge=1, le=1_000_000, description="Longest text accepted, in characters.")


@dataclass(frozen=True, slots=True)
class Attempt:
    """An engine that was tried and failed: which one, the error's code, and a sentence why."""

    engine: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Speech:
    """A finished announcement.

    `path` is a 48 kHz mono 16-bit WAV that belongs to the cache: copy or open it before asking for more speech.
    `sha256` (hex) and `seconds` are of that file, `spoken` is the text as it was read out, `cached` says that
    `engine` did not have to run, `tried` lists the engines that failed before `engine` did it.
    """

    path: Path
    sha256: str
    seconds: float
    engine: str
    voice: str
    spoken: str
    cached: bool
    tried: tuple[Attempt, ...] = ()
