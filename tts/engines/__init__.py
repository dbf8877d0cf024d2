"""The engines: what one is (`Engine`), and how to build one from its settings (`build`)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from tts.engines.settings import EngineSettings, GttsSettings, PiperSettings, RecordingSettings

Need = Literal["network", "program", "package", "voice_file", "recordings"]


@dataclass(frozen=True, slots=True)
class About:
    """What an engine is and asks for: licence (SPDX, or whose terms), cost, needs, whether the text leaves the house.

    `licence` is that of the program; a voice file and a recording have one of their own.
    """

    licence: str
    cost: Literal["free", "free_service"]
    needs: tuple[Need, ...]
    sends_text: bool


class Engine(Protocol):
    """Turns one sentence into an audio file. An engine serves one thread."""

    name: str
    """As in the settings, for example `espeak-ng`."""
    voice: str
    """The voice and where it comes from; part of the cache key."""
    rate: str
    """Speed and pitch; part of the cache key."""

    def about(self) -> About:
        """Return what the engine is and needs. Asks nobody."""

    def version(self) -> str | None:
        """Return the version that shapes the sound (part of the cache key), or None when it cannot be found out."""

    def check(self) -> None:
        """Look whether everything is there, within a few seconds and without speaking or sending a text.

        Raises:
            EngineError: what is missing.
        """

    def synthesise(self, text: str, out: Path) -> None:
        """Write the speech of `text` to `out` as WAV or MP3, within the engine's time limit.

        Raises:
            EngineError: it did not work, and why.
            AudioError: it worked, but what came out cannot be speech.
            OSError: `out` cannot be written.
        """

    def close(self) -> None:
        """End what the engine has started. It may be used again."""


def build(settings: EngineSettings) -> Engine:
    """Return the engine that `settings` describe. Nothing is started or connected yet."""
    if isinstance(settings, GttsSettings):
        from tts.engines.gtts import GttsEngine

        return GttsEngine(settings)
    if isinstance(settings, PiperSettings):
        from tts.engines.piper import PiperEngine

        return PiperEngine(settings)
    if isinstance(settings, RecordingSettings):
        from tts.engines.recording import RecordingEngine

        return RecordingEngine(settings)
    from tts.engines.espeak import EspeakEngine

    return EspeakEngine(settings)
