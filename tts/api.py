"""The voice in one call, for the Python prompt and the command line."""

from dataclasses import replace
from pathlib import Path

from tts.chain import Synthesiser
from tts.files import durable_copy
from tts.model import VoiceSettings
from tts.speech import Speech


def say(text: str, out: str | Path, settings: VoiceSettings | None = None) -> Speech:
    """Speak `text` into the file `out` (48 kHz mono 16-bit WAV, replaced in one step) and return what became of it.

    Blocks. The default chain sends the text to Google first.

    Raises:
        SpeechError: see `tts.errors.SpeechError`.
        OSError: `out` cannot be written.
    """
    target = Path(out)
    with Synthesiser(settings) as synthesiser:
        made = synthesiser.say(text)
        durable_copy(made.path, target)
    return replace(made, path=target)
