"""Settings of the voices: `VoiceSettings`; what comes out is in `tts.speech`."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tts.engines.settings import EngineSettings, EspeakSettings, GttsSettings, PiperSettings, RecordingSettings
from tts.enhance.settings import EnhancementSettings
from tts.reading.settings import ReadingSettings

__all__ = [
    "EngineSettings",
    "EspeakSettings",
    "GttsSettings",
    "PiperSettings",
    "RecordingSettings",
    "VoiceSettings",
]


class _Strict(BaseModel):
    """Refuses unknown keys, so a misspelt setting is reported instead of ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    reading: ReadingSettings = Field(ReadingSettings(), description="How written text becomes words.")
    enhancement: EnhancementSettings = Field(
        EnhancementSettings(), description="How speech is made to be understood through a horn, in noise."
    )
    max_chars: int = Field(20_000, ge=1, le=1_000_000, description="Longest text accepted, in characters.")

    @field_validator("chain")
    @classmethod
    def _told_apart(cls, chain: tuple[EngineSettings, ...]) -> tuple[EngineSettings, ...]:
        given = [entry.id for entry in chain if entry.id is not None]
        twice = sorted({id_ for id_ in given if given.count(id_) > 1})
        if twice:
            raise ValueError(f"two voices have the id {twice[0]}")
        return chain
