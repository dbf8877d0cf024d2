"""Snapcast on the same virtual cards: a server fed through a FIFO, one client for each card, all on loopback."""

import contextlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bench.rig import free_port, process, wait_for_port
from bench.virtual_card import VirtualCard

LEAD_S = 3.0
"""Silence before the sound, so that the clients have found their pace."""


def missing() -> str | None:
    """What has to be installed, or None."""
    lacking = [name for name in ("snapserver", "snapclient") if shutil.which(name) is None]
    return f"not found: {', '.join(lacking)} (Debian: apt-get install snapserver snapclient)" if lacking else None


def version() -> str:
    """Of the server."""
    said = subprocess.run(["snapserver", "--version"], capture_output=True, text=True, check=False).stdout
    return said.split("\n")[0].split(" v")[-1]


@contextlib.contextmanager
def playing(folder: Path, cards: list[VirtualCard], env: dict[str, str]) -> Iterator[tuple[Any, list[psutil.Process]]]:
    """Yield a function that plays samples (and returns when they are fed) and the clients' processes."""
    fifo = folder / "snapfifo"
    os.mkfifo(fifo)
    port = free_port()
    settings = folder / "snapserver.conf"
    settings.write_text(
        f"[server]\ndatadir = {folder}\n[http]\nenabled = false\n[tcp]\nenabled = false\n"
        f"[stream]\nbind_to_address = 127.0.0.1\nport = {port}\n"
        f"source = pipe://{fifo}?name=bench&sampleformat=48000:16:2&codec=pcm&mode=read\n"
    )
    with contextlib.ExitStack() as stack:
        stack.enter_context(process("snapserver", "-c", str(settings), log=folder / "snapserver.log"))
        wait_for_port(port)
        clients = []
        for number, card in enumerate(cards, 1):
            command = ("snapclient", "-h", "127.0.0.1", "-p", str(port), "-i", str(number), "--hostID", card.name)
            player = process(*command, "-s", card.name, log=folder / f"{card.name}.log", env=env)
            clients.append(psutil.Process(stack.enter_context(player).pid))
        time.sleep(1.0)
        yield lambda samples: _feed(fifo, samples), clients


def _feed(fifo: Path, samples: Any) -> None:
    silence = np.zeros(round(LEAD_S * 48_000), dtype="<i2")
    mono = np.concatenate([silence, samples.astype("<i2"), silence])
    with fifo.open("wb", buffering=0) as pipe:  # the server reads at the pace of the sound
        data = memoryview(np.repeat(mono, 2).tobytes())
        while data:
            data = data[pipe.write(data[:65536]) :]


def feed_in_background(feed: Any, samples: Any) -> threading.Thread:
    """Feed while something else is done."""
    thread = threading.Thread(target=feed, args=(samples,), daemon=True)
    thread.start()
    return thread
