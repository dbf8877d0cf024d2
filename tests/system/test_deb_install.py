"""The package on a fresh Debian 12 without a network: installed, upgraded, removed, purged, and what runs meanwhile."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from deb_rig import field
from system_rig import ROOT, node_yaml

pytestmark = pytest.mark.long

SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
"""Where this machine gets Debian from; its older place is tried too."""


class Debian:
    """A Debian 12 in a folder; what runs in it has no network and sees no process of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, script: str, limit_s: float = 300) -> subprocess.CompletedProcess[str]:
        # the outer shell is root of the namespace: /proc is the new one's, and goes with it
        return subprocess.run(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", f"--mount-proc={self.root}/proc",
             "chroot", self.root, "/bin/sh", "-ec", script],
            check=False, capture_output=True, text=True, timeout=limit_s,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "EDGE_LANG": "en", "HOME": "/root",
                 "DEBIAN_FRONTEND": "noninteractive"},
        )  # fmt: skip

    def said(self, script: str) -> str:
        done = self.run(script)
        assert done.returncode == 0, f"{script}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
        return done.stdout


def built(folder: Path, *version: str) -> Path:
    subprocess.run([ROOT / "scripts/deb", "--quick", "--out", folder, *version], check=True, timeout=900)
    (file,) = folder.glob("*.deb")
    return file


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """This version and a later one."""
    folder = tmp_path_factory.mktemp("deb")
    return built(folder / "now"), built(folder / "later", "--version", "99.0")


@pytest.fixture(scope="module")
def debian(packages: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Debian]:
    """With the packages of Debian that ours depends on, and both of ours in /root."""
    root = tmp_path_factory.mktemp("debian") / "root"
    needs = {part.split("(")[0].strip() for part in field(packages[0], "Depends").split(",")}
    sources = SOURCES if SOURCES.exists() else Path("/etc/apt/sources.list")
    subprocess.run(
        ["mmdebstrap", "--quiet", "--mode=root", "--variant=apt", f"--include={','.join(sorted(needs))}",
         "bookworm", root, sources],
        check=True, timeout=900,
    )  # fmt: skip
    for number, package in enumerate(packages):
        shutil.copy(package, root / f"root/{number}.deb")
    yield Debian(root)
    shutil.rmtree(root)


def test_from_installing_to_purging(debian: Debian, tmp_path: Path) -> None:
    """One walk, because each step begins where the last one ended."""
    debian.said("apt-get install -y --no-install-recommends /root/0.deb")
    assert "edge-agent, version 0." in debian.said("edge-agent --version; edge-hub --version")
    assert debian.said("readlink /opt/edge-agent/current") == "base\n"
    debian.said("edge-agent check /usr/share/edge-agent/node.example.yaml")
    assert debian.said("systemctl is-enabled edge-agent") == "enabled\n"
    assert debian.run("systemctl is-enabled edge-hub").stdout == "disabled\n", "a node has no console"
    owners = debian.said("stat -c '%U:%G %a' /etc/edge-agent/secrets /etc/edge-agent/hub-secrets")
    assert owners == "root:edge-agent 750\nroot:edge-hub 750\n"

    debian.said("edge-agent say --offline --out /tmp/x.wav 'Xin chào bà con.'")
    assert (debian.root / "tmp/x.wav").stat().st_size > 50_000
    speaker = "drivers: [{id: horn, driver: file-speaker, directory: sounds}]\n"
    speaker += "speakers: [{id: loa, name: Loa, driver: horn}]"
    text = node_yaml(tmp_path, speaker).read_text().replace(str(tmp_path / "state"), "/var/lib/edge-agent")
    (debian.root / "etc/edge-agent/node.yaml").write_text(text)
    debian.said(
        "install -d -o edge-agent -g edge-agent /var/lib/edge-agent; edge-agent check /etc/edge-agent/node.yaml"
    )
    heard = debian.said("edge-agent say --offline --config /etc/edge-agent/node.yaml 'Xin chào bà con.'")
    assert "/horn/sounds/" in heard, "through the node's own speaker, which is a folder here"
    ran = debian.run(
        "export STATE_DIRECTORY=/var/lib/edge-agent; setpriv --reuid=edge-agent --regid=edge-agent --init-groups "
        "timeout -s TERM 30 edge-agent run /etc/edge-agent/node.yaml"
    )
    assert ran.returncode in (0, 124), ran.stderr
    assert "is running" in ran.stdout + ran.stderr
    assert (debian.root / "var/lib/edge-agent/node.db").exists(), "it kept its records"
    assert list((debian.root / "var/lib/edge-agent/sounds/files").glob("*.wav")), "it made its own sentences"

    (debian.root / "etc/edge-agent/secrets/mqtt").write_text("s3cret")
    debian.said("apt-get install -y --no-install-recommends /root/1.deb")
    assert "99.0" in debian.said("edge-agent --version")
    assert (debian.root / "etc/edge-agent/node.yaml").read_text() == text

    debian.said(
        "cp -a /opt/edge-agent/base /opt/edge-agent/slot; mkdir -p /opt/edge-agent/slots;"
        "mv /opt/edge-agent/slot /opt/edge-agent/slots/a; echo 99.1 > /opt/edge-agent/slots/a/VERSION;"
        "ln -sfn slots/a /opt/edge-agent/current; dpkg -i /root/1.deb"
    )
    assert debian.said("readlink /opt/edge-agent/current") == "slots/a\n", "a newer update stays in use"
    debian.said("echo 98.0 > /opt/edge-agent/slots/a/VERSION; dpkg -i /root/1.deb")
    assert debian.said("readlink /opt/edge-agent/current") == "base\n", "an older one does not"

    debian.said("apt-get remove -y edge-agent")
    assert (debian.root / "etc/edge-agent/secrets/mqtt").read_text() == "s3cret"
    assert not (debian.root / "opt/edge-agent").exists()
    debian.said("apt-get purge -y edge-agent")
    left = debian.said(
        "find / -xdev \\( -name '*edge-agent*' -o -name '*edge-hub*' \\) -not -path '/proc/*' -not -path '/root/*'"
    )
    assert left == "", "nothing stays, least of all a secret"


def test_lintian_finds_no_error(packages: tuple[Path, Path]) -> None:
    done = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error", packages[0]],
        check=False, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_whole_package_is_the_same_twice(packages: tuple[Path, Path], tmp_path: Path) -> None:
    assert built(tmp_path).read_bytes() == packages[0].read_bytes()
