"""The Debian package's parts: what is quick to try without its hundred wheels."""

import re
import subprocess
import zipfile
from pathlib import Path

import pytest
from deb_rig import PACKAGING, field, laid_out, packed
from debtools import texts, wheels
from debtools.target import Target
from system_rig import ROOT

from edge_agent.version import VERSION

BOOKWORM, TRIXIE = Target("amd64", "bookworm"), Target("arm64", "trixie")


def test_every_program_that_a_unit_starts_is_in_the_package_or_debians(tmp_path: Path) -> None:
    stage, units = laid_out(tmp_path)
    assert {"edge-agent.service", "edge-hub.service"} <= set(units)
    for name in units:
        text = (stage / "usr/lib/systemd/system" / name).read_text()
        for program in re.findall(r"(?m)^Exec\w+=[-+!:@]*(\S+)", text):
            ours = (stage / program.lstrip("/")).is_file()
            assert ours or program in ("/bin/systemctl", "/usr/bin/systemctl", "/bin/sh"), f"{name}: {program}"


def test_a_file_without_a_place_is_not_forgotten(tmp_path: Path) -> None:
    from debtools import system

    (tmp_path / "systemd").mkdir()
    (tmp_path / "systemd/edge-agent.surprise").write_text("")
    with pytest.raises(SystemExit, match=r"edge-agent\.surprise"):
        system.units(tmp_path, tmp_path / "stage")


def test_the_same_tree_gives_the_same_bytes(tmp_path: Path) -> None:
    files = []
    for number in (1, 2):
        stage, units = laid_out(tmp_path / str(number))
        control = texts.control(PACKAGING, stage, BOOKWORM, "1.0+deb12")
        stage.joinpath("usr/bin/edge-agent").touch()  # another time
        file = tmp_path / f"{number}.deb"
        files.append(packed(stage, file, {"control": control, **texts.scripts(PACKAGING, stage, units)}))
    assert files[0].read_bytes() == files[1].read_bytes()
    listed = subprocess.run(["dpkg-deb", "-c", files[0]], check=True, capture_output=True, text=True).stdout
    assert {line.split()[1] for line in listed.splitlines()} == {"root/root"}
    assert re.search(r"-rwxr-xr-x .* \./usr/bin/edge-agent\n", listed)
    assert re.search(r"-rw-r--r-- .* \./usr/lib/systemd/system/edge-agent.service\n", listed)
    assert {line.split()[3][:4] for line in listed.splitlines()} == {"2023"}


@pytest.mark.parametrize(
    ("target", "python", "more"), [(BOOKWORM, "(<< 3.12)", set()), (TRIXIE, "(<< 3.14)", {"python3-lgpio"})]
)
def test_debian_reads_what_the_package_says(target: Target, python: str, more: set[str], tmp_path: Path) -> None:
    stage, units = laid_out(tmp_path)
    full = target.version("1.0")
    control = texts.control(PACKAGING, stage, target, full)
    file = packed(stage, tmp_path / "x.deb", {"control": control, **texts.scripts(PACKAGING, stage, units)})
    assert (field(file, "Package"), field(file, "Version")) == ("edge-agent", full)
    assert field(file, "Architecture") == target.arch
    needs = {part.strip() for part in field(file, "Depends").split(",")}
    assert {f"python3 {python}", "python3-pyaudio", "espeak-ng", *more} <= needs
    assert "mosquitto" not in field(file, "Depends"), "a node has no broker"


def test_an_upgrade_of_debian_brings_its_own_package() -> None:
    older, newer = Target("arm64", "bookworm").version("1.0"), TRIXIE.version("1.0")
    assert subprocess.run(["dpkg", "--compare-versions", newer, "gt", older], check=False).returncode == 0


def test_the_maintainer_scripts_are_whole(tmp_path: Path) -> None:
    stage, units = laid_out(tmp_path)
    scripts = texts.scripts(PACKAGING, stage, units)
    assert set(scripts) == {"postinst", "prerm", "postrm"}
    for name, text in scripts.items():
        assert not re.search(r"@[A-Z]+@", text)
        file = tmp_path / name
        file.write_text(text)
        checked = subprocess.run(["/bin/sh", "-n", file], check=False, capture_output=True, text=True)
        assert (checked.returncode, checked.stderr) == (0, "")
    enabled = re.findall(r"deb-systemd-helper enable (\S+)", scripts["postinst"])
    assert "edge-agent.service" in enabled
    assert "edge-hub.service" not in enabled, "a node has no console"


def test_the_launcher_stays_in_the_slot_that_it_found(tmp_path: Path) -> None:
    opt = tmp_path / "opt"
    for slot in ("base", "slots/a"):
        python = opt / slot / "bin/python"
        python.parent.mkdir(parents=True)
        python.write_text('#!/bin/sh\necho "$0 $PYTHONSAFEPATH $*"\n')
        python.chmod(0o755)
    stage, _ = laid_out(tmp_path)
    script = tmp_path / "edge-hub"
    script.write_text((stage / "usr/bin/edge-hub").read_text().replace("/opt/edge-agent", str(opt)))

    def said() -> str:
        done = subprocess.run(["/bin/sh", script, "run", "a b"], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    assert said() == f"{opt}/base/bin/python 1 -m hub run a b", "no link yet"
    (opt / "current").symlink_to("slots/a")
    assert said() == f"{opt}/slots/a/bin/python 1 -m hub run a b", "the slot itself, not the link"
    (opt / "slots/a/bin/python").unlink()
    assert said() == f"{opt}/base/bin/python 1 -m hub run a b", "a slot that is no more"


def test_of_a_wheel_only_modules_are_laid_out(tmp_path: Path) -> None:
    wheel = tmp_path / "a-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in ("a/__init__.py", "a-1.0.dist-info/METADATA", "a-1.0.dist-info/RECORD",
                     "a-1.0.data/purelib/b.py", "a-1.0.data/scripts/run", "a-1.0.data/data/share/x"):  # fmt: skip
            archive.writestr(name, "")
    site = tmp_path / "site"
    wheels.unpack(wheel, site)
    laid = {str(file.relative_to(site)) for file in site.rglob("*") if file.is_file()}
    assert laid == {"a/__init__.py", "a-1.0.dist-info/METADATA", "b.py"}


def test_markers_are_judged_for_the_targets_python() -> None:
    older, newer = wheels._wanted(ROOT, BOOKWORM), wheels._wanted(ROOT, TRIXIE)
    assert older["numpy"] != newer["numpy"]
    assert "lgpio" in older
    assert "lgpio" not in newer, "Debian's own"
    for pins in (older, newer):
        assert {"pydantic", "rpi-lgpio", "sea-g2p"} <= set(pins)
        assert not {"pyaudio", "pip", "pytest"} & set(pins)


def test_the_changelog_tells_of_this_version() -> None:
    assert (PACKAGING / "changelog").read_text().startswith(f"edge-agent ({VERSION}) ")
