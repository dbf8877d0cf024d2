"""The worker process: `python -m tts.worker`, driven by `tts.client` over standard input and output.

It carries numpy, PyAV and sea-g2p so that the agent does not, and can be killed when an engine or a decoder hangs.
Messages: see `tts.wire`. It ends when its standard input ends, even in mid-work, and takes its speech programs along:
its parent is gone then.
"""

import contextlib
import json
import logging
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

from tts import errors, sounds, wire
from tts.chain import Synthesiser
from tts.errors import AudioError, SpeechError
from tts.manner import Manner
from tts.model import VoiceSettings

_TIDY_S = 2.0


def main() -> None:
    """Serve requests until standard input ends."""
    logging.basicConfig(level=logging.WARNING, format="tts.worker: %(levelname)s %(message)s", stream=sys.stderr)
    answers = _claim_stdout()
    # One request is under way at a time, so two places are plenty.
    requests: queue.Queue[bytes] = queue.Queue(2)
    threading.Thread(target=_listen, args=(sys.stdin.buffer, requests), name="tts-stdin", daemon=True).start()
    if first := requests.get():  # else whoever started us was killed before the first word
        _serve(json.loads(first), requests, answers)
    os._exit(0)  # the listening thread may still hold standard input, which an ordinary end would wait for


def _serve(first: dict[str, Any], requests: "queue.Queue[bytes]", answers: "_Answers") -> None:
    """Answer requests until there are no more, or nobody reads the answers."""
    os.nice(first["nice"])
    settings = VoiceSettings.model_validate(first["settings"])
    with Synthesiser(settings, spare_dir=Path(first["spare_dir"])) as synthesiser:
        while request := requests.get():
            try:
                answers.send(_answer(synthesiser, settings, json.loads(request), answers))
            except BrokenPipeError:  # whoever asked was killed in the meantime
                break


class _Answers:
    """Standard output, which whatever else prints there does not reach."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def send(self, message: dict[str, Any]) -> None:
        self._file.write(wire.line(message))
        self._file.flush()


def _answer(
    synthesiser: Synthesiser, settings: VoiceSettings, request: dict[str, Any], answers: _Answers
) -> dict[str, Any]:
    try:
        if request["do"] == "read":
            return wire.reading(synthesiser.read(request["text"], Manner(**request["manner"])))
        if request["do"] == "say":
            return wire.speech(synthesiser.say(request["text"], Manner(**request["manner"])))
        return wire.sound(_sound(settings, request, lambda seconds: answers.send(wire.seconds(seconds))))
    except SpeechError as failed:
        return wire.error(failed)
    except AudioError as failed:
        return wire.bad_audio(failed)


def _sound(settings: VoiceSettings, request: dict[str, Any], tell: sounds.Tell) -> sounds.Made:
    enhancement = settings.enhancement if settings.enhancement.enabled else None
    target = Path(request["target"])
    try:
        if request["do"] == "chime":
            return sounds.signal(request["name"], target, enhancement)
        if request["do"] == "over_music":
            return sounds.over_music(Path(request["words"]), Path(request["music"]), target, tell)
        return sounds.treat(Path(request["source"]), target, request["clean"], enhancement, tell)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise SpeechError(errors.STORAGE, str(error), retry=True) from error


def _claim_stdout() -> _Answers:
    """Keep standard output for answers; whatever else prints there goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return _Answers(answers)


def _listen(source: BinaryIO, requests: "queue.Queue[bytes]") -> None:
    for request in source:
        if request.endswith(b"\n"):  # else whoever wrote it was killed in the middle of it
            requests.put(request)
    with contextlib.suppress(queue.Full):
        requests.put_nowait(b"")  # lets an idle worker tidy up
    time.sleep(_TIDY_S)
    if os.getpgrp() == os.getpid():  # as the client starts it: the group holds what the engines have started
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    main()
