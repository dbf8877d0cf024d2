"""The ways through the console: which pages there are for whom."""

from collections.abc import Container
from dataclasses import dataclass

from hub.people.rights import Person, Right


@dataclass(frozen=True, slots=True)
class Way:
    """A page that can be gone to. `key`: of its words `page.way_...`; `icon`: in icons.svg; `main`: below the thumb."""

    key: str
    path: str
    icon: str
    right: Right
    main: bool = False


WAYS = (
    Way("home", "/", "home", Right.SEE, True),
    Way("bulletins", "/bulletins", "bulletin", Right.WRITE, True),
    Way("air", "/air", "speaker", Right.SPEAK, True),
    Way("lights", "/lights", "lamp", Right.SWITCH, True),
    Way("cameras", "/cameras", "camera", Right.WATCH, True),
    Way("approve", "/approve", "done", Right.APPROVE, True),
    Way("alerts", "/alerts", "siren", Right.WRITE),
    Way("calendar", "/calendar", "clock", Right.SEE),
    Way("aired", "/aired", "done", Right.SEE),
    Way("residents", "/reports-of-residents", "question", Right.ANSWER),
    Way("reports", "/reports", "report", Right.REPORTS),
    Way("nodes", "/nodes", "node", Right.SEE),
    Way("people", "/people", "people", Right.ADMINISTER),
    Way("notify", "/notify", "bell", Right.ADMINISTER),
)


def ways(person: Person, pages: Container[str] | None = None) -> tuple[Way, ...]:
    """Those that somebody may go. `pages`: the addresses that this hub has; None: all."""
    return tuple(way for way in WAYS if person.may_somewhere(way.right) and (pages is None or way.path in pages))
