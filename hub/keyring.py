"""The keys that sign commands: one as a rule, two while nodes learn the next one. What holds now lies in a file.

`command-keys/keys.json` in the data folder appears with the first rotation; until then there is only `signing_key` of
the hub's file. `edge-hub key` writes it beside the running hub, which looks at it every few seconds.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from edge_agent.contract.base import iso
from edge_agent.contract.enrolment import GrantedKey
from edge_agent.contract.signature import Signer
from hub import private
from hub.config import ConfigError, HubConfig, SigningKey
from hub.enrolment.files import SECRET, put
from hub.keys import signer

FOLDER = "command-keys"


class WrongMoment(Exception):
    """A step of the rotation that cannot be made now; the text says why."""


@dataclass(frozen=True, slots=True)
class KeyState:
    """What the file says. `keys`: all that hold, by id the file (empty: that of the hub's file); `signs`: one's id.

    `number` is 0 before the first rotation and grows with each change. `until`: the end of the overlap, while two hold.
    """

    number: int
    keys: tuple[tuple[str, str], ...]
    signs: str
    until: datetime | None = None

    @property
    def rotating(self) -> bool:
        """Whether nodes are learning the next key."""
        return len(self.keys) > 1


class KeyRing:
    """Signs as `Signer` does, by the key whose turn it is."""

    def __init__(self, config: HubConfig) -> None:
        """Raises ConfigError where a key cannot be used; the first one is made where there is none."""
        self._folder = config.data / FOLDER
        self._file = self._folder / "keys.json"
        self._first = config.signing_key
        self._stamp: tuple[int, int] | None = None
        self._take(self._read())

    @property
    def state(self) -> KeyState:
        """What holds now."""
        return self._held[0]

    @property
    def key_id(self) -> str:
        """Of the key that signs."""
        return self.state.signs

    @property
    def public(self) -> str:
        """Of the key that signs, base64url."""
        state, signers = self._held
        return signers[state.signs].public

    def sign(self, payload: bytes) -> bytes:
        """The JWS as JSON, by the key that signs."""
        state, signers = self._held
        return signers[state.signs].sign(payload)

    def known_signer(self) -> Signer:
        """By the key that each node has that missed no rotation: the older one, as long as two hold."""
        state, signers = self._held
        return signers[state.keys[0][0]]

    def granted(self) -> tuple[GrantedKey, ...]:
        """All that hold, as nodes are told."""
        state, signers = self._held
        return tuple(GrantedKey(id=id_, public=signers[id_].public) for id_, _ in state.keys)

    def reload(self) -> bool:
        """Look whether `edge-hub key` has changed something. Raises ConfigError; then all is as it was."""
        if self._seen() == self._stamp:
            return False
        self._take(self._read())
        return True

    def rotate(self, now: datetime, overlap: timedelta) -> None:
        """Make the next key beside the present one. Raises WrongMoment, ConfigError, OSError."""
        with self._alone():
            state = self.state
            if state.rotating:
                raise WrongMoment("a rotation is under way: see edge-hub key status, or end it by edge-hub key finish")
            number = self._next(now)
            made = f"{self._first.id}-{number}"
            signer(SigningKey(id=self._first.id, file=self._folder / f"{made}.key"))
            self._write(KeyState(number, (*state.keys, (made, f"{made}.key")), state.signs, now + overlap))

    def switch(self) -> bool:
        """Sign with the next key from now on; False where it is so already. Raises ConfigError, OSError."""
        with self._alone():
            state = self.state
            if not state.rotating or state.signs == state.keys[-1][0]:
                return False
            self._write(replace(state, signs=state.keys[-1][0]))
            return True

    def finish(self, now: datetime) -> Path:
        """Only the next key holds from now on. The old one's file, which is of use to nobody any more but a thief.

        Raises WrongMoment, ConfigError, OSError.
        """
        with self._alone():
            state = self.state
            if not state.rotating:
                raise WrongMoment("no rotation is under way: see edge-hub key rotate")
            old = self._path(state.keys[0][1])
            self._write(KeyState(self._next(now), state.keys[1:], state.keys[-1][0]))
            return old

    def _next(self, now: datetime) -> int:
        """By the clock, so that a hub that was set up again from an old backup does not count what was used before."""
        return max(self.state.number + 1, int(now.timestamp()))

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process changes it meanwhile; begins with what is in the file."""
        private.folder(self._folder)
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self.reload()
            yield
        finally:
            os.close(descriptor)

    def _seen(self) -> tuple[int, int] | None:
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    def _read(self) -> KeyState:
        self._stamp = self._seen()
        try:
            told = json.loads(self._file.read_text(encoding="utf-8"))
            keys = tuple((str(key["id"]), str(key["file"])) for key in told["keys"])
            until = datetime.fromisoformat(told["until"]) if told["until"] else None
            state = KeyState(int(told["number"]), keys, str(told["signs"]), until)
        except FileNotFoundError:
            return KeyState(0, ((self._first.id, ""),), self._first.id)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"cannot use {self._file}: {error}") from error
        if state.signs not in dict(keys):
            raise ConfigError(f"cannot use {self._file}: nothing is known of the key {state.signs}")
        return state

    def _take(self, state: KeyState) -> None:
        found = {}
        for id_, name in state.keys:
            path = self._path(name)
            if state.number and not path.exists():  # to make one would only look as if it were well
                raise ConfigError(f"the key {id_} is missing: {path}")
            found[id_] = signer(SigningKey.model_construct(id=id_, file=path))
        self._held = state, found  # at one stroke: another thread may be looking

    def _write(self, state: KeyState) -> None:
        told = {
            "number": state.number,
            "keys": [{"id": id_, "file": name} for id_, name in state.keys],
            "signs": state.signs,
            "until": iso(state.until) if state.until else None,
        }
        put(self._file, json.dumps(told, indent=1).encode(), SECRET)
        self._take(self._read())

    def _path(self, name: str) -> Path:
        return self._folder / name if name else self._first.file or Path("signing.key")
