"""What the worker and its client say to each other: one JSON object per line, UTF-8.

First line to the worker: `{"settings": {...}, "spare_dir": "..."}`. Then requests, each answered by its result or by
`{"error": {...}}`:

- `{"do": "say" or "read", "text": "...", "manner": {...}}`: `{"speech": {...}}`, `{"reading": {...}}`
- `{"do": "sound", "source", "target", "clean"}`, `{"do": "chime", "name", "target"}`, `{"do": "over_music", "words",
  "music", "target"}`: first `{"seconds": n}`, where the work takes the longer, the longer the sound is; then
  `{"made": {...}}`
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tts.errors import AudioError, SpeechError
from tts.manner import Manner
from tts.reading.model import Candidate, Question, Reading, Span
from tts.sounds import Made
from tts.speech import Speech

if TYPE_CHECKING:
    from tts.model import VoiceSettings

LINE_BYTES = 32_000_000  # the longest text, every digit of it spelt out, is well below that


def line(message: dict[str, Any]) -> bytes:
    """Return `message` as a line. ASCII: lone surrogates in a text must not break the pipe."""
    return json.dumps(message).encode("ascii") + b"\n"


def start(settings: "VoiceSettings", spare_dir: Path, nice: int = 0) -> dict[str, Any]:
    """Return the worker's first message; `nice` is added to its niceness."""
    return {"settings": settings.model_dump(mode="json"), "spare_dir": str(spare_dir), "nice": nice}


def request(do: Literal["say", "read"], text: str, manner: Manner) -> dict[str, Any]:
    """Return the request to speak or to read `text`."""
    return {"do": do, "text": text, "manner": manner.as_json()}


def speech(done: Speech) -> dict[str, Any]:
    """Return the answer for a finished speech."""
    return {"speech": done.as_json()}


def reading(done: Reading) -> dict[str, Any]:
    """Return the answer for a text that was read."""
    return {"reading": asdict(done)}


def sound(done: Made) -> dict[str, Any]:
    """Return the answer for a finished sound."""
    return {"made": done.as_json()}


def seconds(count: float) -> dict[str, Any]:
    """Return what goes before an answer: so many seconds of sound have to be worked on."""
    return {"seconds": count}


def bad_audio(failed: AudioError) -> dict[str, Any]:
    """Return the answer for a sound file that is of no use."""
    fields = {"detail": failed.detail, "code": failed.code, "why": failed.why, "params": failed.params}
    return {"bad_audio": fields}


def error(failed: SpeechError) -> dict[str, Any]:
    """Return the answer for a failed one."""
    questions = [asdict(question) for question in failed.questions]
    fields = {"code": failed.code, "detail": failed.detail, "retry": failed.retry, "questions": questions}
    return {"error": fields | {"why": failed.why, "params": failed.params}}


def spoken(answer: dict[str, Any]) -> Speech:
    """Return the speech of an answer.

    Raises:
        SpeechError: the answer is an error.
    """
    _raise_error(answer)
    return Speech.from_json(answer["speech"])


def made(answer: dict[str, Any]) -> Made:
    """Return the sound of an answer.

    Raises:
        AudioError, SpeechError: the answer is an error.
    """
    if "bad_audio" in answer:
        raise AudioError(**answer["bad_audio"])
    _raise_error(answer)
    fields = answer["made"]
    return Made(**fields | {"warnings": tuple(fields["warnings"])})


def was_read(answer: dict[str, Any]) -> Reading:
    """Return the reading of an answer.

    Raises:
        SpeechError: the answer is an error.
    """
    _raise_error(answer)
    fields = answer["reading"]
    spans = tuple(Span(**span) for span in fields["spans"])
    return Reading(**fields | {"spans": spans, "questions": _questions(fields["questions"])})


def _raise_error(answer: dict[str, Any]) -> None:
    if "error" in answer:
        fields = answer["error"]
        raise SpeechError(**fields | {"questions": _questions(fields["questions"])})


def _questions(plain: list[dict[str, Any]]) -> tuple[Question, ...]:
    return tuple(
        Question(**each | {"candidates": tuple(Candidate(**candidate) for candidate in each["candidates"])})
        for each in plain
    )
