"""The child that puts a whole bulletin together: `python -m hub.writing.whole_child`, the recipe on standard input.

The recipe is JSON: `{"out": path, "work": folder, "enhancement": {...} or null, "items": [...]}`, each item one of
`{"kind": "chime", "name": n}`, `{"kind": "pause", "seconds": s}`, `{"kind": "file", "path": p, "clean": true}` and
`{"kind": "speech", "path": p, "bed": p or null}`. The sounds are made by the functions that nodes use. Standard output
says in lines of JSON how many items are done, at last `{"seconds": s}` or `{"error": key}`.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub.documents.child import confine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tts.enhance.settings import EnhancementSettings

    Samples = NDArray[np.float32]

MEMORY = 1_500_000_000
CPU_S = 280
WRITES = 700_000_000
"""Bytes of a file: half an hour in 48 kHz, 16 bits is 173 MB."""
_BLOCK = 48_000


def make(recipe: dict[str, Any]) -> float:
    """Write the sound; returns its seconds. Raises AudioError, SpeechError, OSError."""
    from tts.audio import RATE
    from tts.enhance.settings import EnhancementSettings
    from tts.programme.encode import encode

    how = recipe["enhancement"]
    enhancement = EnhancementSettings.model_validate(how) if how is not None else None
    count = 0

    def counted() -> "Iterator[Samples]":
        nonlocal count
        for number, item in enumerate(recipe["items"]):
            for block in _blocks(item, Path(recipe["work"]) / f"{number}.wav", enhancement):
                count += len(block)
                yield block
            _say({"done": number + 1})

    encode(Path(recipe["out"]), counted(), "")
    return count / RATE


def _blocks(item: dict[str, Any], target: Path, enhancement: "EnhancementSettings | None") -> "Iterator[Samples]":
    import numpy as np

    from tts import sounds
    from tts.audio import RATE
    from tts.programme import sound

    path = target
    match item["kind"]:
        case "pause":
            left = round(float(item["seconds"]) * RATE)
            while left > 0:
                yield np.zeros(min(left, _BLOCK), np.float32)
                left -= _BLOCK
            return
        case "chime":
            sounds.signal(str(item["name"]), target, enhancement)
        case "file":
            sounds.treat(Path(item["path"]), target, bool(item["clean"]), enhancement, _nobody)
        case "speech" if item["bed"]:
            sounds.over_music(Path(item["path"]), Path(item["bed"]), target, _nobody)
        case _:
            path = Path(item["path"])
    yield from sound.blocks(path)
    target.unlink(missing_ok=True)


def _nobody(_: float) -> None:
    """Progress is told by items."""


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Do what the recipe says."""
    recipe = json.loads(sys.stdin.read())
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each thread of it reserves memory that it never uses
    import av  # noqa: F401 - libraries are loaded before the limits count
    import numpy as np  # noqa: F401

    from tts.errors import AudioError, SpeechError

    confine(MEMORY, CPU_S, writes=WRITES)
    try:
        _say({"seconds": make(recipe)})
    except (AudioError, SpeechError) as error:
        _say({"error": error.code})
    except MemoryError:
        _say({"error": "audio.too_long"})
    except OSError as error:
        _say({"error": "speech.storage", "detail": str(error.strerror)})


if __name__ == "__main__":
    main()
