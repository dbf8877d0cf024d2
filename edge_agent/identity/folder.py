"""The identity on the disk: whole after a power cut at any step.

`node.key` and `grant.json` are what holds; `node.pem` and `ca.pem` are its certificates as programs like them. What is
still on trial lies beside them as `next.key` and `next.json`, and takes their place by two renames. A cut between the
two leaves a key that fits the certificate on trial: that is seen, and the second rename is done.
`keys.json` is what a `keys.update` told after the grant; it counts within one enrolment.
"""

import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from cryptography import x509
from pydantic import ValidationError

from edge_agent.contract.enrolment import Grant
from edge_agent.contract.errors import Refusal
from edge_agent.identity.command_keys import CommandKeys, kept_keys
from edge_agent.identity.keystore import FileKey, KeyStore, spki
from edge_agent.store.files import sync_folder, write_atomically

_MOST = 64 * 1024
_KEY, _GRANT = "node.key", "grant.json"
_NEXT_KEY, _NEXT_GRANT = "next.key", "next.json"
_PLACE = "enrolled.json"
_KEYS = "keys.json"


@dataclass(frozen=True, slots=True)
class Identity:
    """A grant, and where its key and certificates are."""

    grant: Grant
    key: Path
    certificate: Path
    ca: Path
    hub_token: Path
    command_keys: CommandKeys


@dataclass(frozen=True, slots=True)
class Place:
    """Where the node was enrolled, on which board, and the mark of the token that was used up for it."""

    hub: str
    board: str
    token: str = ""


P = ParamSpec("P")
T = TypeVar("T")


def _locked(work: Callable[Concatenate["IdentityFolder", P], T]) -> Callable[Concatenate["IdentityFolder", P], T]:
    """One at a time on this folder: the running agent looks into it while a command enrols."""

    @wraps(work)
    def alone(self: "IdentityFolder", /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self.alone():
            return work(self, *args, **kwargs)

    return alone


class IdentityFolder:
    """One node's identity. Blocks; all of it raises OSError where the disk refuses."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._turn = threading.RLock()
        self._depth = 0

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes out of the folder, where there is one."""
        with self._turn, contextlib.ExitStack() as stack:
            if self._depth == 0 and self.path.is_dir():
                descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                stack.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1

    @_locked
    def read(self) -> Identity | None:
        """What holds now; None before the enrolment. Raises Refusal `identity.broken`."""
        self._finish()
        grant = self._grant(_GRANT)
        if grant is None:
            return None
        if not self._fits(grant, _KEY):
            raise Refusal("identity.broken", path=str(self.path), detail=_KEY)
        return self._written(grant, _KEY, "node", "ca")

    @_locked
    def on_trial(self) -> Identity | None:
        """What the hub granted and no broker has accepted yet."""
        try:
            grant = self._grant(_NEXT_GRANT)
        except Refusal:  # of no use: it is asked for again
            return None
        if grant is None or not self._fits(grant, _NEXT_KEY):
            return None
        return self._written(grant, _NEXT_KEY, "next", "next-ca")

    def place(self) -> Place | None:
        """Where and on which board this node was enrolled."""
        content = self._content(_PLACE)
        if content is None:
            return None
        try:
            told = json.loads(content)
            return Place(str(told["hub"]), str(told["board"]), str(told.get("token", "")))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Refusal("identity.broken", path=str(self.path), detail=_PLACE) from error

    def key(self) -> KeyStore:
        """The present key. Raises OSError; ValueError where it is none."""
        return FileKey.read(self.path / _KEY)

    @_locked
    def next_key(self) -> KeyStore:
        """The key for the next certificate; the same one again until that has come, however often it is asked for.

        The hub then knows a repeated question, whose answer was lost, from a second box with the same token.
        """
        self.make()
        path = self.path / _NEXT_KEY
        try:
            return FileKey.read(path)
        except (FileNotFoundError, ValueError):
            made = FileKey.make(path)
            _give(path, self.path)
            return made

    def make(self) -> None:
        """The folder, for its owner alone."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(PermissionError):
            self.path.chmod(0o700)
        _give(self.path, self.path.parent)

    @_locked
    def put_on_trial(self, grant: Grant) -> None:
        """Keep what the hub granted for `next_key`. Raises Refusal `enrol.bad_answer` where it is for another key."""
        if not self._fits(grant, _NEXT_KEY):
            raise Refusal("enrol.bad_answer", detail="the certificate is not for our key")
        self._write(_NEXT_GRANT, grant.model_dump_json().encode())

    @_locked
    def settle(self, place: Place | None = None) -> Identity:
        """What is on trial holds from now on. Raises Refusal `identity.broken` where nothing usable was."""
        if place is not None:
            self._write(_PLACE, json.dumps(asdict(place)).encode())
        if self.on_trial() is not None:
            (self.path / _NEXT_KEY).replace(self.path / _KEY)
            sync_folder(self.path)
        settled = self.read()
        if settled is None:
            raise Refusal("identity.broken", path=str(self.path), detail=_GRANT)
        return settled

    @_locked
    def keep_keys(self, keys: CommandKeys) -> Identity:
        """Believe these from now on. Raises Refusal `keys.old` where newer ones, or other ones with this number, hold;
        `identity.none` before the enrolment.
        """
        present = self.read()
        if present is None:
            raise Refusal("identity.none")
        held = present.command_keys
        if keys.number > held.number:
            self._write(_KEYS, keys.content(self._enrolment()))
        elif keys != held:
            raise Refusal("keys.old", number=keys.number, held=held.number)
        return self.read() or present

    @_locked
    def drop_trial(self) -> None:
        """Nobody accepted what was on trial."""
        for name in (_NEXT_GRANT, _NEXT_KEY, "next.pem", "next-ca.pem", "next.token"):
            (self.path / name).unlink(missing_ok=True)
        sync_folder(self.path)

    def _finish(self) -> None:
        """The second of the two renames, where the key in place is already the next one."""
        try:
            grant = self._grant(_NEXT_GRANT)
        except Refusal:
            return
        if grant is not None and self._fits(grant, _KEY):
            (self.path / _NEXT_GRANT).replace(self.path / _GRANT)
            sync_folder(self.path)

    def _written(self, grant: Grant, key: str, stem: str, ca: str) -> Identity:
        """With the files that TLS wants, which are made anew where they are not as the grant says."""
        stem_path = self.path / f"{stem}.pem"
        ca_path = self.path / f"{ca}.pem"
        token = self.path / f"{stem}.token"
        for path, content in ((stem_path, grant.certificate), (ca_path, grant.ca), (token, _token(grant))):
            if self._content(path.name) != content.encode():
                self._write(path.name, content.encode())
        return Identity(grant, self.path / key, stem_path, ca_path, token, self._newest_keys(grant))

    def _newest_keys(self, grant: Grant) -> CommandKeys:
        """Of the grant, or of the newer `keys.update` of the same enrolment."""
        granted = CommandKeys(grant.keys_number, grant.command_keys)
        kept = kept_keys(self._content(_KEYS), self._enrolment())
        return kept if kept is not None and kept.number > granted.number else granted

    def _enrolment(self) -> str:
        place = self.place()
        return place.token if place is not None else ""

    def _grant(self, name: str) -> Grant | None:
        content = self._content(name)
        if content is None:
            return None
        try:
            return Grant.model_validate_json(content)
        except ValidationError as error:
            raise Refusal("identity.broken", path=str(self.path), detail=name) from error

    def _fits(self, grant: Grant, key: str) -> bool:
        try:
            public = x509.load_pem_x509_certificate(grant.certificate.encode()).public_key()
            return spki(public) == FileKey.read(self.path / key).public
        except (ValueError, FileNotFoundError):
            return False

    def _content(self, name: str) -> bytes | None:
        try:
            with (self.path / name).open("rb") as file:
                return file.read(_MOST)
        except FileNotFoundError:
            return None

    def _write(self, name: str, content: bytes) -> None:
        write_atomically(self.path / name, content, 0o600)
        _give(self.path / name, self.path)


def _token(grant: Grant) -> str:
    return grant.hub.token if grant.hub is not None else ""


def _give(path: Path, beside: Path) -> None:
    """What root writes here by hand must be readable for the agent: it belongs to whom the folder around it does."""
    if os.geteuid() == 0:
        owner = beside.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
