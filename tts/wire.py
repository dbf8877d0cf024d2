"""What the worker and its client say to each other: one JSON object per line, UTF-8.

First line to the worker: `{"settings": {...}, "spare_dir": "..."}`. Then requests `{"text": "..."}`, each answered by
`{"speech": {...}}` or `{"error": {...}}`.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tts.errors import SpeechError
from tts.model import Attempt, Speech, VoiceSettings

LINE_BYTES = 32_000_000  # the longest text, every digit of it spelt out, is well below that


def line(message: dict[str, Any]) -> bytes:
    """Return `message` as a line. ASCII: lone surrogates in a text must not break the pipe."""
    return json.dumps(message).encode("ascii") + b"\n"


def start(settings: VoiceSettings, spare_dir: Path) -> dict[str, Any]:
    """Return the worker's first message."""
    return {"settings": settings.model_dump(mode="json"), "spare_dir": str(spare_dir)}


def speech(done: Speech) -> dict[str, Any]:
    """Return the answer for a finished speech."""
    return {"speech": asdict(done) | {"path": str(done.path)}}


def error(failed: SpeechError) -> dict[str, Any]:
    """Return the answer for a failed one."""
    return {"error": {"code": failed.code, "detail": failed.detail, "retry": failed.retry}}


def result(answer: dict[str, Any]) -> Speech:
    """Return the speech of an answer.

    Raises:
        SpeechError: the answer is an error.
    """
    if "error" in answer:
        raise SpeechError(**answer["error"])
    fields = answer["speech"]
    tried = tuple(Attempt(**attempt) for attempt in fields["tried"])
    return Speech(**fields | {"path": Path(fields["path"]), "tried": tried})
