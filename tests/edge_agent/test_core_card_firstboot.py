"""From a sheet to a trusted node: the card that `edge-agent card` writes is the card that the first start reads."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from core_card import NODE, PASSWORD, mounted, sheet, told
from identity_rig import enrol_json, small_hub

from edge_agent.card.node import IDENTITY
from edge_agent.config.load import load
from edge_agent.contract.enrolment import CardEnrolment
from edge_agent.firstboot.boot import FirstBoot
from edge_agent.firstboot.card import Card
from edge_agent.firstboot.journal import Journal
from edge_agent.firstboot.system import Answer, System
from edge_agent.identity.enrolment import enrol
from edge_agent.identity.folder import IdentityFolder


class Bench(System):
    """A machine without systemd and loudspeaker: it enrols in this process."""

    def __init__(self) -> None:
        super().__init__("", "")

    def start_agent(self, *, again: bool) -> None:
        """There is none here."""

    def enrol(self, config: Path, enrolment: bytes, floor: datetime) -> Answer:
        card = CardEnrolment.model_validate_json(enrolment)
        enrol(IdentityFolder(config.parent / "identity"), "thon-dong-1", "26734", card, floor)
        return Answer(None)

    def connected(self, storage: Path) -> bool:
        return True

    def speak(self, text: str, storage: Path | None) -> None:
        """Nobody listens."""


@pytest.mark.parametrize("system", ["trixie", "bookworm"])
def test_a_card_of_the_sheet_becomes_a_trusted_node(system: str, tmp_path: Path) -> None:
    boot, config = mounted(tmp_path, system), tmp_path / "etc/node.yaml"
    (tmp_path / "bi-mat").mkdir()
    (tmp_path / "bi-mat/camera").write_text("mat khau camera\n")
    row = {**NODE, "name": "thon-dong-1", "password": PASSWORD, "secrets": "bi-mat"}
    with small_hub(tmp_path) as hub:
        line = {"name": "thon-dong-1", "commune": "26734", "area": "", "card": json.loads(enrol_json(hub))}
        (tmp_path / "tokens").write_text(json.dumps(line) + "\n", encoding="utf-8")
        assert told(sheet(tmp_path, row), "--tokens", tmp_path / "tokens", "--to", boot)["ok"]
        node = boot / "edge-agent/node.yaml"  # a box of its own: not this machine's /var/lib
        node.write_text(node.read_text(encoding="utf-8").replace(IDENTITY, str(config.parent / "identity")), "utf-8")
        card = Card.found([boot])
        assert card is not None
        result = FirstBoot(card, config, Journal(tmp_path / "journal"), Bench(), sleep=lambda _: None, tries=1).run()
    assert result.state == "ready", (boot / "edge-agent/KET-QUA.txt").read_text(encoding="utf-8-sig")
    assert IdentityFolder(config.parent / "identity").read() is not None
    installed = load(config).config
    assert installed is not None and installed.node.name == "thon-dong-1" and len(installed.lights) == 2
    assert (config.parent / "secrets/camera").read_text() == "mat khau camera\n"
    left = {path.name for path in (boot / "edge-agent").rglob("*") if path.is_file()}
    assert left == {"node.yaml", "KET-QUA.txt", "ket-qua.json"}
