"""Errors of the package, named by what the caller can do about them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tts.reading.model import Question

EMPTY = "speech.empty"
TOO_LONG = "speech.too_long"
UNCLEAR = "speech.unclear"
DICTIONARY = "speech.dictionary"
NO_ENGINE = "speech.no_engine"
STORAGE = "speech.storage"
TIMEOUT = "speech.timeout"
BUSY = "speech.busy"
WORKER_DIED = "speech.worker_died"
HORN = "speech.horn"


class SpeechError(Exception):
    """No speech came out.

    `code` is stable and meant for programs, one of the names above:

    - `speech.empty`: nothing in the text can be spoken
    - `speech.too_long`: more characters than the settings allow
    - `speech.unclear`: strict reading, and only a person can say how some places are spoken; `questions` has them
    - `speech.dictionary`: a dictionary of readings is not as it should be; `detail` names file, entry and mend
    - `speech.no_engine`: every engine of the chain failed; `detail` lists why, one after the other
    - `speech.storage`: the cache folder cannot be read or written
    - `speech.timeout`: not ready within the caller's time
    - `speech.busy`: too many callers wait for the worker already
    - `speech.worker_died`: the worker process ended (or could not start) in the middle of the work
    - `speech.horn`: a loudspeaker profile is missing or wrong

    `detail` is an English sentence for people; `retry` says whether the same request may succeed later. `why` is a
    finer code for some causes, and `params` what fills its sentence, so that others can say it in their language.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        retry: bool = False,
        questions: "tuple[Question, ...]" = (),
        why: str = "",
        params: "Mapping[str, str | int | float] | None" = None,
    ) -> None:
        super().__init__(code, detail, retry, questions, why, params)
        self.code = code
        self.detail = detail
        self.retry = retry
        self.questions = questions
        self.why = why
        self.params = dict(params or {})

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class EngineError(Exception):
    """One engine could not speak one text; the chain goes on with the next engine.

    `code` is one of `engine.offline`, `engine.timeout`, `engine.refused`, `engine.untrusted`, `engine.bad_audio`,
    `engine.missing` (program, package or recording), `engine.no_voice_file`, `engine.bad_voice_file`,
    `engine.bad_phrases`, `engine.failed`, `engine.cooling`. `rest_s` is for how many seconds trying again is pointless.
    """

    def __init__(self, code: str, detail: str, rest_s: float = 0.0) -> None:
        super().__init__(code, detail, rest_s)
        self.code = code
        self.detail = detail
        self.rest_s = rest_s

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class AudioError(Exception):
    """A sound file or the audio of an engine is unusable; the text says why.

    `code` is one of `audio.empty`, `audio.format` (a kind that is not accepted), `audio.damaged`, `audio.too_long`,
    `audio.too_short` (cut off: nobody speaks so fast), `audio.silent`. `why` and `params` as in `SpeechError`.
    """

    def __init__(
        self,
        detail: str,
        code: str = "audio.damaged",
        why: str = "",
        params: "Mapping[str, str | int | float] | None" = None,
    ) -> None:
        super().__init__(detail, code, why, params)
        self.detail = detail
        self.code = code
        self.why = why
        self.params = dict(params or {})

    def __str__(self) -> str:
        return self.detail
