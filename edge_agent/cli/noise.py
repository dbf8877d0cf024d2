"""The option --noise: one meaning and one range in every command."""

import click

from edge_agent.words import say
from tts.enhance.settings import NOISES

_LOUDEST, _SOFTEST = -30.0, 60.0  # as `EnhancementSettings` allows


class Noise(click.ParamType[str | float]):
    """A name or a number of decibels."""

    name = "quiet|street|storm|DB"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str | float:
        """Return the name, or the number."""
        if value in NOISES:
            return str(value)
        try:
            level = float(str(value))
        except ValueError:
            level = float("nan")
        if not _LOUDEST <= level <= _SOFTEST:
            self.fail(say("enhance.noise", value=value, low=int(_LOUDEST), high=int(_SOFTEST)), param, ctx)
        return level
