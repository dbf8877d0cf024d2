"""A folder of signed updates, by The Update Framework: `metadata/` and `targets/`, as nodes fetch them.

Written by a person with the offline keys (`begin`, `add`) and kept fresh by the hub with the online one (`renew`).
"""

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

ROOT_LIFE = timedelta(days=5 * 365)
TARGETS_LIFE = timedelta(days=365)
SNAPSHOT_LIFE = timedelta(days=30)
TIMESTAMP_LIFE = timedelta(days=14)
"""A hub that is away for longer holds updates up, nothing else."""


class Repository:
    """The folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._metadata, self._targets = folder / "metadata", folder / "targets"

    @property
    def begun(self) -> bool:
        """Whether there is a root of trust in it."""
        return (self._metadata / "1.root.json").exists()

    def begin(self, root: CryptoSigner, targets: CryptoSigner, online: CryptoSigner) -> bytes:
        """Make the root of trust and an empty list; returns the root, which nodes get pinned. Raises OSError."""
        self._metadata.mkdir(parents=True, exist_ok=True)
        self._targets.mkdir(exist_ok=True)
        signed = Root(expires=_in(ROOT_LIFE), consistent_snapshot=True)
        signed.add_key(root.public_key, "root")
        signed.add_key(targets.public_key, "targets")
        signed.add_key(online.public_key, "snapshot")
        signed.add_key(online.public_key, "timestamp")
        content = _signed(Metadata(signed), root)
        _write(self._metadata / "1.root.json", content)
        self._publish(Targets(expires=_in(TARGETS_LIFE)), targets, online)
        return content

    def add(
        self, archive: Path, name: str, custom: Mapping[str, Any], targets: CryptoSigner, online: CryptoSigner
    ) -> None:
        """Offer an archive. The hash in its name makes a second version of the same file impossible. Raises OSError."""
        target = TargetFile.from_file(name, str(archive), ["sha256"])
        target.unrecognized_fields["custom"] = dict(custom)
        shutil.copyfile(archive, self._targets / f"{target.hashes['sha256']}.{name}")
        listed = self._listed()
        listed.targets[name] = target
        self._publish(_next(listed, TARGETS_LIFE), targets, online)

    def withdraw(self, name: str, targets: CryptoSigner, online: CryptoSigner) -> None:
        """Offer an archive no more. Raises KeyError, OSError."""
        listed = self._listed()
        gone = listed.targets.pop(name)
        self._publish(_next(listed, TARGETS_LIFE), targets, online)
        (self._targets / f"{gone.hashes['sha256']}.{name}").unlink(missing_ok=True)

    def offered(self) -> list[dict[str, Any]]:
        """What is offered: name, bytes and the words beside each archive."""
        if not self.begun:
            return []
        listed = self._listed().targets.items()
        return [{"name": name, "bytes": one.length, **dict(one.custom or {})} for name, one in sorted(listed)]

    def expires(self) -> datetime:
        """When nodes would call the list expired, if nobody signed it again. Raises OSError."""
        stamp: datetime = Metadata[Any].from_file(str(self._metadata / "timestamp.json")).signed.expires
        return stamp

    def renew(self, online: CryptoSigner) -> None:
        """Sign snapshot and timestamp again, before nodes call them expired. Raises OSError."""
        snapshot: Snapshot = self._load("snapshot").signed
        self._stamp(_next(snapshot, SNAPSHOT_LIFE), online)

    def _listed(self) -> Targets:
        signed: Targets = self._load("targets").signed
        return signed

    def _publish(self, listed: Targets, targets: CryptoSigner, online: CryptoSigner) -> None:
        _write(self._metadata / f"{listed.version}.targets.json", _signed(Metadata(listed), targets))
        snapshot = _next(self._load("snapshot").signed, SNAPSHOT_LIFE) if self._newest("snapshot") else Snapshot()
        snapshot.expires = _in(SNAPSHOT_LIFE)
        snapshot.meta["targets.json"] = MetaFile(version=listed.version)
        self._stamp(snapshot, online)

    def _stamp(self, snapshot: Snapshot, online: CryptoSigner) -> None:
        """Snapshot first, then the timestamp that names it: who fetches in between gets the older, whole pair."""
        _write(self._metadata / f"{snapshot.version}.snapshot.json", _signed(Metadata(snapshot), online))
        path = self._metadata / "timestamp.json"
        version = Metadata[Any].from_file(str(path)).signed.version + 1 if path.exists() else 1
        stamp = Timestamp(version, expires=_in(TIMESTAMP_LIFE), snapshot_meta=MetaFile(version=snapshot.version))
        _write(path, _signed(Metadata(stamp), online))

    def _load(self, role: str) -> "Metadata[Any]":
        return Metadata[Any].from_file(str(self._metadata / f"{self._newest(role)}.{role}.json"))

    def _newest(self, role: str) -> int:
        return max((int(path.name.split(".")[0]) for path in self._metadata.glob(f"*.{role}.json")), default=0)


def _in(life: timedelta) -> datetime:
    return (datetime.now(UTC) + life).replace(microsecond=0)


def _next(signed: Any, life: timedelta) -> Any:
    signed.version += 1
    signed.expires = _in(life)
    return signed


def _signed(metadata: "Metadata[Any]", signer: CryptoSigner) -> bytes:
    metadata.sign(signer)
    return bytes(metadata.to_bytes())


def _write(path: Path, content: bytes) -> None:
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(content)
    new.chmod(0o644)
    new.replace(path)
