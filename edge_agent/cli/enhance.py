"""`edge-agent enhance`."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import click

from edge_agent.cli.output import AS_JSON, BAD_INPUT, fail, show_json
from edge_agent.contract.errors import Fault
from edge_agent.words import language, say
from tts.enhance.settings import NOISES, EnhancementSettings
from tts.errors import AudioError, SpeechError

if TYPE_CHECKING:
    from tts.enhance.sound_file import Enhanced

_QUIET_FOR_S = 2.0  # what takes no longer needs no progress
_LOUDEST, _SOFTEST = -30.0, 60.0


class _Noise(click.ParamType[str | float]):
    """A name or a number of decibels."""

    name = "quiet|street|storm|DB"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str | float:
        if value in NOISES:
            return str(value)
        try:
            level = float(str(value))
        except ValueError:
            level = float("nan")
        if not _LOUDEST <= level <= _SOFTEST:
            self.fail(say("enhance.noise", value=value, low=int(_LOUDEST), high=int(_SOFTEST)), param, ctx)
        return level


@click.command("enhance")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--noise", type=_Noise(), default="street", show_default=True, help="How loud it is where people listen.")
@click.option(
    "--limit",
    type=click.Choice(["peak", "power"]),
    default="peak",
    show_default=True,
    help="peak: as loud as the amplifier's rails allow. power: shaped only, not louder.",
)
@click.option("--horn", default="generic-30w", show_default=True, help="A shipped profile or a YAML file: the speaker.")
@AS_JSON
def command(source: Path, target: Path, noise: str | float, limit: str, horn: str, as_json: bool) -> None:
    """Make the speech of the sound file IN clear for a horn in noise; write OUT, a WAV of the same rate and length.

    IN may be WAV, FLAC, MP3, Ogg or M4A; channels are mixed. DB says by how many decibels the untouched speech would
    stand above the noise where people listen: quiet is 20, street 8, storm 0.
    """
    settings = EnhancementSettings(
        noise=cast("Literal['quiet', 'street', 'storm'] | float", noise),
        limit=cast("Literal['peak', 'power']", limit),
        horn=horn,
    )
    from tts.enhance.sound_file import enhance_file

    try:
        result = enhance_file(source, target, settings, _Progress())
    except (AudioError, SpeechError) as error:
        fail(Fault.of(error.code, detail=error.detail).text(language()), BAD_INPUT)
    except OSError as error:
        fail(say("error.sentence", detail=f"{error.filename or target}: {error.strerror or error}"))
    _show(result, target, settings, as_json)


class _Progress:
    """Tells on a terminal how far it has come, from the third second on."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _QUIET_FOR_S

    def __call__(self, seconds: float) -> None:
        if sys.stderr.isatty() and time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.5
            minutes, rest = divmod(int(seconds), 60)
            click.echo(f"\r{say('enhance.progress', time=f'{minutes}:{rest:02}')}", err=True, nl=False)


def _show(result: "Enhanced", target: Path, settings: EnhancementSettings, as_json: bool) -> None:
    if as_json:
        show_json(
            {
                "output": str(target),
                "seconds": round(result.seconds, 3),
                "rate": result.rate,
                "noise": settings.noise,
                "strength": round(settings.strength(), 3),
                "limit": settings.limit,
                "horn": settings.horn,
                "peak_dbfs": dict(zip(("before", "after"), result.peak_dbfs, strict=True)),
                "mean_dbfs": dict(zip(("before", "after"), result.mean_dbfs, strict=True)),
                "heat": round(result.heat, 3),
            }
        )
        return
    before, after = result.mean_dbfs
    click.echo(
        say(
            "enhance.done",
            output=target,
            seconds=f"{result.seconds:.1f}",
            change=f"{after - before:+.1f}",
            peak=f"{result.peak_dbfs[1]:.1f}",
            heat=f"{100 * result.heat:.0f}",
        )
    )
