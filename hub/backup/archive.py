"""The file of a backup: a tar, sealed where a passphrase is given. The manifest comes last, with each file's hash."""

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from hub.backup.sealing import MAGIC, Opener, Sealer, Unreadable

MANIFEST = "manifest.json"
_BLOCK = 1 << 18
Take = Callable[[str, BinaryIO, float], None]


class Kept(BaseModel):
    """One file: how many bytes, and their SHA-256."""

    model_config = ConfigDict(frozen=True)

    size: int
    sha256: str


class Manifest(BaseModel):
    """What the backup holds, of whom, and when it was made."""

    model_config = ConfigDict(frozen=True)

    format: int = 1
    at: str
    version: str
    database: str
    """sqlite or postgresql."""
    key: str
    """The public key of the commands, which nodes pin."""
    files: dict[str, Kept]


class Writer:
    """Adds files one after the other."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.files: dict[str, Kept] = {}

    def add(self, name: str, path: Path) -> None:
        """A file as it is now; one that grows meanwhile is taken as long as it was. One that is gone is left out.

        Raises OSError where it shrinks meanwhile.
        """
        try:
            source = path.open("rb")
        except FileNotFoundError:
            return
        with source:
            found = os.fstat(source.fileno())
            size = found.st_size
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = size, 0o600, found.st_mtime
            hashed = _Hashed(source)
            self._tar.addfile(member, cast(BinaryIO, hashed))
        self.files[name] = Kept(size=size, sha256=hashed.hash.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """The manifest: without it a backup is none."""
        body = manifest.model_dump_json().encode()
        member = tarfile.TarInfo(MANIFEST)
        member.size, member.mode = len(body), 0o600
        self._tar.addfile(member, io.BytesIO(body))


@contextmanager
def writing(path: Path, passphrase: str | None) -> Iterator[Writer]:
    """A new backup at `path` (0600), there only when it is whole and on the disk. Raises OSError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            sealer = Sealer(file, passphrase) if passphrase else None
            with tarfile.open(fileobj=cast(Any, sealer or file), mode="w|", format=tarfile.PAX_FORMAT) as tar:
                yield Writer(tar)
            if sealer is not None:
                sealer.close()
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read(path: Path, passphrase: str | None, take: Take) -> Manifest:
    """Go through a backup: `take` gets name, bytes and time of change of each file, and need not read them.

    Raises Unreadable, at the latest at the end, when anything in it is not as it was written; OSError.
    """
    found: dict[str, Kept] = {}
    manifest: Manifest | None = None
    with path.open("rb") as file:
        try:
            with tarfile.open(fileobj=cast(Any, _opened(file, passphrase)), mode="r|") as tar:
                for member in tar:
                    source = tar.extractfile(member) if member.isfile() else None
                    if manifest is not None or source is None or not _is_plain(member.name):
                        raise Unreadable(f"it holds what no backup of ours does: {member.name[:100]!r}")
                    if member.name == MANIFEST:
                        manifest = Manifest.model_validate_json(source.read(64 << 20))
                        continue
                    hashed = _Hashed(source)
                    take(member.name, cast(BinaryIO, hashed), float(member.mtime))
                    while hashed.read(_BLOCK):
                        pass
                    found[member.name] = Kept(size=member.size, sha256=hashed.hash.hexdigest())
        except (tarfile.TarError, EOFError, ValidationError) as error:
            raise Unreadable("it is cut off, damaged, or no backup") from error
    if manifest is None:
        raise Unreadable("it is cut off")
    if manifest.files != found:
        raise Unreadable("what it holds is not what its manifest says")
    return manifest


def is_sealed(path: Path) -> bool:
    """Whether it takes a passphrase. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _opened(file: BinaryIO, passphrase: str | None) -> object:
    if file.read(len(MAGIC)) == MAGIC:
        if not passphrase:
            raise Unreadable("it is sealed: give --passphrase-file")
        return Opener(file, passphrase)
    file.seek(0)
    return file


def _is_plain(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and "\x00" not in name


class _Hashed:
    """Reads through, and hashes what was read."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._inner.read(size)
        self.hash.update(data)
        return data
