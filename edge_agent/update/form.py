"""The configuration on both sides of a switch: the new version reads it before it runs, and the old form comes back.

Whoever wrote into the file during a trial keeps what was written: only our own copy is ever replaced.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from edge_agent.contract.errors import Refusal
from edge_agent.store.files import write_atomically

_LIMIT_S = 120
_OLD, _NEW = "node.yaml.old", "node.yaml.new"


@dataclass(frozen=True, slots=True)
class Trial:
    """Runs programs of a slot that has not proven itself, as somebody who may do little."""

    user: str | None = None
    """An account; None: as who we are (a test, or no root)."""

    def run(self, folder: Path, *words: str) -> bytes:
        """What `edge-agent WORDS...` of that slot says. Raises Refusal `update.does_not_run`."""
        who = {"user": self.user, "group": self.user, "extra_groups": ()} if self.user and os.geteuid() == 0 else {}
        try:
            done = subprocess.run(
                [str(folder / "bin/python"), "-I", "-B", "-m", "edge_agent", *words],
                capture_output=True,
                timeout=_LIMIT_S,
                check=False,
                cwd="/",
                stdin=subprocess.DEVNULL,
                env={"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", "EDGE_LANG": "en"},
                **who,  # type: ignore[call-overload]
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise Refusal("update.does_not_run", detail=f"{type(error).__name__}: {error}"[:300]) from error
        if done.returncode not in (0, 2):
            told = done.stderr.decode(errors="replace").strip()[-300:]
            raise Refusal("update.does_not_run", detail=f"{' '.join(words)}: exit {done.returncode}: {told}")
        return bytes(done.stdout)


class Form:
    """The configuration file, the old copy and the new one beside each other in the installer's folder."""

    def __init__(self, config: Path, keep: Path, trial: Trial) -> None:
        self._config = config
        self._old, self._new = keep / _OLD, keep / _NEW
        self._trial = trial

    def prepare(self, slot: Path) -> bool:
        """Have the new version read the configuration; whether it needs a form of its own, which is then ready.

        Raises Refusal `update.does_not_run`, `update.config`.
        """
        self._new.unlink(missing_ok=True)
        self._old.unlink(missing_ok=True)
        if not self._config.exists():
            return False
        migrated = self._trial.run(slot, "update", "migrate", str(self._config))
        content = self._config.read_bytes()
        if migrated == content:
            self._must_read(slot, self._config)
            return False
        write_atomically(self._new, migrated, 0o644)
        self._must_read(slot, self._new)
        write_atomically(self._old, content, 0o644)
        return True

    def _must_read(self, slot: Path, file: Path) -> None:
        try:
            said = json.loads(self._trial.run(slot, "check", "--json", str(file)))
            problems = [] if said["ok"] else [f"{one.get('line')}: {one.get('text')}" for one in said["problems"]]
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise Refusal("update.does_not_run", detail=f"check: {error}"[:300]) from error
        if problems or not said["ok"]:
            raise Refusal("update.config", detail="; ".join(problems)[:400])

    def kept(self) -> bool:
        """Whether the form before the last switch is still there."""
        return self._old.exists() and self._new.exists()

    def forward(self) -> None:
        """The new form is in its place; done twice it does nothing more. Raises OSError."""
        self._replace(self._old, self._new)

    def back(self) -> None:
        """The old form is in its place again, unless somebody wrote the file meanwhile. Raises OSError."""
        self._replace(self._new, self._old)

    def _replace(self, expected: Path, by: Path) -> None:
        if self._config.read_bytes() == expected.read_bytes():
            mode = self._config.stat().st_mode & 0o777
            write_atomically(self._config, by.read_bytes(), mode)
