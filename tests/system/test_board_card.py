"""From a card to a trusted node: `edge-agent card`, power, and no hand after that."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from board_commune import COMMUNE, NODE, PIN, Commune, package
from board_rig import HOST, Board, image
from system_rig import BIN, ROOT, end, free_port, until

sys.path.insert(0, str(ROOT / "tests" / "hub"))
from enrolment_rig import TlsBroker

from edge_agent.client import Access
from hub.config import load

pytestmark = pytest.mark.long
BOX = f"""
drivers:
  - {{id: relay, driver: rpi-gpio, lines: {{den-1: {{pin: {PIN}}}}}}}
  - {{id: card, driver: pyaudio-speaker, device: Loopback}}
lights: [{{id: cong-lang, name: Đèn cổng làng, line: relay/den-1, programme: {{on: sunset, off: sunrise}}}}]
speakers: [{{id: loa, name: Loa thôn Đông, driver: card}}]
"""


class Centre(Commune):
    """A hub as it is shipped, that lets nodes in, with its broker."""

    def __init__(self, folder: Path) -> None:
        (folder / "mqtt").write_text("secret-hub")
        self.config = folder / "hub.yaml"
        nodes, plain, tls = free_port(), free_port(), free_port()
        settings = {
            "name": "Xã Tân Hội",
            "listen": {"port": free_port()},
            "data": str(folder / "data"),
            "signing_key": {"id": "hub", "file": str(folder / "signing.key")},
            "broker": {
                "url": f"mqtt://127.0.0.1:{plain}",
                "username": "hub",
                "password": {"file": str(folder / "mqtt")},
            },
            "enrolment": {
                "listen": {"host": "127.0.0.1", "port": nodes},
                "address": f"https://{HOST}:{nodes}",
                "broker": f"mqtts://{HOST}:{tls}",
                "broker_files": str(folder / "broker-files"),
            },
        }
        self.config.write_text(json.dumps(settings, ensure_ascii=False))
        self.folder = folder
        self._tls = TlsBroker(folder, load(self.config))
        self._tls.start()
        self._hub = subprocess.Popen([BIN / "edge-hub", "run", str(self.config)], text=True)
        until((folder / "signing.key").exists, 60)
        self._begin(folder, self._tls, Access.read(self.config).signer())

    def stop(self) -> None:
        self._end()
        end(self._hub)
        self._tls.stop()

    def write(self, board: Board) -> None:
        """Make a token and let `edge-agent card` write everything onto the board's card."""
        token = [BIN / "edge-hub", "enrol", "token", self.config, NODE, "--commune", COMMUNE, "--json"]
        tokens = self.folder / "tokens"
        tokens.write_text(subprocess.run(token, check=True, capture_output=True, text=True).stdout)
        (self.folder / "box.yaml").write_text(BOX)
        sheet = self.folder / "sheet.csv"
        sheet.write_text(
            "name,commune,title,latitude,longitude,devices,user,password,ssh\n"
            f"{NODE},{COMMUNE},Cụm loa thôn Đông,20.95,106.08,box.yaml,edge,mot-mat-khau-dai-2026,no\n"
        )
        words = ["--tokens", tokens, "--image", board.disk, "--system", "trixie", "--set", "keyboard=us"]
        done = subprocess.run([BIN / "edge-agent", "card", sheet, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    made = Centre(tmp_path_factory.mktemp("centre"))
    yield made
    made.stop()


def test_a_card_becomes_a_trusted_node_without_a_hand(
    centre: Centre, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with Board(image(package()), tmp_path, ntp_port=centre.time.port) as board:
        centre.write(board)
        board.boot()
        board.wait_for(centre.online, 1200)
        trusted = board.up_s
        record_property("trusted_s", trusted)
        board.wait_for(lambda: '"ready"' in board.run("cat /boot/firmware/edge-agent/ket-qua.json").out)
        assert board.run("test -e /boot/firmware/edge-agent/enrol.json").code != 0, "the token is gone"
        board.power_cut()
        page = board.read_card("edge-agent/KET-QUA.txt")
        assert page is not None and page.startswith(b"\xef\xbb\xbf"), "what a laptop shows"
        assert "SẴN SÀNG" in page.decode(), "of the last state, though the power was cut right after it"
