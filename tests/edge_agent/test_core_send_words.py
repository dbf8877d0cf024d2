"""`edge-agent send` tells results and mistakes in the language spoken."""

from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from edge_agent import words
from edge_agent.cli.send import _show, command
from edge_agent.contract.commands import Ack


@pytest.fixture(autouse=True)
def vietnamese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_language", "vi")


def test_the_result_of_a_switching_is_told_in_vietnamese(capsys: pytest.CaptureFixture[str]) -> None:
    result = {"wanted": 100.0, "actual": 0.0, "why": "override", "until": "2026-11-23T00:00:00+00:00", "new": 3}
    ack = Ack(id="0192f5a0-0000-7000-8000-000000000000", node="n", at=datetime.now(UTC), state="done", result=result)
    _show(ack, name_it=False)
    said = capsys.readouterr().out
    assert "Muốn: 100 %" in said and "Thực tế: 0 %" in said and "Vì: bật tắt tay" in said
    assert "Đến lúc: " in said and "T00:00" not in said
    assert "new: 3" in said


def test_a_command_that_is_not_known_is_guessed() -> None:
    done = CliRunner().invoke(command, ["n", "switch.overide", "thing=cong"])
    assert done.exit_code == 2
    assert "Không có lệnh tên switch.overide. Có phải switch.override?" in done.output
