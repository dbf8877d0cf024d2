"""Settings of the enhancement; light to import."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from tts.paths import near

ENHANCE_VERSION = 2  # part of every cache key: raise it when the same input and settings give other samples

NOISES = {"quiet": 20.0, "street": 8.0, "storm": 0.0}


Decibels = Annotated[float, Field(ge=-30, le=60)]


class EnhancementSettings(BaseModel):
    """How speech is prepared for a horn in noise."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    enabled: bool = Field(True, description="Prepare speech for a horn in noise; false leaves it untouched.")
    noise: Literal["quiet", "street", "storm"] | Decibels = Field(
        "street",
        description="How loud it is where people listen: a name, or by how many dB the untouched speech would stand "
        "above the noise there (quiet = 20, street = 8, storm = 0 and below).",
    )
    limit: Literal["peak", "power"] = Field(
        "peak",
        description="What may not grow: `peak` (the amplifier's rails; the speech gets louder) or `power` (the mean "
        "power; the speech is only shaped).",
    )
    horn: str = Field(
        "generic-30w", min_length=1, description="The loudspeaker: a shipped profile's name or a path to a YAML file."
    )

    @field_validator("horn")
    @classmethod
    def _near(cls, value: str, info: ValidationInfo) -> str:
        return str(near(Path(value), info)) if Path(value).suffix else value

    def strength(self) -> float:
        """How much is done, 0 (nearly nothing) to 1 (all of it), falling evenly from 0 dB to 20 dB of noise."""
        level = NOISES[self.noise] if isinstance(self.noise, str) else self.noise
        return min(max((20.0 - level) / 20.0, 0.0), 1.0)
