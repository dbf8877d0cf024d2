"""Text to clear outdoor speech. Usable alone; knows nothing of the agent.

`tts.say("Xin chào", "out.wav")` blocks; `VoiceWorker` is for asyncio programs. Both report failures as `SpeechError`.
What is named here is imported at its first use.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tts.api import say
    from tts.client import VoiceWorker
    from tts.errors import SpeechError
    from tts.manner import Manner
    from tts.model import EspeakSettings, GttsSettings, PiperSettings, RecordingSettings, VoiceSettings
    from tts.reading import Reader, Reading
    from tts.speech import Attempt, Speech

_HOMES = {
    "Attempt": "tts.speech",
    "EspeakSettings": "tts.model",
    "GttsSettings": "tts.model",
    "Manner": "tts.manner",
    "PiperSettings": "tts.model",
    "Reader": "tts.reading",
    "Reading": "tts.reading",
    "RecordingSettings": "tts.model",
    "Speech": "tts.speech",
    "SpeechError": "tts.errors",
    "VoiceSettings": "tts.model",
    "VoiceWorker": "tts.client",
    "say": "tts.api",
}

__all__ = [
    "Attempt",
    "EspeakSettings",
    "GttsSettings",
    "Manner",
    "PiperSettings",
    "Reader",
    "Reading",
    "RecordingSettings",
    "Speech",
    "SpeechError",
    "VoiceSettings",
    "VoiceWorker",
    "say",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found
