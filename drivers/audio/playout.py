"""The playing process: `python -m drivers.audio.playout`. JSON lines in on stdin, JSON lines out on stdout.

In: `{"do": "play", "items", "target", "skip_s", "volume", "device", "buffer_s", "latency_s", "drift_ppm"}`, `{"do":
"volume", "volume", "ramp_s"}`, `{"do": "stop"}`, `{"do": "probe", "device"}`. Out, as `event`: accepted for every play
and probe. A play goes on with opened, started (`heard`: CLOCK_MONOTONIC), progress (`position`, `mono`), and exactly
one of ended (see `Play.result`) and failed (`code`, `detail`, `retry`); a probe with probed (`output`) or failed. The
process ends by itself when stdin closes or after `--idle` seconds without work.
"""

import argparse
import contextlib
import gc
import json
import os
import select
import sys
import threading
from typing import Any

from drivers.audio import card as cards
from drivers.audio.pieces import Item
from drivers.audio.player import Job, Player
from drivers.audio.priority import READER, calm, give_way, hurry
from drivers.contract import DriverFault


class Playout:
    """Reads commands in the main thread; the player works in a thread of its own."""

    def __init__(self, answers: int, idle_s: float) -> None:
        self._answers = answers
        self._idle_s = idle_s
        self._writing = threading.Lock()
        self._player: Player | None = None

    def serve(self, commands: int) -> None:
        """Work until stdin closes or nothing came for the idle time."""
        pending = b""
        while True:
            ready, _, _ = select.select([commands], [], [], self._idle_s)
            if not ready:
                if self._player is None or not self._player.busy:
                    return
                continue
            data = os.read(commands, 65536)
            if not data:
                break
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                self._obey(json.loads(line))
        if self._player is not None:
            self._player.close(1.0)

    def emit(self, event: str, **fields: Any) -> None:
        """Write one answer. Nobody waits for a reader that stands still: of progress, he misses some."""
        if event == "progress" and not select.select([], [self._answers], [], 0)[1]:
            return
        line = json.dumps({"event": event, **fields}) + "\n"
        with self._writing, contextlib.suppress(BrokenPipeError):
            os.write(self._answers, line.encode())

    def _obey(self, command: dict[str, Any]) -> None:
        do = command.pop("do")
        if do == "play":
            if self._player is None:
                self._player = Player(self.emit)
            items = tuple(Item(**item) for item in command.pop("items"))
            self.emit("accepted")
            self._player.play(Job(items=items, **command))
        elif do == "probe":
            self.emit("accepted")
            self._probe(command["device"])
        elif self._player is not None:
            if do == "volume":
                self._player.set_volume(command["volume"], command["ramp_s"])
            elif do == "stop":
                self._player.stop()

    def _probe(self, device: str | None) -> None:
        calm()  # it may take long
        try:
            audio = cards.portaudio()
            try:
                name = str(cards.find(audio, device)["name"])
            finally:
                audio.terminate()
        except DriverFault as fault:
            self.emit("failed", code=fault.code, detail=fault.detail, retry=fault.retry)
        else:
            self.emit("probed", output=name)
        finally:
            hurry(READER)


def main() -> None:
    """Serve on stdin and stdout."""
    parser = argparse.ArgumentParser(prog="python -m drivers.audio.playout")
    parser.add_argument("--idle", type=float, default=20.0)
    idle_s = parser.parse_args().idle
    # C libraries print to stdout as they like: the answers get a private copy of it, they get stderr.
    answers = os.dup(1)
    os.dup2(2, 1)
    give_way()
    hurry(READER)
    gc.freeze()
    gc.disable()  # nothing here makes cycles; a collection in the middle of a block would be a gamble
    Playout(answers, idle_s).serve(0)
    sys.stderr.flush()
    os._exit(0)  # a stuck device may hold PortAudio's own shutdown for ever


if __name__ == "__main__":
    main()
