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

from tts import wire
from tts.chain import Synthesiser
from tts.errors import SpeechError
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
    first = json.loads(requests.get())
    settings = VoiceSettings.model_validate(first["settings"])
    with Synthesiser(settings, spare_dir=Path(first["spare_dir"])) as synthesiser:
        while request := requests.get():
            try:
                answers.write(wire.line(_answer(synthesiser, json.loads(request))))
                answers.flush()
            except BrokenPipeError:  # whoever asked was killed in the meantime
                break
    os._exit(0)  # the listening thread may still hold standard input, which an ordinary end would wait for


def _answer(synthesiser: Synthesiser, request: dict[str, Any]) -> dict[str, Any]:
    text, manner = request["text"], Manner(**request["manner"])
    try:
        if request["do"] == "read":
            return wire.reading(synthesiser.read(text, manner))
        return wire.speech(synthesiser.say(text, manner))
    except SpeechError as failed:
        return wire.error(failed)


def _claim_stdout() -> BinaryIO:
    """Keep standard output for answers; whatever else prints there goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _listen(source: BinaryIO, requests: "queue.Queue[bytes]") -> None:
    for request in source:
        requests.put(request)
    with contextlib.suppress(queue.Full):
        requests.put_nowait(b"")  # lets an idle worker tidy up
    time.sleep(_TIDY_S)
    if os.getpgrp() == os.getpid():  # as the client starts it: the group holds what the engines have started
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    main()
