"""What a card loses and gains, without a secret in it."""

import difflib
import re
from dataclasses import dataclass
from typing import Any, Literal

from edge_agent.card.files import SECRETS, Card
from edge_agent.card.target import Target

_SECRET = (
    (re.compile(r'(?m)^(\s*(?:-\s*)?"?(?:passwd|password|token|psk)"?\s*:\s*).+$'), r"\1…"),
    (re.compile(r"(?m)^(\S*userconf \S+ ).+$"), r"\1…"),
    (re.compile(r"(set_wlan (?:'[^']*'|\S+) )\S+"), r"\1…"),
)


@dataclass(frozen=True, slots=True)
class Change:
    """One file. `lines`: the difference as `diff -u` shows it, secrets masked."""

    path: str
    change: Literal["new", "changed", "same", "removed"]
    size: int
    lines: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"path": self.path, "change": self.change, "bytes": self.size}


def differences(card: Card, target: Target) -> list[Change]:
    """Each file of a card against what is there now."""
    return [_change(path, target.read(path), data) for path, data in card.files.items()]


def _change(path: str, old: bytes | None, new: bytes | None) -> Change:
    if new is None:
        return Change(path, "removed", 0, ())
    kind: Literal["new", "changed", "same"] = "new" if old is None else "same" if old == new else "changed"
    if path.startswith(f"{SECRETS}/"):
        return Change(path, kind, len(new), ("+ …",))
    lines = difflib.unified_diff(_masked(old or b""), _masked(new), lineterm="", n=1)
    return Change(path, kind, len(new), tuple(line for line in lines if not line.startswith(("---", "+++"))))


def _masked(data: bytes) -> list[str]:
    text = data.decode("utf-8", "replace")
    for pattern, shown in _SECRET:
        text = pattern.sub(shown, text)
    return text.splitlines()
