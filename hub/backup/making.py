"""Makes a backup: first the database, then the files, so that each file that the database names is there."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from edge_agent.version import VERSION
from hub.backup.archive import Manifest, writing
from hub.backup.dumping import dump
from hub.config import HubConfig
from hub.database import file_of
from hub.keyring import KeyRing

DATA = "data/"
DATABASE = {"sqlite": "database/hub.sqlite3", "postgresql": "database/hub.pgdump"}
CONFIG = "configuration/hub.yaml"
KEY = "keys/signing.key"
DICTIONARY = "keys/dictionary.yaml"
"""Where they lie in the backup, if they do not lie in the data folder."""
_NOT = ("previews/", "voice/", "restored-over-", ".restoring/")
"""What is made anew when it is needed, or was put aside."""


def back_up(file: Path, config: HubConfig, to: Path, passphrase: str | None) -> Manifest:
    """Write one file with everything of the hub; it may run meanwhile.

    Raises ConfigError, DumpFailed, OSError: then there is no file, and an older one of the same name is as it was.
    """
    address = config.database_address
    kind = address.get_backend_name()
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=to.parent) as folder, writing(to, passphrase) as archive:
        dumped = Path(folder) / "database"
        dump(address, dumped)
        archive.add(DATABASE[kind], dumped)
        dumped.unlink()
        for path in _files(config):
            archive.add(f"{DATA}{path.relative_to(config.data).as_posix()}", path)
        archive.add(CONFIG, file)
        for name, elsewhere in ((KEY, config.signing_key.file), (DICTIONARY, config.dictionary)):
            if elsewhere is not None and not elsewhere.is_relative_to(config.data) and not _retired(config, elsewhere):
                archive.add(name, elsewhere)
        manifest = Manifest(
            at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            version=VERSION,
            database=kind,
            key=KeyRing(config).public,
            files=archive.files,
        )
        archive.finish(manifest)
    return manifest


def _retired(config: HubConfig, key: Path) -> bool:
    """Whether it is the hub's first command key, and a rotation has ended it."""
    return key == config.signing_key.file and bool(KeyRing(config).state.number) and not key.exists()


def _files(config: HubConfig) -> Iterator[Path]:
    """Everything in the data folder but the database, locks, unfinished files and what can be made again."""
    database = file_of(config.database_address)
    for path in sorted(config.data.rglob("*")):
        name = path.relative_to(config.data).as_posix()
        of_database = database is not None and path.parent == database.parent and path.name.startswith(database.name)
        unfinished = any(part.startswith(".") for part in path.relative_to(config.data).parts)
        if path.is_symlink() or not path.is_file() or of_database or unfinished or name.startswith(_NOT):
            continue
        yield path
