"""The nightly backup, the board's watchdog and the journal's bounds: as systemd reads them."""

from pathlib import Path

import pytest
from system_rig import BIN, UNITS, run, tool, unit

NAMES = ("edge-hub-backup.service", "edge-hub-backup.timer")


@pytest.mark.parametrize("name", NAMES)
def test_systemd_finds_nothing_wrong(name: str, tmp_path: Path) -> None:
    for each in NAMES:
        (tmp_path / each).write_text((UNITS / each).read_text().replace("/usr/bin/edge-", f"{BIN}/edge-"))
    done = run(tool("systemd-analyze"), "verify", "--man=no", tmp_path / name)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_exposure_of_the_backup_stays_low() -> None:
    asked = ("security", "--offline=true", "--no-pager", "--threshold=15", UNITS / NAMES[0])
    done = run(tool("systemd-analyze"), *asked)
    assert done.returncode == 0, done.stdout[-300:]


def test_the_backup_is_what_the_command_takes() -> None:
    program, command, _file, option = unit(NAMES[0])["Service.ExecStart"][0].split()
    done = run(BIN / Path(program).name, command, "--help")
    assert done.returncode == 0 and option in done.stdout


def test_the_watchdog_of_the_board_is_within_what_a_pi_can() -> None:
    values = unit("edge-agent.manager.conf")
    for key, most_us in (("RuntimeWatchdogSec", 15_000_000), ("RebootWatchdogSec", 600_000_000)):
        done = run(tool("systemd-analyze"), "timespan", values[f"Manager.{key}"][0])
        said = next(line for line in done.stdout.splitlines() if "μs" in line or "us:" in line)
        assert int(said.split()[-1]) <= most_us


def test_the_journal_is_bounded_and_kept() -> None:
    values = unit("edge-agent.journald.conf")
    assert values["Journal.Storage"] == ["persistent"]
    assert values["Journal.SystemMaxUse"] == ["64M"]
