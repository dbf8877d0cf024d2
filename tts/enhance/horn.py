"""Horn profiles: what a loudspeaker passes on, and how much power it survives."""

from importlib import resources
from itertools import pairwise
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tts.errors import HORN, SpeechError

_MOST_BYTES = 100_000


class Thermal(BaseModel):
    """How the driver warms up: a voice coil that follows in seconds, a magnet and body that follow in minutes.

    Two time constants in series are the usual model (W. Klippel, "Nonlinear Modeling of the Heat Transfer in
    Loudspeakers", JAES 52, 2004; D. Button, "Heat Dissipation and Power Compression in Loudspeakers", JAES 40, 1992).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    coil_s: float = Field(10.0, ge=0.5, le=600, description="Time constant of the voice coil, seconds.")
    body_s: float = Field(1500.0, ge=10, le=36_000, description="Time constant of magnet and body, seconds.")
    coil_share: float = Field(
        0.6, ge=0, le=1, description="Part of the final rise in temperature that lies between coil and body."
    )
    limit: float = Field(
        1.0, gt=0, le=4, description="Highest temperature rise, as a multiple of the rise that rated power ends in."
    )


class Horn(BaseModel):
    """A loudspeaker's profile, as in its YAML file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=80, description="Name for people.")
    band: tuple[float, float] = Field(description="Recommended band in Hz; nothing is sent far below it.")
    response: tuple[tuple[float, float], ...] = Field(
        (), max_length=200, description="Points [Hz, dB] of the response inside the band, by rising frequency."
    )
    rated_w: float | None = Field(
        None, gt=0, le=10_000, description="Rated continuous power in watts; without it nothing is turned down."
    )
    amplifier_w: float | None = Field(
        None, gt=0, le=10_000, description="Power of the amplifier into this horn for a sine at full scale; as rated_w."
    )
    thermal: Thermal = Field(default_factory=Thermal, description="How the driver warms up.")

    @field_validator("band")
    @classmethod
    def _band(cls, value: tuple[float, float]) -> tuple[float, float]:
        low, high = value
        if not 0 <= low < high <= 48_000 or high < 2 * low:
            raise ValueError("must be [low, high] in Hz with at least an octave between")
        return value

    @field_validator("response")
    @classmethod
    def _response(cls, value: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        if any(not 10 <= hz <= 48_000 or not -60 <= db <= 60 for hz, db in value):
            raise ValueError("points are [Hz from 10 to 48000, dB from -60 to 60]")
        if any(a[0] >= b[0] for a, b in pairwise(value)):
            raise ValueError("frequencies must rise from point to point")
        return value


def shipped_horns() -> list[str]:
    """Return the names of the profiles that come with the package."""
    folder = resources.files("tts.enhance").joinpath("horns")
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def load_horn(name_or_path: str) -> Horn:
    """Return a shipped profile by its name, or the one in a YAML file by its path.

    Raises:
        SpeechError: `speech.horn`; no such profile, or the file is not one. `detail` says what is wrong.
    """
    named = {"file": name_or_path}
    try:
        text = _text(name_or_path)
        data = yaml.safe_load(text)
    except OSError as error:
        reason = error.strerror or str(error)
        params: dict[str, str | int] = {**named, "detail": reason, "errno": error.errno or 0}
        raise SpeechError(HORN, f"{name_or_path}: {reason}", why="horn.missing", params=params) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        detail = f"{name_or_path}: {' '.join(str(error).split())}"
        raise SpeechError(HORN, detail, why="horn.yaml", params=named) from error
    try:
        return Horn.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "file"
        named |= {"place": place, "detail": first["msg"]}
        raise SpeechError(HORN, f"{name_or_path}: {place}: {first['msg']}", why="horn.wrong", params=named) from error


def _text(name_or_path: str) -> str:
    if name_or_path in shipped_horns():
        return resources.files("tts.enhance").joinpath(f"horns/{name_or_path}.yaml").read_text(encoding="utf-8")
    path = Path(name_or_path)
    if not path.suffix and len(path.parts) == 1:
        known = ", ".join(shipped_horns())
        detail = f"{name_or_path}: no such profile; there are {known}"
        raise SpeechError(HORN, detail, why="horn.unknown", params={"name": name_or_path, "known": known})
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ValueError(f"more than {_MOST_BYTES} bytes")
    return data.decode("utf-8")
