"""Settings of the reading."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tts.paths import Location

Region = Literal["north", "south"]


class ReadingSettings(BaseModel):
    """How written text becomes words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    region: Region = Field(
        "north", description="Words for numbers: linh, nghìn, hai mươi tư (north) or lẻ, ngàn, hai mươi bốn (south)."
    )
    dictionaries: tuple[Location, ...] = Field(
        (), description="The commune's own dictionaries, YAML files; an entry of a later file wins."
    )
    strict: bool = Field(False, description="Refuse a text in which something is unclear until a person has chosen.")
