"""What the time cannot be earlier than, on a board that has no battery clock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import edge_agent.version
from edge_agent.contract.enrolment import Grant

SOON = timedelta(days=7)
"""So long before its end a certificate that was not renewed is worth a visit."""
_NEVER = datetime(2026, 1, 1, tzinfo=UTC)


def written(*files: Path) -> datetime:
    """The newest time of these files and of this program: it is later than that, whatever the clock says."""
    newest = _NEVER
    for file in (Path(edge_agent.version.__file__), *files):
        try:
            newest = max(newest, datetime.fromtimestamp(file.stat().st_mtime, UTC))
        except (OSError, OverflowError, ValueError):
            continue
    return newest


def ends_soon(grant: Grant, now: datetime) -> bool:
    """Whether it should have been renewed long ago: a week before its end, or half of the time kept for renewals."""
    return grant.not_after - now < min(SOON, (grant.not_after - grant.renew_from) / 2)


def day(at: datetime) -> str:
    """An instant as people of this machine write it."""
    return f"{at.astimezone():%H:%M %d/%m/%Y}"
