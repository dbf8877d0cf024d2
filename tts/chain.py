"""Text to speech with a chain of engines: the first that manages the whole announcement speaks it."""

import logging
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from tts import audio, errors, finish
from tts.cache import Entry, SpeechCache, key_of
from tts.engines import Engine, build
from tts.enhance.settings import EnhancementSettings
from tts.errors import EngineError, SpeechError
from tts.manner import ORDINARY, Manner
from tts.model import VoiceSettings
from tts.reading import Reader, Reading
from tts.recall import Recall
from tts.sentences import Sentence, split
from tts.speech import Attempt, Speech
from tts.voices import voices_of

logger = logging.getLogger(__name__)

_SPARE_BYTES = 64_000_000  # the spare folder may be in memory
# After these the same request may well succeed later.
_PASSING = {"engine.offline", "engine.timeout", "engine.refused", "engine.untrusted", "engine.cooling"}
# Worth a second try at once: it costs little when it fails again, and otherwise saves the whole announcement.
_ONCE_MORE = {"engine.offline", "engine.bad_audio", "engine.failed"}


class Synthesiser:
    """Speaks texts. Blocking, for one thread; `close` it or use it as a context manager.

    `spare_dir` holds speech when there is no `cache_dir` or it fails; by default a temporary folder, gone at the end.
    `engines` replaces the chain of the settings; `monotonic` gives seconds.
    """

    def __init__(
        self,
        settings: VoiceSettings | None = None,
        *,
        spare_dir: Path | None = None,
        engines: Sequence[Engine] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        settings = settings or VoiceSettings()
        self._engines = list(engines) if engines is not None else [build(entry) for entry in settings.chain]
        names = [voice.id for voice in voices_of(settings.chain)] if engines is None else [e.name for e in engines]
        self._voices = list(zip(names, self._engines, strict=True))
        self._reader = Reader(settings.reading, settings.max_chars)
        self._enhancement = settings.enhancement if settings.enhancement.enabled else None
        self._recall = Recall(settings)
        self._rest = _Rest(monotonic)
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        if spare_dir is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="tts-")
            spare_dir = Path(self._temporary.name)
        if settings.cache_dir is None:
            self._caches = [SpeechCache(spare_dir, settings.cache_bytes)]
        else:
            main = SpeechCache(settings.cache_dir, settings.cache_bytes)
            self._caches = [main, SpeechCache(spare_dir, min(settings.cache_bytes, _SPARE_BYTES))]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End what the engines have started, and remove the temporary folder, if there is one."""
        for engine in self._engines:
            engine.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def read(self, text: str, manner: Manner = ORDINARY) -> Reading:
        """Return how `text` would be said, and what would have to be asked.

        Raises:
            SpeechError: `speech.empty`, `speech.too_long`, `speech.unclear`, `speech.dictionary`.
        """
        return self._reader.read(text, manner.readings, strict=manner.strict)

    def say(self, text: str, manner: Manner = ORDINARY) -> Speech:
        """Return the speech of `text`, made sentence by sentence or found in the cache.

        Raises:
            SpeechError: as `read`, and `speech.no_engine`, `speech.storage`, `speech.horn`.
        """
        reading = self.read(text, manner)
        speech = replace(
            self._kept(reading.spoken, None if manner.plain else self._enhancement, manner.voice),
            guessed=tuple(question.written for question in reading.questions),
        )
        self._recall.put(text, manner, speech)
        return speech

    def _kept(self, spoken: str, enhancement: EnhancementSettings | None, wanted: str | None) -> Speech:
        """Speak into the first cache that has a working disk."""
        reasons: list[str] = []
        before = self._rest.admitted.copy()
        for cache in self._caches:
            try:
                try:
                    return self._spoken(spoken, enhancement, cache, before, wanted)
                except OSError as error:
                    if not cache.make_room(error):
                        raise
                    return self._spoken(spoken, enhancement, cache, before, wanted)
            except OSError as error:
                logger.warning("speech cannot be kept: %s", error)
                reasons.append(str(error))
        raise SpeechError(errors.STORAGE, f"speech cannot be kept: {'; '.join(reasons)}", retry=True)

    def _order(self, wanted: str | None) -> tuple[list[tuple[str, Engine]], list[Attempt]]:
        """All voices, that which is wanted first; and what is to be said of one that is not there."""
        if wanted is None:
            return self._voices, []
        ordered = sorted(self._voices, key=lambda voice: voice[0] != wanted)
        if ordered[0][0] == wanted:
            return ordered, []
        return ordered, [Attempt(wanted, "engine.missing", f"there is no voice {wanted} here")]

    def _spoken(
        self,
        spoken: str,
        enhancement: EnhancementSettings | None,
        cache: SpeechCache,
        before: Counter[int],
        wanted: str | None,
    ) -> Speech:
        sentences = split(spoken)
        voices, tried = self._order(wanted)
        with cache.session() as work:
            for id_, engine in voices:
                try:
                    entry = _Job(engine, cache, work, self._rest).announcement(sentences, enhancement)
                except EngineError as error:
                    logger.warning("%s cannot speak: %s", engine.name, error)
                    tried.append(Attempt(engine.name, error.code, error.detail))
                    continue
                seconds = audio.seconds_of(entry.path)
                cached = self._rest.admitted[id(engine)] == before[id(engine)]
                speech = Speech(entry.path, entry.sha256, seconds, engine.name, engine.voice, spoken, cached)
                return replace(speech, tried=tuple(tried), id=id_)
        reasons = "; ".join(f"{attempt.engine}: {attempt.code}, {attempt.detail}" for attempt in tried)
        raise SpeechError(errors.NO_ENGINE, reasons, retry=any(attempt.code in _PASSING for attempt in tried))


class _Rest:
    """Which engines are better left alone for a while, and why. `admitted` counts each engine's allowed runs."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._until: dict[int, tuple[float, EngineError]] = {}
        self.admitted: Counter[int] = Counter()

    def admit(self, engine: Engine) -> None:
        until, error = self._until.get(id(engine), (0.0, None))
        left = until - self._monotonic()
        if error is not None and left > 0:
            raise EngineError("engine.cooling", f"failed a moment ago, next try in {left:.0f} s ({error.detail})")
        self.admitted[id(engine)] += 1

    def note(self, engine: Engine, error: EngineError) -> None:
        if error.rest_s > 0:
            self._until[id(engine)] = (self._monotonic() + error.rest_s, error)


class _Job:
    """One announcement by one engine."""

    def __init__(self, engine: Engine, cache: SpeechCache, work: Path, rest: _Rest) -> None:
        self._engine = engine
        self._cache = cache
        self._work = work
        self._rest = rest
        self._spoke = False
        self._maker = (engine.name, engine.voice, engine.rate, self._version(), audio.FORMAT_VERSION)

    def _version(self) -> str | None:
        # Remembered, so that finished speech is found again even while the engine is broken.
        version = self._engine.version()
        note = f"{self._engine.name}-{key_of(self._engine.voice)[:8]}"  # a chain may have two voices of one engine
        if version is None:
            return self._cache.recall(note)
        self._cache.remember(note, version)
        return version

    def announcement(self, sentences: list[Sentence], enhancement: EnhancementSettings | None) -> Entry:
        said = [(sentence.text, sentence.pause_s) for sentence in sentences]
        key = key_of("announcement", said, *self._maker, finish.maker(enhancement))
        if found := self._cache.get(key):
            return found
        pieces = [(self._sentence(sentence.text).path, sentence.pause_s) for sentence in sentences]
        joined, whole = self._work / "joined.wav", self._work / "announcement.wav"
        audio.join(pieces, joined)
        finish.finish(joined, whole, enhancement)
        return self._cache.put(key, whole)

    def _sentence(self, text: str) -> Entry:
        key = key_of("sentence", text, *self._maker)
        if found := self._cache.get(key):
            return found
        self._cache.require_writable()  # before an engine works in vain
        return self._cache.put(key, self._synthesised(text))

    def _synthesised(self, text: str) -> Path:
        """Return the speech of one sentence. An error that may pass costs a second try, not the announcement."""
        self._rest.admit(self._engine)
        try:
            try:
                piece = self._once(text)
            except EngineError as error:
                # An engine that does not answer is waited for twice only if it has just spoken.
                if error.code not in _ONCE_MORE and not (error.code == "engine.timeout" and self._spoke):
                    raise
                logger.warning("%s: %s; once more", self._engine.name, error)
                piece = self._once(text)
        except EngineError as error:
            self._rest.note(self._engine, error)
            raise
        self._spoke = True
        return piece

    def _once(self, text: str) -> Path:
        raw, piece = self._work / "raw", self._work / "piece.wav"
        raw.unlink(missing_ok=True)
        try:
            self._engine.synthesise(text, raw)
            audio.prepare(raw, piece, len(text.split()))
        except audio.AudioError as error:
            raise EngineError("engine.bad_audio", str(error)) from error
        return piece
