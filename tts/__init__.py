"""Text to clear outdoor speech. Usable alone; knows nothing of the agent.

`tts.say("Xin chào", "out.wav")` blocks; `VoiceWorker` is for asyncio programs. Both report failures as `SpeechError`.
"""

from tts.api import say
from tts.client import VoiceWorker
from tts.errors import SpeechError
from tts.model import Attempt, EspeakSettings, GttsSettings, Speech, VoiceSettings

__all__ = ["Attempt", "EspeakSettings", "GttsSettings", "Speech", "SpeechError", "VoiceSettings", "VoiceWorker", "say"]
