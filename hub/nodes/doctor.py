"""The examination of a node: asked for here, done there, shown as it goes on and when it is over."""

from dataclasses import dataclass, field
from typing import Literal

from starlette.requests import Request

from edge_agent.contract.health import EXAMINATION, DoctorState, ExamineNode, Finding
from edge_agent.contract.sentences import Language
from hub.commands import Commands
from hub.forms import Fields, FormError
from hub.language import catalogue
from hub.node import Node
from hub.people.acting import BY_CONSOLE, person
from hub.people.rights import Right
from hub.sentences import Speaker
from hub.shown import Shown
from hub.toasts import Toast
from hub.views import names_of, node_zone

ANSWER_S = 8.0
LIFE_S = 60.0
"""A node that was away for longer is not examined when nobody waits for it any more."""
_PARTS_WITH_NAMES = frozenset({"camera"})


@dataclass(frozen=True, slots=True)
class Found:
    """One part: what it is called, how it is, and why."""

    part: str
    state: str
    word: str
    text: str


@dataclass(frozen=True, slots=True)
class DoctorView:
    """`why_not`: why nobody can have it examined now; empty: `may` tells whether this person can."""

    key: str
    path: str
    state: Literal["never", "examining", "done", "cut"]
    said: str
    may: bool
    why_not: str
    done: int = 0
    parts: int = 0
    found: tuple[Found, ...] = field(default=())


class DoctorActs:
    """What the button does."""

    def __init__(self, shown: Shown, commands: Commands) -> None:
        self._shown = shown
        self._commands = commands

    async def examine(self, node: Node, _: Fields, __: Request, language: Language) -> Toast:
        """Have it examined. Raises FormError for a node that cannot know what is asked."""
        if node.is_older:
            raise FormError("doctor.too_old")
        outcome = await self._commands.send(
            node.address, ExamineNode(), limit=ANSWER_S, life=LIFE_S, accepted_is_enough=True
        )
        speak = Speaker(language, node_zone(node, self._shown.zone), self._shown.clock.now())
        text = speak.outcome(outcome, "doctor.begun", "doctor.begun")
        return Toast(text, outcome.state in ("done", "accepted"))


def doctor_view(shown: Shown, node: Node, speak: Speaker) -> DoctorView:
    """For whom asks."""
    state = node.states.get(("doctor", EXAMINATION))
    known = state if isinstance(state, DoctorState) else None
    why_not = "" if node.online and not node.is_older else "doctor.too_old" if node.online else "doctor.away"
    stands = stands_at(node, known)
    return DoctorView(
        key=node.key,
        path=f"/nodes/{node.address}/examine",
        state=stands,
        said=_said(node, known, stands, speak),
        may=person().may(Right.INSTALL, shown.areas.place(node)),
        why_not=speak.t(why_not) if why_not else "",
        done=known.done if known else 0,
        parts=known.parts if known else 0,
        found=tuple(_found(node, each, speak) for each in known.findings) if known and stands == "done" else (),
    )


def stands_at(node: Node, known: DoctorState | None) -> Literal["never", "examining", "done", "cut"]:
    """One that was begun in an earlier run of the node goes on no more."""
    if known is None:
        return "never"
    if known.actual == "done":
        return "done"
    same = node.status is not None and node.status.session == known.session and node.status.online
    return "examining" if same else "cut"


def _said(node: Node, known: DoctorState | None, stands: str, speak: Speaker) -> str:
    if known is None:
        return speak.t("doctor.never")
    who = speak.t("doctor.console") if known.by in ("", BY_CONSOLE) else known.by
    at = speak.moment(known.ended or known.began)
    if stands == "cut":
        return speak.t("doctor.cut", at=at, by=who)
    if stands == "examining":
        part, _, id_ = (known.part or "").partition(" ")
        return speak.t("doctor.examining", part=_called(node, part, id_, speak), by=who)
    counts = {state: sum(each.state == state for each in known.findings) for state in ("ok", "note", "faulty")}
    words = (speak.t(f"doctor.count_{state}", count=count) for state, count in counts.items() if count)
    return speak.t("doctor.done", at=at, by=who, found=", ".join(words) or "-")


def _found(node: Node, finding: Finding, speak: Speaker) -> Found:
    text = finding.vi if speak.language == "vi" else finding.en
    called = _called(node, finding.part, finding.id or "", speak)
    return Found(called, finding.state, speak.t(f"doctor.{finding.state}"), text)


def _called(node: Node, part: str, id_: str, speak: Speaker) -> str:
    """As people call a part; one that a newer node has, as it says."""
    name = names_of(node).get(f"{part}/{id_}", id_) if part in _PARTS_WITH_NAMES else id_
    key = f"doctor.part_{part}"
    word = speak.t(key) if key in catalogue(speak.language) else part
    return f"{word} {name}".strip() or "-"
