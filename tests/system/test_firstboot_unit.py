"""The unit of the first boot: right, as closed as a thing can be that installs and starts, and waiting for nothing."""

import json
import sys
from pathlib import Path

from system_rig import BIN, UNITS, run, tool, unit

from edge_agent.config.model import Storage
from edge_agent.firstboot.card import FOLDER, PLACES

NAME = "edge-agent-firstboot.service"
JAIL = Path(__file__).with_name("jail.py")
NODE = """
node: {commune: "26734", name: thon-dong-1, title: Cụm loa thôn Đông, position: {latitude: 20.95, longitude: 106.08}}
storage: {path: state}
identity: {folder: identity}
"""


def test_it_works_in_its_sandbox_up_to_a_hub_that_is_away(tmp_path: Path) -> None:
    card = tmp_path / "fat" / "edge-agent"
    card.mkdir(parents=True)
    (card / "node.yaml").write_text(NODE)
    enrolment = {"hub": "https://127.0.0.1:9", "pin": "sha256:" + "0" * 64, "token": "0123456789abcdef"}
    (card / "enrol.json").write_text(json.dumps({**enrolment, "expires": "2099-01-01T00:00:00Z"}))
    places = ["--card", card.parent, "--config", tmp_path / "etc" / "node.yaml", "--journal", tmp_path / "journal"]
    rest = ["--user", "", "--unit", "", "--once", "--json"]
    done = run(Path(sys.executable), JAIL, NAME, BIN / "edge-agent", "firstboot", *places, *rest)
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert (told["state"], told["fault"]["code"]) == ("waiting", "enrol.unreachable"), done.stderr
    assert "enrol.unreachable" in (card / "KET-QUA.txt").read_text("utf-8-sig")


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    text = (UNITS / NAME).read_text().replace("/usr/bin/edge-", f"{BIN}/edge-")
    (tmp_path / NAME).write_text(text)
    done = run(tool("systemd-analyze"), "verify", "--man=no", tmp_path / NAME)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_exposure_stays_low() -> None:
    done = run(tool("systemd-analyze"), "security", "--offline=true", "--no-pager", "--threshold=29", UNITS / NAME)
    assert done.returncode == 0, done.stdout[-300:]


def test_it_waits_for_no_network_and_holds_up_no_boot() -> None:
    values = unit(NAME)
    assert not [key for key in ("After", "Wants", "Requires", "BindsTo") if f"Unit.{key}" in values]
    assert values["Service.Type"] == ["exec"]
    places = [path.removeprefix("|") for path in values["Unit.ConditionPathIsDirectory"]]
    assert places == [str(place / FOLDER) for place in PLACES]


def test_it_may_write_where_it_writes() -> None:
    writable = {path.removeprefix("-") for path in unit(NAME)["Service.ReadWritePaths"]}
    assert {"/etc/edge-agent", str(Storage().path), *map(str, PLACES)} == writable
    assert f"d {Storage().path} " in (UNITS / "edge-agent.tmpfiles.conf").read_text(), "it has to be there from boot on"
    done = run(BIN / "edge-agent", "firstboot", "--help")
    assert "/var/lib/" + unit(NAME)["Service.StateDirectory"][0] in done.stdout
