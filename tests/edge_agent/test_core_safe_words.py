"""`edge-agent safe` says in a sentence what kept a line from going off, and where it looked for the heartbeat."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from drivers.contract import DriverFault
from edge_agent import words
from edge_agent.cli.safe import command
from edge_agent.safe import _words


@pytest.fixture(autouse=True)
def vietnamese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_language", "vi")


def test_a_device_that_does_not_answer_is_told_in_a_sentence() -> None:
    assert _words(TimeoutError()) == "thiết bị không trả lời kịp"
    assert _words(DriverFault("driver.silent", "unit 1")) == "driver.silent: Thiết bị không trả lời: unit 1"


def test_without_a_heartbeat_its_place_and_the_mend_are_told(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, [str(tmp_path / "none.yaml"), "--heartbeat", str(tmp_path / "beat")])
    assert str(tmp_path / "beat") in done.stderr and "--heartbeat" in done.stderr
