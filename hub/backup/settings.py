"""Where nightly backups go, and how many are kept."""

from pathlib import Path

from pydantic import Field

from edge_agent.contract.base import Strict


class Backups(Strict):
    """Nightly backups (edge-hub-backup.timer). Keep the folder on another disk, and copies on another machine."""

    folder: Path = Field(description="Best on another disk")
    keep: int = Field(default=14, ge=1, le=1000, description="So many, the newest")
    mb: int = Field(default=20_000, ge=10, description="MB all together; the newest is kept in any case")
    passphrase_file: Path | None = Field(default=None, description="Seals each; without the passphrase it is lost")
