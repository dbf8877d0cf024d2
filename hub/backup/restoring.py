"""Brings a backup back: looks through all of it first, and touches nothing that is there unless told to."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.engine import URL

from hub import private
from hub.backup.archive import Manifest, read
from hub.backup.dumping import fill, is_empty
from hub.backup.making import CONFIG, DATA, DATABASE, DICTIONARY, KEY
from hub.config import HubConfig
from hub.database import Taken, file_of, writer
from hub.onehub import OneHub

_DRAFT = ".restoring"


class NotRestored(Exception):
    """Why nothing was restored; in words."""


def restore(archive: Path, config: HubConfig, passphrase: str | None, *, replace: bool = False) -> Manifest:
    """Fill data folder and database of `config`. With `replace`, what was there is put aside in the same folder.

    Raises Unreadable, NotRestored, DumpFailed, ConfigError, OSError, SQLAlchemyError; unless in the very last step,
    everything is then as it was.
    """
    manifest = read(archive, passphrase, lambda _name, _source, _changed: None)
    address = config.database_address
    kind, file = address.get_backend_name(), file_of(address)
    if manifest.database != kind:
        raise NotRestored(f"the backup holds {manifest.database}, the configuration names {kind}")
    private.folder(config.data)
    there = [path for path in config.data.iterdir() if path.name != _DRAFT and path.suffix != ".lock"]
    if (there or (file is None and not is_empty(address))) and not replace:
        raise NotRestored(f"{config.data} or the database is not empty: give --replace, or another place")
    try:
        with _alone(address, file):
            _bring_back(archive, config, passphrase, manifest, replace=replace)
    except Taken as error:
        raise NotRestored(f"the hub runs: {error}") from error
    return manifest


@contextmanager
def _alone(address: URL, file: Path | None) -> Iterator[None]:
    """Nobody else's hub works on it, and none begins. Raises Taken."""
    if file is None:
        engine = writer(address)  # a connection of it holds the lock of the one hub
        try:
            with engine.connect():
                yield
        finally:
            engine.dispose()
        return
    lock = OneHub(file)
    lock.take()
    try:
        yield
    finally:
        lock.leave()


def _bring_back(archive: Path, config: HubConfig, passphrase: str | None, manifest: Manifest, *, replace: bool) -> None:
    draft = config.data / _DRAFT
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)

    def take(name: str, source: BinaryIO, changed: float) -> None:
        path = draft / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as target:
            shutil.copyfileobj(source, target, 1 << 18)
            target.flush()
            os.fsync(target.fileno())
        os.utime(path, (changed, changed))

    if read(archive, passphrase, take) != manifest:
        raise NotRestored("the backup changed while it was read")
    file, dumped = file_of(config.database_address), draft / DATABASE[manifest.database]
    if file is None:
        fill(config.database_address, dumped, replace=replace)
    _put_aside(config, file)
    for path in sorted((draft / DATA.rstrip("/")).glob("*")):
        path.replace(config.data / path.name)
    if file is not None:
        private.folder(file.parent)
        dumped.replace(file)
    for name, to in ((KEY, config.signing_key.file), (DICTIONARY, config.dictionary)):
        if to is not None and (draft / name).exists():
            private.folder(to.parent)
            shutil.move(draft / name, to)
    if (draft / CONFIG).exists():
        (draft / CONFIG).replace(config.data / "hub.yaml.restored")
    shutil.rmtree(draft)


def _put_aside(config: HubConfig, file: Path | None) -> None:
    """What was there, into a folder beside; the lock stays, for we hold it."""
    names = [*config.data.iterdir()]
    if file is not None and not file.parent.samefile(config.data):
        names += file.parent.glob(f"{file.name}*")
    old = [p for p in names if p.name != _DRAFT and p.suffix != ".lock" and not p.name.startswith("restored-over-")]
    if not old:
        return
    aside = config.data / f"restored-over-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    aside.mkdir(mode=0o700)
    for path in old:
        shutil.move(path, aside / path.name)
