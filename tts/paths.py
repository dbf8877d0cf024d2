"""Paths in settings: relative ones begin at the folder of the file that names them, not where somebody stood."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo


def near(value: Path, info: ValidationInfo) -> Path:
    """Return `value`, seen from the `folder` of the validation's context; as it is without one."""
    return Path((info.context or {}).get("folder", "")) / value.expanduser()


Location = Annotated[Path, AfterValidator(near)]
"""A path in a settings file."""
