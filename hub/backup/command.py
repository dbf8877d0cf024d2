"""`edge-hub backup` and `edge-hub restore`."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click
from sqlalchemy.exc import SQLAlchemyError

from hub.backup import nightly
from hub.backup.archive import Manifest, read
from hub.backup.dumping import DumpFailed
from hub.backup.making import back_up
from hub.backup.restoring import NotRestored, restore
from hub.backup.sealing import Unreadable
from hub.config import ConfigError, HubConfig, load
from hub.database import why

_PASSPHRASE = click.option(
    "--passphrase-file", type=click.Path(path_type=Path), help="Its content seals the backup; keep it elsewhere too."
)
_FAULTS = (ConfigError, DumpFailed, NotRestored, Unreadable, OSError, SQLAlchemyError)


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("archive", type=click.Path(path_type=Path, dir_okay=False), required=False)
@_PASSPHRASE
@click.option("--nightly", "by_night", is_flag=True, help="Into the folder of `backups` in FILE; the oldest go.")
def backup(file: Path, archive: Path | None, passphrase_file: Path | None, by_night: bool) -> None:
    """Write database, keys and media of the hub that FILE describes into one file. The hub may run meanwhile."""
    try:
        config = load(file)
        if by_night:
            settings = config.backups
            if settings is None:
                _give_up(f"{file} has no section `backups`")
            settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            archive = settings.folder / nightly.name_of(datetime.now(UTC))
            passphrase_file = passphrase_file or settings.passphrase_file
        if archive is None:
            _give_up("give the file to write, or --nightly")
        made = back_up(file, config, archive.absolute(), _passphrase(passphrase_file))
        removed = nightly.rotate(settings) if by_night and settings else []
    except _FAULTS as error:
        _give_up(f"there is no backup: {_said(error)}")
    click.echo(
        f"{archive}: {_told(made)}, {archive.stat().st_size / 1e6:.1f} MB{'' if passphrase_file else ', NOT sealed'}"
    )
    for path in removed:
        click.echo(f"removed {path}")


@click.command("restore")
@click.argument("archive", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--to", "file", type=click.Path(path_type=Path), help="The configuration of the hub to fill.")
@_PASSPHRASE
@click.option("--replace", is_flag=True, help="Also where something is; files are put aside in the data folder.")
def restore_command(archive: Path, file: Path | None, passphrase_file: Path | None, replace: bool) -> None:
    """Look through a backup, and with --to bring it back into folder and database of a hub that does not run."""
    try:
        passphrase = _passphrase(passphrase_file)
        if file is None:
            click.echo(f"{archive} is whole: {_told(read(archive, passphrase, lambda _name, _source, _changed: None))}")
            return
        config: HubConfig = load(file)
        made = restore(archive, config, passphrase, replace=replace)
    except _FAULTS as error:
        _give_up(f"not restored: {_said(error)}")
    click.echo(f"{config.data}: {_told(made)}")
    if os.geteuid() == 0:
        click.echo(f"Give it to the hub's account: chown -R edge-hub: {config.data}", err=True)


def _told(made: Manifest) -> str:
    return f"{len(made.files)} files of {made.at}, {made.database}, command key {made.key}"


def _passphrase(file: Path | None) -> str | None:
    """Raises ConfigError where it is empty, OSError."""
    if file is None:
        return None
    text = file.read_text(encoding="utf-8").strip()
    if not text:
        raise ConfigError(f"{file} is empty")
    return text


def _said(error: Exception) -> str:
    return why(error) if isinstance(error, SQLAlchemyError) else str(error)


def _give_up(reason: str) -> NoReturn:
    click.echo(f"edge-hub: {reason}", err=True)
    sys.exit(2)
