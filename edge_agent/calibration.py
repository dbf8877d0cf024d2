"""What was measured of a driver when its box was accepted: beside it, so that nobody rewrites the configuration."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from edge_agent.store.files import write_atomically

_FILE = "calibration.json"
LATENCY = "latency_ms"
MOST_MS = 2000.0
"""What is later than this was not measured, but mistaken."""


def save(folder: Path, figures: Mapping[str, float | str]) -> None:
    """Keep figures in a driver's own folder. Raises OSError."""
    write_atomically(folder / _FILE, json.dumps(dict(figures)).encode())


def load(folder: Path) -> dict[str, Any]:
    """What was kept; empty where there is nothing that can be read."""
    try:
        kept = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def applied(settings: dict[str, Any], config: type[BaseModel], folder: Path) -> dict[str, Any]:
    """The settings of a driver with its measured latency, unless the configuration names another than 0."""
    if LATENCY not in config.model_fields or settings.get(LATENCY):
        return settings
    measured = load(folder).get(LATENCY)
    if isinstance(measured, int | float) and math.isfinite(measured) and abs(measured) <= MOST_MS:
        return {**settings, LATENCY: float(measured)}
    return settings
