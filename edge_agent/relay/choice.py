"""Which source is heard. Pure: knows neither sockets nor sound."""

from dataclasses import dataclass
from typing import Literal

Source = Literal["main", "backup", "stand-in", "silence"]
_RANK: dict[str, int] = {"main": 0, "backup": 1, "stand-in": 2, "silence": 3}


@dataclass(slots=True)
class Health:
    """Of one station. `well_since`: since when its sound flows without a break; `failed`: whether it was given up."""

    well_since: float | None = None
    failed: bool = False


class Choice:
    """Main source, else backup, else stand-in, else silence; back to the main one when it has been well for a while."""

    def __init__(self, healthy_s: float, grace_s: float, *, has_backup: bool, has_stand_in: bool) -> None:
        """`grace_s`: silence that is borne before the stand-in begins, while a station may still answer."""
        self._healthy_s = healthy_s
        self._grace_s = grace_s
        self._has_backup = has_backup
        self._has_stand_in = has_stand_in
        self.source: Source = "silence"
        self._silent_from: float | None = None
        self._main_was_on = False
        self._backup_wanted = False

    @property
    def wants_backup(self) -> bool:
        """Whether the backup should be called."""
        return self._has_backup and self._backup_wanted

    def decide(self, now: float, main: Health, backup: Health) -> Source:
        """The source that is heard from now on."""
        chosen = self._choose(now, main, backup)
        if chosen == "silence":
            self._silent_from = now if self._silent_from is None else self._silent_from
        else:
            self._silent_from = None
        self._main_was_on = self._main_was_on or chosen == "main"
        waited = self._silent_from is not None and now - self._silent_from >= self._grace_s
        needed = main.failed or self._main_was_on or waited or chosen != "silence"
        self._backup_wanted = chosen != "main" and needed
        self.source = chosen
        return chosen

    def _choose(self, now: float, main: Health, backup: Health) -> Source:
        if main.well_since is not None:
            nothing_better = self.source in ("main", "silence")
            if nothing_better or now - main.well_since >= self._healthy_s:
                return "main"
        if self._has_backup and backup.well_since is not None:
            return "backup"
        if self._has_stand_in and self._stands_in(now, main, backup):
            return "stand-in"
        return "silence"

    def _stands_in(self, now: float, main: Health, backup: Health) -> bool:
        if self.source == "stand-in":
            return True
        given_up = main.failed and (backup.failed or not self._has_backup)
        return given_up or (self._silent_from is not None and now - self._silent_from >= self._grace_s)


def is_worse(now: Source, before: Source) -> bool:
    """Whether a change is one for the worse."""
    return _RANK[now] > _RANK[before]
