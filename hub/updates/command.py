"""`edge-hub updates`: the signed folder of new versions, at the machine itself, also while the hub runs."""

import json
import re
import tarfile
from pathlib import Path

import click

from hub.config import HubConfig
from hub.people.command_base import give_up, loaded
from hub.updates.keys import OFFLINE, ONLINE, load, make
from hub.updates.repository import Repository
from hub.updates.serving import FOLDER

_FILE = click.argument("file", type=click.Path(path_type=Path))
_KEYS = click.argument("keys_folder", metavar="KEYS", type=click.Path(path_type=Path, file_okay=False))
_VERSION = re.compile(r"\d{1,6}(\.\d{1,6}){1,3}")


@click.group()
def updates() -> None:
    """New versions of the agent for nodes: made and signed by a person, served by the hub."""


@updates.command()
@_FILE
@_KEYS
def keys(file: Path, keys_folder: Path) -> None:
    """Make the keys and an empty signed list; the offline keys go into the folder KEYS.

    KEYS/update-root.json is what nodes get as /etc/edge-agent/update-root.json. Take KEYS away from this machine: who
    has it can run programs on every node. The hub itself keeps only a key that renews what expires.
    """
    folder = _folder(loaded(file))
    repository = Repository(folder)
    if repository.begun:
        give_up(f"there are updates in {folder} already; their keys are never overwritten")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        online = make(folder / "keys", ONLINE)
        root, targets = (make(keys_folder, name) for name in OFFLINE)
        (keys_folder / "update-root.json").write_bytes(repository.begin(root, targets, online))
    except OSError as error:
        give_up(f"{error.filename}: {error.strerror}")
    click.echo(f"{keys_folder / 'update-root.json'}: put it onto nodes. Then take {keys_folder} to a safe place.")


@updates.command()
@_FILE
@_KEYS
@click.argument("archive", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--version", required=True, help="Such as 0.2.0.")
@click.option("--arch", required=True, help="As `uname -m` says: aarch64, x86_64.")
@click.option("--python", required=True, help="Such as 3.11.")
@click.option("--board", multiple=True, help="Beginning of a board's model; again for more; every board, if not given.")
def add(
    file: Path, keys_folder: Path, archive: Path, version: str, arch: str, python: str, board: tuple[str, ...]
) -> None:
    """Sign ARCHIVE (made by scripts/release) with the offline keys in KEYS, and offer it to nodes."""
    folder = _folder(loaded(file))
    if not _VERSION.fullmatch(version):
        give_up(f"{version}: a version is numbers and dots, such as 0.2.0")
    try:
        unpacked, files = _measured(archive)
        words = {"version": version, "arch": arch, "python": python, "unpacked": unpacked, "files": files}
        name = f"edge-agent-{version}-{arch}-py{python}{'-' + _short(board) if board else ''}.tar.xz"
        signers = load(keys_folder, "targets"), load(folder / "keys", ONLINE)
        Repository(folder).add(archive, name, {**words, "board": list(board)}, *signers)
    except (OSError, ValueError, tarfile.TarError) as error:
        give_up(str(error))
    click.echo(name)


@updates.command("list")
@_FILE
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_(file: Path, as_json: bool) -> None:
    """Say which versions are offered, and until when the list holds."""
    repository = Repository(_folder(loaded(file)))
    offered = repository.offered()
    if as_json:
        until = repository.expires().isoformat() if repository.begun else None
        click.echo(json.dumps({"until": until, "offered": offered}))
        return
    if not repository.begun:
        give_up("there are no updates yet: edge-hub updates keys")
    for one in offered:
        click.echo(
            f"{one['version']}  {one['arch']}  Python {one['python']}  {one['bytes'] / 1e6:.1f} MB  {one['name']}"
        )
    click.echo(f"holds until {repository.expires():%Y-%m-%d %H:%M} UTC")


def _folder(config: HubConfig) -> Path:
    return config.data / FOLDER


def _short(board: tuple[str, ...]) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", board[0]).strip("-").lower()[:40]


def _measured(archive: Path) -> tuple[int, int]:
    """Bytes and entries, as a node will count them, with room for a block."""
    unpacked = files = 0
    with tarfile.open(archive, "r:xz") as tar:
        for member in tar:
            unpacked, files = unpacked + member.size, files + 1
    return max(1, unpacked), max(1, files)
