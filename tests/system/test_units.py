"""The units, held by systemd's own tools: right, closed as far as promised, and naming what really exists."""

import os
import re
from pathlib import Path

import pytest
from system_rig import BIN, UNITS, run, tool, unit

from edge_agent.config.model import Storage
from edge_agent.update.places import Places
from edge_agent.update.wish import WANTED

SERVICES = ("edge-agent.service", "edge-hub.service")


@pytest.mark.parametrize("name", [*SERVICES, "edge-agent-update.service"])
def test_systemd_finds_nothing_wrong(name: str, tmp_path: Path) -> None:
    # only the folder of the programs differs from an installed node
    text = (UNITS / name).read_text().replace("/usr/bin/edge-", f"{BIN}/edge-")
    text = text.replace("/usr/lib/edge-agent/", f"{UNITS}/edge-agent-")
    (tmp_path / name).write_text(text)
    done = run(tool("systemd-analyze"), "verify", "--man=no", tmp_path / name)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


EXPOSURE = {
    "edge-agent.service": 19,
    "edge-agent-firstboot.service": 29,
    "edge-agent-update.service": 17,
    "edge-hub.service": 15,
    "edge-hub-backup.service": 15,
    "edge-hub-broker.service": 15,
}
"""Tenths, at most. Each one above 15 is explained in systemd/README.md."""


def test_no_service_is_forgotten() -> None:
    assert set(EXPOSURE) == {file.name for file in UNITS.glob("*.service")}


@pytest.mark.parametrize(("name", "limit"), EXPOSURE.items())
def test_exposure_stays_low(name: str, limit: int) -> None:
    done = run(
        tool("systemd-analyze"), "security", "--offline=true", "--no-pager", f"--threshold={limit}", UNITS / name
    )
    assert done.returncode == 0, done.stdout[-300:]
    assert f"Overall exposure level for {name}" in done.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_started_exists(name: str) -> None:
    program, *arguments = unit(name)["Service.ExecStart"][0].split()
    done = run(BIN / Path(program).name, *arguments, "--help")
    assert done.returncode == 0, done.stderr
    assert arguments[0] in done.stdout


def test_the_installer_is_started_by_what_it_reads_and_is_no_part_of_a_version_on_trial() -> None:
    places = Places()
    paths = unit("edge-agent-update.path")["Path.PathExists"]
    assert paths == [str(places.inbox / WANTED), str(places.keep / "journal.json")]
    assert unit("edge-agent-update.service")["Service.ExecStart"] == ["/usr/lib/edge-agent/slots install"]
    assert unit("edge-agent.service")["Service.ExecStartPre"] == ["+-/usr/lib/edge-agent/slots start"]
    assert os.access(UNITS / "edge-agent-slots", os.X_OK)


@pytest.mark.parametrize("name", SERVICES)
def test_a_pole_never_gives_up_and_waits_for_no_network(name: str) -> None:
    values = unit(name)
    assert values["Service.Restart"] == ["always"]
    assert values["Unit.StartLimitIntervalSec"] == ["0"]
    waits = [value for key in ("After", "Wants", "Requires", "BindsTo") for value in values.get(f"Unit.{key}", [])]
    assert waits == [], "not after the network, the time, or mosquitto (which may itself wait for the network)"
    conditions = [path for key, paths in values.items() if key.startswith("Unit.Condition") for path in paths]
    kept = ["|/etc/edge-agent/node.yaml", f"|{Storage().path}/last-good.yaml"]
    assert conditions == (kept if name == "edge-agent.service" else []), "the agent keeps a last good configuration"


def test_a_camera_out_of_memory_is_not_the_end_of_the_agent() -> None:
    values = unit("edge-agent.service")
    assert values["Service.OOMPolicy"] == ["continue"]
    assert values["Service.KillMode"] == ["mixed"], "the agent itself ends its children, in order"


def test_the_clock_may_be_asked() -> None:
    values = unit("edge-agent.service")
    allowed = values["Service.SystemCallFilter"][-1].split()
    assert {"adjtimex", "clock_adjtime"} <= set(allowed)
    assert "Service.ProtectClock" not in values, "it would forbid asking too"


def test_devices_that_come_later_are_known_by_number() -> None:
    allowed = unit("edge-agent.service")["Service.DeviceAllow"]
    by_name = {entry.split()[0] for entry in allowed if not re.match(r"char-\d+ ", entry)}
    assert by_name == {"char-gpiochip", "/dev/gpiomem"}, "these are there from boot on"


def test_state_is_where_the_configuration_says() -> None:
    values = unit("edge-agent.service")
    assert Path("/var/lib", values["Service.StateDirectory"][0]) == Storage().path
    assert values["Service.WorkingDirectory"] == [str(Storage().path)]


def test_accounts_and_groups_are_made(tmp_path: Path) -> None:
    folder = tmp_path / "usr/lib/sysusers.d"
    folder.mkdir(parents=True)
    (folder / "edge-agent.conf").write_text((UNITS / "edge-agent.sysusers.conf").read_text())
    done = run(tool("systemd-sysusers"), f"--root={tmp_path}", "--dry-run")
    assert done.returncode == 0
    assert "edge-agent.conf:" not in done.stderr, done.stderr  # file:line: what is wrong
    users = set(re.findall(r"Creating user '([^']+)'", done.stderr))
    groups = set(re.findall(r"Creating group '([^']+)'", done.stderr))
    for name in SERVICES:
        values = unit(name)
        assert values["Service.User"][0] in users
        wanted = {values["Service.Group"][0], *" ".join(values.get("Service.SupplementaryGroups", [])).split()}
        assert wanted <= groups, "a service with an unknown group does not start"


def test_secrets_get_owner_and_mode(tmp_path: Path) -> None:
    rules = (UNITS / "edge-agent.tmpfiles.conf").read_text()
    mine = re.sub(r"(?m)(?:root|edge-agent) (?:root|edge-agent|edge-hub)$", f"{os.getuid()} {os.getgid()}", rules)
    folder = tmp_path / "usr/lib/tmpfiles.d"
    folder.mkdir(parents=True)
    (folder / "edge-agent.conf").write_text(mine)
    (tmp_path / "etc/edge-agent/secrets").mkdir(parents=True)
    secret = tmp_path / "etc/edge-agent/secrets/mqtt"
    secret.write_text("x")
    secret.chmod(0o666)
    done = run(tool("systemd-tmpfiles"), f"--root={tmp_path}", "--create", "edge-agent.conf")
    assert (done.returncode, done.stderr) == (0, "")
    modes = {
        path: oct((tmp_path / "etc/edge-agent" / path).stat().st_mode & 0o777)
        for path in (".", "secrets", "hub-secrets", "secrets/mqtt")
    }
    assert modes == {".": "0o755", "secrets": "0o750", "hub-secrets": "0o750", "secrets/mqtt": "0o640"}


def test_the_hub_reads_other_secrets_than_the_agent() -> None:
    rules = (UNITS / "edge-agent.tmpfiles.conf").read_text()
    owners = dict(re.findall(r"(?m)^d (\S+) 0750 root (\S+)$", rules))
    assert owners == {"/etc/edge-agent/secrets": "edge-agent", "/etc/edge-agent/hub-secrets": "edge-hub"}
