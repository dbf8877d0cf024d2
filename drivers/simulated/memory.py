"""What a simulated cabinet remembers through a restart, as a relay board with a memory and real meters do."""

import json
import math
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Memory:
    """Outputs (line -> level 0..100), counters (channel -> kWh or litres), litres in the tank."""

    outputs: Mapping[str, float] = field(default_factory=dict)
    counters: Mapping[str, float] = field(default_factory=dict)
    tank: float | None = None


def load(path: Path) -> Memory:
    """Read what was kept; nothing, where the file is missing or is not what `save` wrote."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Memory()
    if not isinstance(data, dict):
        return Memory()
    tank = data.get("tank")
    levels = {line: level for line, level in _numbers(data.get("outputs")).items() if level <= 100}
    return Memory(levels, _numbers(data.get("counters")), tank if _is_amount(tank) else None)


def save(path: Path, memory: Memory) -> None:
    """Replace what was kept. Raises OSError."""
    replace(path, json.dumps(asdict(memory)))


def replace(path: Path, text: str) -> None:
    """Replace a file in one act, so that another process reads the old one or the new one. Raises OSError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _numbers(data: Any) -> dict[str, float]:
    return (
        {str(key): float(value) for key, value in data.items() if _is_amount(value)} if isinstance(data, dict) else {}
    )


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
