"""Counts of pulses in a file: written whole or not at all, and seldom, for the sake of the card."""

import json
import os
from logging import Logger
from pathlib import Path

NAME = "counts.json"


def load(directory: Path, logger: Logger) -> dict[str, int]:
    """Counts by line; none when there is no file, or when it cannot be understood (it is set aside then)."""
    path = directory / NAME
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {str(line): max(0, int(count)) for line, count in kept.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        logger.error("%s cannot be read, counting begins anew: %s", path, error)
        _set_aside(path, logger)
        return {}


def save(directory: Path, counts: dict[str, int]) -> None:
    """Replace the file, through to the disk. Raises OSError."""
    path, new = directory / NAME, directory / f"{NAME}.new"
    with new.open("w", encoding="utf-8") as file:
        json.dump(counts, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _set_aside(path: Path, logger: Logger) -> None:
    try:
        path.replace(path.with_name(f"{path.name}.bad"))
    except OSError as error:
        logger.error("%s cannot be set aside: %s", path, error)
