"""What the worker and its client say to each other: one JSON object per line, UTF-8.

First line to the worker: `{"settings": {...}, "spare_dir": "..."}`. Then requests `{"do": "say" or "read", "text":
"...", "manner": {...}}`, each answered by `{"speech": {...}}`, `{"reading": {...}}` or `{"error": {...}}`.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tts.errors import SpeechError
from tts.manner import Manner
from tts.reading.model import Candidate, Question, Reading, Span
from tts.speech import Speech

if TYPE_CHECKING:
    from tts.model import VoiceSettings

LINE_BYTES = 32_000_000  # the longest text, every digit of it spelt out, is well below that


def line(message: dict[str, Any]) -> bytes:
    """Return `message` as a line. ASCII: lone surrogates in a text must not break the pipe."""
    return json.dumps(message).encode("ascii") + b"\n"


def start(settings: "VoiceSettings", spare_dir: Path) -> dict[str, Any]:
    """Return the worker's first message."""
    return {"settings": settings.model_dump(mode="json"), "spare_dir": str(spare_dir)}


def request(do: Literal["say", "read"], text: str, manner: Manner) -> dict[str, Any]:
    """Return the request to speak or to read `text`."""
    return {"do": do, "text": text, "manner": manner.as_json()}


def speech(done: Speech) -> dict[str, Any]:
    """Return the answer for a finished speech."""
    return {"speech": done.as_json()}


def reading(done: Reading) -> dict[str, Any]:
    """Return the answer for a text that was read."""
    return {"reading": asdict(done)}


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
