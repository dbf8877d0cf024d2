"""Who may do what, and where. Roles are bundles of rights; a grant gives a role in a place.

A place is written as nodes are addressed: `` (everywhere), `26734` (a commune), `26734//thon-dong` (a residential area
of it), `26734/thon-dong-1` (one node).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class Right(StrEnum):
    """One thing that somebody may do."""

    SEE = "see"
    """States, calendar and faults of nodes."""
    SPEAK = "speak"
    """Speak a notice or live into loudspeakers now."""
    EMERGENCY = "emergency"
    """Sound an emergency, end it."""
    WRITE = "write"
    """Write bulletins, and hand them in."""
    APPROVE = "approve"
    """Let bulletins and foreign alerts go on air."""
    SWITCH = "switch"
    """Lights, pumps, fans, valves."""
    WATCH = "watch"
    """Cameras that are not public, live and looking back."""
    REPORTS = "reports"
    """As-aired, energy, availability; export."""
    ANSWER = "answer"
    """Residents' reports."""
    INSTALL = "install"
    """Health, doctor, tests of nodes."""
    ADMINISTER = "administer"
    """People, areas, settings, tokens, audit."""


class Role(StrEnum):
    """What a person is for the commune."""

    ADMINISTRATOR = "administrator"
    STAFF = "staff"
    APPROVER = "approver"
    AREA_HEAD = "area_head"
    VIEWER = "viewer"
    INSTALLER = "installer"
    IOC = "ioc"


_R = Right
RIGHTS: dict[Role, frozenset[Right]] = {
    Role.ADMINISTRATOR: frozenset(Right),
    Role.STAFF: frozenset({_R.SEE, _R.SPEAK, _R.EMERGENCY, _R.WRITE, _R.SWITCH, _R.WATCH, _R.REPORTS, _R.ANSWER}),
    Role.APPROVER: frozenset({_R.SEE, _R.SPEAK, _R.EMERGENCY, _R.WRITE, _R.APPROVE, _R.REPORTS, _R.ANSWER}),
    Role.AREA_HEAD: frozenset({_R.SEE, _R.SPEAK, _R.WRITE, _R.SWITCH, _R.WATCH}),
    Role.VIEWER: frozenset({_R.SEE}),
    Role.INSTALLER: frozenset({_R.SEE, _R.SWITCH, _R.WATCH, _R.INSTALL}),
    Role.IOC: frozenset({_R.SEE, _R.REPORTS}),
}
"""What each role may do in the place where it was given."""
STRONG = frozenset({Right.SPEAK, Right.EMERGENCY, Right.APPROVE, Right.ADMINISTER})
"""Who has one of these for a whole commune or more must sign in with a second factor."""


@dataclass(frozen=True, slots=True)
class Place:
    """A part of the world. All empty: everywhere."""

    commune: str = ""
    area: str = ""
    node: str = ""

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Of `` (everywhere), `commune`, `commune//area`, `commune/node`."""
        commune, _, rest = text.partition("/")
        return cls(commune, rest[1:]) if rest.startswith("/") else cls(commune, "", rest)

    def __str__(self) -> str:
        """As `parse` reads it."""
        if self.area:
            return f"{self.commune}//{self.area}"
        return f"{self.commune}/{self.node}" if self.node else self.commune

    @property
    def is_wide(self) -> bool:
        """Whether it is a whole commune or more."""
        return not self.area and not self.node

    def holds(self, other: "Place") -> bool:
        """Whether the other place lies within this one; a node's place names the area that it stands in."""
        return (
            self.commune in ("", other.commune)
            and self.area in ("", other.area)
            and self.node in ("", other.node)
            and (bool(self.commune) or not self.area)
        )


EVERYWHERE = Place()


@dataclass(frozen=True, slots=True)
class Grant:
    """A role in a place."""

    role: Role
    place: Place

    def gives(self, right: Right) -> bool:
        """Whether its role has the right."""
        return right in RIGHTS[self.role]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody (or a program by its token) who has signed in. `rights`: narrows what the grants give; None: all."""

    id: str
    name: str
    grants: tuple[Grant, ...] = ()
    kind: Literal["person", "token", "nobody"] = "person"
    rights: frozenset[Right] | None = field(default=None)

    def may(self, right: Right, where: Place) -> bool:
        """Whether the right is theirs in that place, and in all of it."""
        return self._has(right) and any(g.gives(right) and g.place.holds(where) for g in self.grants)

    def may_somewhere(self, right: Right) -> bool:
        """Whether there is any place where it is theirs."""
        return self._has(right) and any(g.gives(right) for g in self.grants)

    def may_everywhere(self, right: Right) -> bool:
        """Whether it is theirs without a limit of place."""
        return self.may(right, EVERYWHERE)

    def places(self, right: Right) -> tuple[Place, ...]:
        """Where it is theirs."""
        return tuple(g.place for g in self.grants if g.gives(right)) if self._has(right) else ()

    @property
    def roles(self) -> tuple[Role, ...]:
        """Their roles, the widest first as declared."""
        held = {g.role for g in self.grants}
        return tuple(role for role in Role if role in held)

    @property
    def needs_second_factor(self) -> bool:
        """Whether they can speak to a whole commune, approve for it or administer."""
        return needs_second_factor(self.grants)

    def _has(self, right: Right) -> bool:
        return self.rights is None or right in self.rights


NOBODY = Person("", "", kind="nobody")
"""Who has not signed in."""


def needs_second_factor(grants: Iterable[Grant]) -> bool:
    """Whether roles let somebody speak to a whole commune, approve for it or administer."""
    return any(g.place.is_wide and RIGHTS[g.role] & STRONG for g in grants)


def widest(places: Iterable[Place]) -> tuple[Place, ...]:
    """Without those that lie within others."""
    unique = tuple(dict.fromkeys(places))
    return tuple(p for p in unique if not any(o != p and o.holds(p) for o in unique))
