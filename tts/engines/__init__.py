"""The engines: what one is (`Engine`), and how to build one from its settings (`build`)."""

from pathlib import Path
from typing import Protocol

from tts.model import EngineSettings, GttsSettings


class Engine(Protocol):
    """Turns one sentence into an audio file. An engine serves one thread."""

    name: str
    """As in the settings, for example `espeak-ng`."""
    voice: str
    """The voice and where it comes from; part of the cache key."""
    rate: str
    """Speed and pitch; part of the cache key."""

    def version(self) -> str | None:
        """Return the version that shapes the sound (part of the cache key), or None when it cannot be found out."""

    def synthesise(self, text: str, out: Path) -> None:
        """Write the speech of `text` to `out` as WAV or MP3, within the engine's time limit.

        Raises:
            EngineError: it did not work, and why.
            AudioError: it worked, but what came out cannot be speech.
            OSError: `out` cannot be written.
        """


def build(settings: EngineSettings) -> Engine:
    """Return the engine that `settings` describe. Nothing is started or connected yet."""
    if isinstance(settings, GttsSettings):
        from tts.engines.gtts import GttsEngine

        return GttsEngine(settings)
    from tts.engines.espeak import EspeakEngine

    return EspeakEngine(settings)
