"""What all parts of the configuration are made of."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """A part of the configuration: an unknown key is an error, and so is a number that is none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _absolute(value: Path, info: ValidationInfo) -> Path:
    """Relative paths begin at the configuration's own folder, not where somebody happened to stand."""
    return Path((info.context or {}).get("folder", "")) / value.expanduser()


Location = Annotated[Path, AfterValidator(_absolute)]


class Secret(Section):
    """Where a secret is kept; the secret itself never stands in the configuration."""

    file: Location | None = Field(default=None, description="A file with the secret alone in it, readable by us only")
    env: str | None = Field(default=None, description="Name of an environment variable")

    @model_validator(mode="after")
    def _one(self) -> "Secret":
        if (self.file is None) == (self.env is None):
            raise PydanticCustomError("config.one_secret", "give either file or env")
        return self
