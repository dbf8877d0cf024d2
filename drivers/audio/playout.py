"""The playing process: `python -m drivers.audio.playout`. JSON lines in on stdin, JSON lines out on stdout.

In: `{"do": "play", "path", "target", "volume", "device", "buffer_s", "latency_s"}`, `{"do": "stop"}`,
`{"do": "probe", "device"}`. Out, as `event`: accepted for every play and probe. A play goes on with opened, started
(`heard`: CLOCK_MONOTONIC), progress (`seconds`), and exactly one of ended (`seconds`, `stopped`, `underruns`) and
failed (`code`, `detail`, `retry`); a probe with probed (`output`) or failed. The process ends by itself when stdin
closes or after `--idle` seconds without work.
"""

import argparse
import contextlib
import json
import os
import select
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drivers.audio import outputs
from drivers.audio.player import Job, Player
from drivers.contract import DriverFault


class Playout:
    """Reads commands in the main thread, works in a second one, one piece of work at a time."""

    def __init__(self, answers: int, idle_s: float) -> None:
        self._answers = answers
        self._idle_s = idle_s
        self._writing = threading.Lock()
        self._worker: threading.Thread | None = None
        self._player: Player | None = None

    def serve(self, commands: int) -> None:
        """Work until stdin closes or nothing came for the idle time."""
        pending = b""
        while True:
            ready, _, _ = select.select([commands], [], [], self._idle_s)
            if not ready:
                if self._worker is None or not self._worker.is_alive():
                    return
                continue
            data = os.read(commands, 65536)
            if not data:
                break
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                self._obey(json.loads(line))
        if self._player is not None:
            self._player.stop()
        if self._worker is not None:
            self._worker.join(1.0)

    def emit(self, event: str, **fields: Any) -> None:
        """Write one answer."""
        line = json.dumps({"event": event, **fields}) + "\n"
        with self._writing, contextlib.suppress(BrokenPipeError):
            os.write(self._answers, line.encode())

    def _obey(self, command: dict[str, Any]) -> None:
        do = command.pop("do")
        if do == "stop":
            if self._player is not None:
                self._player.stop()
            return
        if self._worker is not None:
            self._worker.join()  # its last answer is out: only the thread's own end is waited for
        self.emit("accepted")
        if do == "play":
            self._player = Player(Job(**{**command, "path": Path(command["path"])}), self.emit)
            self._start(self._player.run, "playout-writer")
        else:
            self._start(lambda: self._probe(command["device"]), "playout-probe")

    def _start(self, work: Callable[[], None], name: str) -> None:
        self._worker = threading.Thread(target=self._guard, args=(work,), name=name, daemon=True)
        self._worker.start()

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except DriverFault as fault:
            self.emit("failed", code=fault.code, detail=fault.detail, retry=fault.retry)
        except Exception as error:  # noqa: BLE001 - edge of the thread: the parent has to hear of it
            traceback.print_exc()
            self.emit("failed", code="speaker.playout_failed", detail=repr(error), retry=True)

    def _probe(self, device: str | None) -> None:
        audio = outputs.portaudio()
        try:
            name = str(outputs.find(audio, device)["name"])
        finally:
            audio.terminate()
        self.emit("probed", output=name)


def main() -> None:
    """Serve on stdin and stdout."""
    parser = argparse.ArgumentParser(prog="python -m drivers.audio.playout")
    parser.add_argument("--idle", type=float, default=20.0)
    idle_s = parser.parse_args().idle
    # C libraries print to stdout as they like: the answers get a private copy of it, they get stderr.
    answers = os.dup(1)
    os.dup2(2, 1)
    with contextlib.suppress(OSError):  # a hint only: an ordinary account may not
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    Playout(answers, idle_s).serve(0)
    sys.stderr.flush()
    os._exit(0)  # a stuck device may hold PortAudio's own shutdown for ever


if __name__ == "__main__":
    main()
