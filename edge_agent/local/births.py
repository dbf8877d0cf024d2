"""The node's birth record on its disk, and on its way to the hub."""

import json
import logging
from pathlib import Path

from edge_agent.contract.birth import SignedBirth
from edge_agent.recorder import Recorder
from edge_agent.store.files import sync_folder, write_atomically

log = logging.getLogger(__name__)
_RECORD, _UNTOLD = "record.json", "untold"


def folder_of(storage: Path) -> Path:
    """Where it lies."""
    return storage / "birth"


def keep(storage: Path, signed: SignedBirth) -> None:
    """Keep it, and remember that nobody was told yet. Raises OSError."""
    folder = folder_of(storage)
    write_atomically(folder / _RECORD, signed.body())
    write_atomically(folder / _UNTOLD, b"")


def kept(storage: Path) -> SignedBirth | None:
    """The record of this box; None where it was never accepted, or the file is spoilt."""
    try:
        return SignedBirth.model_validate_json((folder_of(storage) / _RECORD).read_bytes())
    except (OSError, ValueError):
        return None


async def tell(storage: Path, recorder: Recorder) -> bool:
    """Put a record of which nobody was told yet into the outbox; whether there was one. A power cut tells it twice."""
    untold = folder_of(storage) / _UNTOLD
    signed = kept(storage) if untold.exists() else None
    if signed is None:
        return False
    recorder.event("installed", **json.loads(signed.body()))
    await recorder.flush()
    try:
        untold.unlink(missing_ok=True)
        sync_folder(untold.parent)
    except OSError as error:  # then it is told once more, and the hub knows it by its id
        log.warning("that the birth record was told cannot be written down: %s", error)
    return True
