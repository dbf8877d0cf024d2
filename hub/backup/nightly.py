"""The backups of a folder: a new one each night, the oldest go, and how old the newest is."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hub.backup.settings import Backups
from hub.people.acting import person
from hub.people.rights import Right
from hub.sentences import Speaker

TOO_OLD = timedelta(days=3)
_PATTERN = "hub-*.backup"


def name_of(at: datetime) -> str:
    """The name of a backup that is made then."""
    return f"hub-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}.backup"


def all_of(folder: Path) -> list[Path]:
    """The backups, newest first. Raises OSError."""
    return sorted((path for path in folder.glob(_PATTERN) if path.is_file()), key=lambda p: p.name, reverse=True)


def rotate(settings: Backups) -> list[Path]:
    """Remove what is too much, by count and by bytes, never the newest. Returns what was removed. Raises OSError."""
    removed, total = [], 0
    for place, path in enumerate(all_of(settings.folder)):
        total += path.stat().st_size
        if place and (place >= settings.keep or total > settings.mb * 1_000_000):
            path.unlink()
            removed.append(path)
    return removed


def newest(folder: Path) -> datetime | None:
    """When the newest was made; None: there is none, or nobody can look."""
    try:
        found = all_of(folder)
        return datetime.fromtimestamp(found[0].stat().st_mtime, UTC) if found else None
    except OSError:
        return None


def in_words(folder: Path | None, speak: Speaker) -> tuple[str, ...]:
    """A sentence where the newest is too old, for whom administers the hub; nothing where no backups are configured."""
    if folder is None or not person().may_somewhere(Right.ADMINISTER):
        return ()
    last = newest(folder)
    if last is None:
        return (speak.t("backup.none", folder=str(folder)),)
    return () if speak.now - last <= TOO_OLD else (speak.t("backup.old", at=speak.moment(last), folder=str(folder)),)
