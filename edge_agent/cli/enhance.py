"""`edge-agent enhance`."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import click

from edge_agent.cli.faults import fail_file, fail_speech
from edge_agent.cli.noise import Noise
from edge_agent.cli.output import AS_JSON, BAD_INPUT, fail, show_json
from edge_agent.words import say
from tts.enhance.settings import EnhancementSettings
from tts.errors import AudioError, SpeechError

if TYPE_CHECKING:
    from tts.enhance.sound_file import Enhanced

_QUIET_FOR_S = 2.0  # what takes no longer needs no progress
_SILENT_DBFS = -65.0  # as recordings are judged


@click.command("enhance")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--noise", type=Noise(), default="street", show_default=True, help="How loud it is where people listen.")
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
    if target.suffix.lower() != ".wav":
        fail(say("enhance.ending", path=target), BAD_INPUT)
    settings = EnhancementSettings(
        noise=cast("Literal['quiet', 'street', 'storm'] | float", noise),
        limit=cast("Literal['peak', 'power']", limit),
        horn=horn,
    )
    from tts.enhance.sound_file import enhance_file

    try:
        result = enhance_file(source, target, settings, _Progress())
    except (AudioError, SpeechError) as error:
        fail_speech(error)
    except OSError as error:
        fail_file(error, target)
    if result.mean_dbfs[0] < _SILENT_DBFS:
        click.echo(say("enhance.silent", path=source), err=True)
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
                "silent": result.mean_dbfs[0] < _SILENT_DBFS,
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
