"""Which voices of a chain work here, what each needs, and how fast it is."""

import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tts.engines import About, Engine, build
from tts.engines.settings import EngineSettings
from tts.errors import AudioError, EngineError

STANDARD = "kính mời bà con cô bác đến nhà văn hóa thôn, họp lúc bảy giờ ba mươi phút sáng mai."


@dataclass(frozen=True, slots=True)
class Speed:
    """How long the standard sentence took: with starting the engine, and again when it was running; and its length.

    All in seconds. `real_time_factor` below 1 means faster than it is spoken.
    """

    first_s: float
    again_s: float
    audio_s: float

    @property
    def real_time_factor(self) -> float:
        """Time of the running engine for one second of speech."""
        return self.again_s / self.audio_s


@dataclass(frozen=True, slots=True)
class VoiceState:
    """One voice of a chain. `code` and `detail` say what keeps it from speaking; without a code it is ready."""

    engine: str
    voice: str
    about: About
    code: str | None = None
    detail: str = ""
    speed: Speed | None = None


def survey(chain: Iterable[EngineSettings], *, measure: bool = False) -> Iterator[VoiceState]:
    """Yield the state of each voice in turn. With `measure` it speaks a standard sentence twice (gTTS: over the net).

    A recording is not measured: nothing is made when it speaks.
    """
    for settings in chain:
        engine = build(settings)
        try:
            yield _state(engine, measure=measure)
        finally:
            engine.close()


def _state(engine: Engine, *, measure: bool) -> VoiceState:
    about = engine.about()
    try:
        engine.check()
        speed = _measured(engine) if measure and "recordings" not in about.needs else None
    except EngineError as error:
        return VoiceState(engine.name, engine.voice, about, error.code, error.detail)
    except AudioError as error:
        return VoiceState(engine.name, engine.voice, about, "engine.bad_audio", str(error))
    return VoiceState(engine.name, engine.voice, about, speed=speed)


def _measured(engine: Engine) -> Speed:
    from tts import audio

    with tempfile.TemporaryDirectory(prefix="tts-") as folder:
        raw, piece = Path(folder) / "raw", Path(folder) / "piece.wav"
        took = []
        for _ in range(2):
            began = time.perf_counter()
            engine.synthesise(STANDARD, raw)
            took.append(time.perf_counter() - began)
            audio.prepare(raw, piece, len(STANDARD.split()))
        return Speed(took[0], took[1], audio.seconds_of(piece))
