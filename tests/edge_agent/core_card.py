"""What the tests of cards share: a sheet, images as Raspberry Pi OS partitions them, and the command."""

import csv
import io
import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from edge_agent.cli.card import command

SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN3JeN6z5+QEmqv1rntZwBB+CaDBA7G4oCb86+FsQX0J may-tinh"
PASSWORD = "mat khau rat dai"
WIFI_PASSWORD = "xin chao ba con"
TOKEN = "Tk_" + "x1" * 14
START = 8192
"""Sector at which the first partition begins, as in Raspberry Pi OS."""
NODE = {
    "name": "thon-dong",
    "commune": "26734",
    "title": "Cụm loa thôn Đông",
    "latitude": "20,95",
    "longitude": "106.08",
    "devices": "loa-den",
    "ssh_key": SSH_KEY,
}
TRUSTED = {
    "hub": "https://10.0.0.2:8444",
    "pin": "sha256:" + "ab" * 32,
    "token": TOKEN,
    "expires": "2036-12-31T00:00:00+07:00",
}


def table(rows: Iterable[Mapping[str, str]], delimiter: str = ";", end: str = "\r\n") -> str:
    rows = list(rows)
    heads = list(dict.fromkeys(head for row in rows for head in row))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    writer.writerow(heads)
    writer.writerows([row.get(head, "") for head in heads] for row in rows)
    return text.getvalue()


def sheet(folder: Path, *rows: Mapping[str, str], encoding: str = "utf-8-sig") -> Path:
    path = folder / "nodes.csv"
    path.write_bytes(table(rows).encode(encoding))
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def told(*arguments: object) -> dict[str, Any]:
    """What `--json` says."""
    result = run(*arguments, "--json")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return json.loads(result.stdout)


def problems(*arguments: object) -> set[tuple[int, str, str]]:
    return {(each["row"], each["column"], each["code"]) for each in told(*arguments)["problems"]}


def boot_files(system: str = "trixie") -> dict[str, bytes]:
    files = {
        "config.txt": b"dtparam=audio=on\n",
        "cmdline.txt": b"console=tty1 root=PARTUUID=4a1b-02 rootfstype=ext4 rootwait quiet\n",
        "issue.txt": b"Raspberry Pi reference\n",
    }
    if system == "trixie":
        files |= {"user-data": b"#cloud-config\n", "meta-data": b"instance_id: rpios-image\n", "network-config": b""}
    return files


def mounted(folder: Path, system: str = "trixie") -> Path:
    boot = folder / "bootfs"
    boot.mkdir()
    for name, data in boot_files(system).items():
        (boot / name).write_bytes(data)
    return boot


def tool(*words: object) -> str:
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout


def image(folder: Path, system: str = "trixie", *, label: str = "dos", megabytes: int = 40, bits: int = 16) -> Path:
    """An image with a FAT partition at 4 MiB and a Linux one behind it."""
    path, fat = folder / "card.img", folder / "fat.img"
    with fat.open("wb") as file:
        file.truncate(megabytes << 20)
    tool("mkfs.fat", "-F", bits, "-n", "BOOTFS", fat)
    for name, data in boot_files(system).items():
        (folder / name).write_bytes(data)
        tool("mcopy", "-i", fat, folder / name, f"::{name}")
        (folder / name).unlink()
    sectors = (megabytes << 20) // 512
    kinds = ("uefi", "linux") if label == "gpt" else ("c", "83")
    with path.open("wb") as file:
        file.truncate((START + sectors + 8192) * 512)
        file.seek(START * 512)
        file.write(fat.read_bytes())
    script = f"label: {label}\nstart={START}, size={sectors}, type={kinds[0]}\n"
    script += f"start={START + sectors}, size=4096, type={kinds[1]}\n"
    subprocess.run(["sfdisk", "-q", str(path)], input=script, text=True, check=True, capture_output=True)
    fat.unlink()
    return path


def inside(path: Path, name: str) -> bytes:
    words = ["mtype", "-i", f"{path}@@{START * 512}", f"::{name}"]
    return subprocess.run(words, check=True, capture_output=True).stdout


def names(path: Path) -> set[str]:
    return set(tool("mdir", "-/", "-b", "-a", "-i", f"{path}@@{START * 512}", "::").casefold().split())


def sound(path: Path, folder: Path, megabytes: int = 40) -> None:
    """The file system is whole, says fsck."""
    with path.open("rb") as file:
        file.seek(START * 512)
        (folder / "look.img").write_bytes(file.read(megabytes << 20))
    tool("fsck.fat", "-n", folder / "look.img")
