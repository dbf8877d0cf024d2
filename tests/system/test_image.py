"""The recipe of a node's image: sound shell, settings that land where they belong, a list that Imager accepts.

The image itself needs pi-gen, root and Raspberry Pi's servers; here its steps run against a small root of their own.
"""

import gzip
import hashlib
import json
import lzma
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from bench.rig import REPO

IMAGE = REPO / "image"
STAGE = IMAGE / "stage-edge-agent"
STEPS = sorted(STAGE.glob("*/*-run.sh"))
FSTAB = """proc            /proc           proc    defaults          0       0
BOOTDEV  /boot/firmware  vfat    defaults          0       2
ROOTDEV  /               ext4    defaults,noatime  0       1
"""
IMAGER = {  # the keys that rpi-imager's doc/json-schema/os-list-schema.json requires of a system, and its choices
    "type": "object",
    "required": ["os_list"],
    "properties": {
        "os_list": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": [
                    *("name", "description", "icon", "url", "extract_size", "extract_sha256"),
                    *("image_download_size", "release_date", "devices"),
                ],
                "properties": {
                    "url": {"type": "string", "pattern": "^(https?|file)://"},
                    "extract_size": {"type": "integer"},
                    "extract_sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                    "image_download_size": {"type": "integer"},
                    "release_date": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
                    "init_format": {"enum": ["", "systemd", "cloudinit", "cloudinit-rpi", "rpi-preseed", "none"]},
                    "devices": {"type": "array", "minItems": 1},
                },
            },
        }
    },
}


def test_the_recipe_is_sound_shell() -> None:
    scripts = [IMAGE / "build", STAGE / "prerun.sh", STAGE / "EXPORT_IMAGE", *STEPS]
    done = subprocess.run(["shellcheck", *scripts], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert all(os.access(path, os.X_OK) for path in scripts if path.name != "EXPORT_IMAGE")  # pi-gen skips others


def step(script: Path, root: Path, log: Path) -> None:
    """Run a step as pi-gen does: in its folder, with ROOTFS_DIR and on_chroot."""
    chroot = 'on_chroot() { cat >>"$LOG"; }; export -f on_chroot; exec "$0"'
    env = {**os.environ, "ROOTFS_DIR": str(root), "LOG": str(log)}
    subprocess.run(["bash", "-c", chroot, str(script)], cwd=script.parent, env=env, check=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "boot/firmware").mkdir(parents=True)
    (root / "boot/firmware/cmdline.txt").write_text("console=tty1 root=ROOTDEV rootfstype=ext4 rootwait resize\n")
    (root / "boot/firmware/config.txt").write_text("dtparam=audio=on\n[pi5]\ndtoverlay=nospi10\n")
    (root / "etc").mkdir()
    (root / "etc/fstab").write_text(FSTAB)
    (root / "root").mkdir()
    return root


def test_settings_land_once_whatever_is_built_again(root: Path, tmp_path: Path) -> None:
    stage = Path(shutil.copytree(STAGE, tmp_path / "stage"))
    shutil.copy(REPO / "configs/chrony/edge-agent.conf", stage / "01-settings/files/chrony.conf")
    for _ in range(2):
        step(stage / "01-settings/01-run.sh", root, tmp_path / "log")
    lines = (root / "etc/fstab").read_text().splitlines()
    assert lines[1].split() == ["BOOTDEV", "/boot/firmware", "vfat", "defaults,noatime,flush", "0", "2"]
    assert [line.split()[:3] for line in lines[3:]] == [["tmpfs", "/var/log", "tmpfs"]]
    command_line = (root / "boot/firmware/cmdline.txt").read_text()
    assert command_line.endswith(" resize cgroup_enable=memory\n") and command_line.count("\n") == 1
    assert (root / "boot/firmware/config.txt").read_text().count("[all]\ndtparam=watchdog=on\n") == 1
    chrony = root / "etc/chrony/conf.d/edge-agent.conf"
    assert chrony.read_bytes() == (REPO / "configs/chrony/edge-agent.conf").read_bytes()
    assert "RuntimeWatchdogSec=15s" in (root / "etc/systemd/system.conf.d/edge-agent-watchdog.conf").read_text()
    assert "Storage=volatile" in (root / "etc/systemd/journald.conf.d/edge-agent.conf").read_text()
    assert "Mechanism=zram" in (root / "etc/rpi/swap.conf.d/edge-agent.conf").read_text()
    assert "systemctl disable apt-daily.timer" in (tmp_path / "log").read_text()


def test_the_package_and_voices_come_along(root: Path, tmp_path: Path) -> None:
    stage = Path(shutil.copytree(STAGE, tmp_path / "stage"))
    (stage / "00-agent/files/voices").mkdir(parents=True)
    (stage / "00-agent/files/edge-agent.deb").write_bytes(b"deb")
    (stage / "00-agent/files/voices/vi.onnx").write_bytes(b"voice")
    step(stage / "00-agent/01-run.sh", root, tmp_path / "log")
    assert "install --no-install-recommends -y /root/edge-agent.deb" in (tmp_path / "log").read_text()
    assert not (root / "root/edge-agent.deb").exists()
    assert (root / "usr/share/edge-agent/voices/vi.onnx").read_bytes() == b"voice"


def test_the_build_refuses_what_would_fail_after_an_hour(tmp_path: Path) -> None:
    deb = tmp_path / "x.deb"
    (tmp_path / "pkg/DEBIAN").mkdir(parents=True)
    control = "Package: edge-agent\nVersion: 1\nArchitecture: amd64\nMaintainer: x <x@example.vn>\nDescription: x\n"
    (tmp_path / "pkg/DEBIAN/control").write_text(control)
    subprocess.run(["dpkg-deb", "--build", tmp_path / "pkg", deb], check=True, capture_output=True)
    checkout = tmp_path / "pi-gen"
    checkout.mkdir()

    def told() -> str:
        done = subprocess.run([IMAGE / "build", checkout, deb], check=False, capture_output=True, text=True)
        assert done.returncode == 2
        return done.stderr

    assert "no checkout of pi-gen" in told()
    (checkout / "build.sh").write_text("export ARCH=armhf\n")
    (checkout / "build.sh").chmod(0o755)
    assert "not on its branch arm64" in told()
    (checkout / "build.sh").write_text("export ARCH=arm64\n")
    assert "not for arm64" in told()


def listed(*arguments: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, IMAGE / "os_list", *map(str, arguments)]
    return subprocess.run(words, check=False, capture_output=True, text=True)


@pytest.mark.parametrize(("ending", "wrap"), [("img.xz", lzma.compress), ("img.gz", gzip.compress), ("img", bytes)])
def test_the_list_is_what_imager_reads(ending: str, wrap, tmp_path: Path) -> None:
    inner = bytes(range(256)) * 8192
    path = tmp_path / f"edge-agent.{ending}"
    path.write_bytes(wrap(inner))
    done = listed("--url", f"https://xa.example.vn/{path.name}", "--date", "2026-11-23", path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    jsonschema.validate(document, IMAGER)
    (system,) = document["os_list"]
    assert system["init_format"] == "cloudinit-rpi" and system["release_date"] == "2026-11-23"
    assert (system["extract_size"], system["extract_sha256"]) == (len(inner), hashlib.sha256(inner).hexdigest())
    assert system["image_download_size"] == path.stat().st_size
    assert system["image_download_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_list_for_an_image_that_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "edge-agent.img"
    path.write_bytes(bytes(1024))
    document = json.loads(listed(path).stdout)
    jsonschema.validate(document, IMAGER)
    assert document["os_list"][0]["url"] == path.as_uri()


def test_a_cut_image_gets_no_list(tmp_path: Path) -> None:
    path = tmp_path / "edge-agent.img.xz"
    path.write_bytes(lzma.compress(bytes(range(256)) * 4096)[:-20])
    done = listed(path)
    assert (done.returncode, done.stdout) == (1, "") and done.stderr.count("\n") == 1
    assert listed("--date", "23/11/2026", path).returncode == 1
