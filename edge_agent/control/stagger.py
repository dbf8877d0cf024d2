"""Turns: of the things of a group one switches on after the other, for ballasts together trip a breaker. Pure."""

from collections.abc import Mapping, Sequence

from edge_agent.config.switching import GroupEntry

_NEVER = float("-inf")


def members_of(groups: Sequence[GroupEntry]) -> dict[str, tuple[str, ...]]:
    """The things of each group, groups of groups resolved; each once, in the order of the configuration."""
    entries = {group.id: group for group in groups}

    def resolve(id_: str, above: frozenset[str]) -> list[str]:
        found: list[str] = []
        for member in entries[id_].members:
            if member not in entries:
                found.append(member)
            elif member not in above:  # a ring is refused by the check of the configuration
                found += resolve(member, above | {member})
        return found

    return {id_: tuple(dict.fromkeys(resolve(id_, frozenset({id_})))) for id_ in entries}


class _Row:
    """The switch-ons of one group: the last that happened, and the turns that were given."""

    __slots__ = ("gap", "last", "turns")

    def __init__(self, gap: float) -> None:
        self.gap = gap
        self.last = _NEVER
        self.turns: dict[str, float] = {}

    def end(self) -> float:
        """The first instant after all turns that were given."""
        return max(self.turns.values(), default=_NEVER) + self.gap

    def step_back(self, thing: str, at: float) -> None:
        """Somebody takes a turn before those that had it: each of them comes a gap later."""
        for other, turn in self.turns.items():
            if other != thing and turn > at - self.gap:
                self.turns[other] = turn + self.gap


class Turns:
    """Who may switch on when. Between two switch-ons in any group that both belong to lies the group's gap."""

    def __init__(self, groups: Sequence[GroupEntry], members: Mapping[str, Sequence[str]]) -> None:
        self._rows: dict[str, list[_Row]] = {}
        for group in groups:
            row = _Row(group.gap_s)
            for thing in members[group.id] if group.gap_s > 0 else ():
                self._rows.setdefault(thing, []).append(row)

    def wait_s(self, thing: str, mono: float, *, ahead: bool = False) -> float:
        """Seconds until its turn to switch on; it has that turn until it was `taken` or `given_back`.

        `ahead`: somebody stands beside it and waits, so it goes before those that have a turn.
        """
        rows = self._rows.get(thing)
        if not rows:
            return 0.0
        at = max(mono, *(row.last + row.gap for row in rows))
        if (turn := rows[0].turns.get(thing)) is not None:
            at = max(at, turn) if not ahead else at
        elif not ahead:
            at = max(at, *(row.end() for row in rows))
        for row in rows:
            if ahead and at > mono:
                row.step_back(thing, at)
            row.turns[thing] = at
        return at - mono

    def taken(self, thing: str, mono: float) -> None:
        """It switches on now."""
        for row in self._rows.get(thing, ()):
            row.turns.pop(thing, None)
            row.last = max(row.last, mono)

    def given_back(self, thing: str) -> None:
        """It need not switch on any more."""
        for row in self._rows.get(thing, ()):
            row.turns.pop(thing, None)
