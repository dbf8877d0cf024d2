"""Power cuts of a whole board while it works: nothing recorded is lost, the light is right, files are whole.

`make soak-power CUTS=50` makes more of them than a test run does.
"""

import os
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from board_commune import PIN, Commune, package
from board_rig import Board, image

pytestmark = pytest.mark.long
CUTS = int(os.environ.get("CUTS", "3"))
WHOLE = """python3 - <<'END'
import json, pathlib, sqlite3
home = pathlib.Path("/var/lib/edge-agent")
for file in home.rglob("*.json"):
    json.loads(file.read_text())
for file in home.rglob("*.db"):
    print(*sqlite3.connect(f"file:{file}?mode=ro", uri=True).execute("pragma integrity_check").fetchone())
END"""


class Taps:
    """Somebody taps the light, each time when the last tap was done, until the power is cut."""

    def __init__(self, commune: Commune) -> None:
        self._commune = commune
        self._over = threading.Event()
        self.right: set[int] = set()
        """What the light may be: as the last tap that was done, or as the one that was under way."""
        self.done = 0
        self._thread = threading.Thread(target=self._tap, daemon=True)

    def __enter__(self) -> "Taps":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)

    def _tap(self) -> None:
        level = 0
        while not self._over.wait(1):
            level = 100 - level
            self.right = {*self.right, level}
            id_ = self._commune.send({"do": "switch.override", "thing": "cong-lang", "level": level, "seconds": 7200})
            while not any(ack["state"] == "done" for ack in self._commune.acks(id_)):
                if self._over.wait(0.05):
                    return
            self.right = {level}
            self.done += 1


@pytest.fixture
def commune(tmp_path: Path) -> Iterator[Commune]:
    made = Commune(tmp_path)
    yield made
    made.stop()


def _sessions(commune: Commune) -> int:
    """How often an agent was started; a record that came twice counts once."""
    return len({event["seq"] for event in commune.events() if event["type"] == "started"})


def _until_at_work(board: Board, commune: Commune, sessions: int) -> None:
    """Wait for an agent that was started after so many others, and until no number of a record is missing."""
    board.wait_for(lambda: _sessions(commune) > sessions and commune.online(), 900)
    board.wait_for(lambda: not commune.missing(), 300)


def test_power_cuts_lose_nothing(
    commune: Commune, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    seconds = []
    chance = random.Random(2026)
    with Board(image(package()), tmp_path, ntp_port=commune.time.port) as board:
        board.boot(commune.card())
        _until_at_work(board, commune, 0)
        for _ in range(CUTS):
            sessions = _sessions(commune)
            with Taps(commune) as taps:
                board.wait_for(lambda taps=taps: taps.done, 300)
                threading.Event().wait(chance.uniform(1, 6))
                board.power_cut()
            board.boot()
            _until_at_work(board, commune, sessions)
            seconds.append(round(board.up_s))
            assert 100 * board.line(PIN) in taps.right
            assert set(board.ask(WHOLE).split()) == {"ok"}
            board.ask("edge-agent check /etc/edge-agent/node.yaml", 300)
        record_property("seconds_to_work", seconds)
