"""What may become of a bulletin, and by whom: pure functions from one bulletin to the next.

Every change by a person names the number of the bulletin that they saw. Another number is a conflict: nobody signs
what they have not seen, nobody writes over what they have not read.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.bulletins.instants import is_known
from hub.bulletins.model import Content, Heard, HubBulletin, Released, Schedule, State, Step, Targets

MOST_STEPS = 200
"""Steps that are kept: of more, the first and the newest."""
LONGEST_WORD = 2000


class Act(StrEnum):
    """What people, or the hub itself, do with a bulletin."""

    CREATE = "create"
    EDIT = "edit"
    PLAN = "plan"
    SUBMIT = "submit"
    TAKE_BACK = "take_back"
    APPROVE = "approve"
    SEND_BACK = "send_back"
    LET_GO = "let_go"
    CANCEL = "cancel"
    DISTRIBUTE = "distribute"
    FINISH = "finish"


_S = State
_OPEN = frozenset({_S.DRAFT, _S.RETURNED, _S.SUBMITTED, _S.APPROVED, _S.DISTRIBUTED})
ALLOWED: dict[Act, frozenset[State]] = {
    Act.EDIT: _OPEN,
    Act.PLAN: _OPEN,
    Act.SUBMIT: frozenset({_S.DRAFT, _S.RETURNED}),
    Act.TAKE_BACK: frozenset({_S.SUBMITTED}),
    Act.APPROVE: frozenset({_S.SUBMITTED}),
    Act.SEND_BACK: frozenset({_S.SUBMITTED}),
    Act.LET_GO: frozenset({_S.SUBMITTED}),
    Act.CANCEL: _OPEN,
    Act.DISTRIBUTE: frozenset({_S.APPROVED}),
    Act.FINISH: frozenset({_S.APPROVED, _S.DISTRIBUTED}),
}
"""In which states each act is possible."""


class NotNow(Exception):
    """It cannot be done. `key`: of the sentence that says why."""

    def __init__(self, key: str, **params: object) -> None:
        super().__init__(key)
        self.key = key
        self.params = params


class Conflict(NotNow):
    """Somebody changed it meanwhile. `bulletin`: as it is now."""

    def __init__(self, bulletin: HubBulletin) -> None:
        super().__init__("bulletins.conflict")
        self.bulletin = bulletin


@dataclass(frozen=True, slots=True)
class Doing:
    """Who does something, when, and which number they saw; None: the hub itself, which sees what is there."""

    at: datetime
    seen: int | None
    by: str = ""
    name: str = ""
    word: str = ""


def can(bulletin: HubBulletin, act: Act) -> bool:
    """Whether its state lets somebody do this."""
    return bulletin.state in ALLOWED[act]


def draft(id_: str, content: Content, doing: Doing) -> HubBulletin:
    """A new one."""
    first = Step(at=doing.at, act=Act.CREATE, by=doing.by, name=doing.name)
    return HubBulletin(
        id=id_, content=content, created_by=doing.by, created=doing.at, changed=doing.at, history=(first,)
    )


def edit(bulletin: HubBulletin, content: Content, doing: Doing) -> HubBulletin:
    """Other words. What was handed in or approved is a draft again; what is on the nodes stays until that is approved.

    Raises NotNow, Conflict.
    """
    _check(bulletin, Act.EDIT, doing)
    state = _S.RETURNED if bulletin.state is _S.RETURNED else _S.DRAFT
    return _next(bulletin, Act.EDIT, doing, content=content, state=state, silent="")


def plan(
    bulletin: HubBulletin, targets: Targets, schedule: Schedule | None, doing: Doing, *, signs: bool
) -> HubBulletin:
    """Another time or place. `signs`: this person may also approve it, so what was approved stays approved.

    Raises NotNow, Conflict.
    """
    _check(bulletin, Act.PLAN, doing)
    _check_sayable(schedule)
    changes: dict[str, object] = {"targets": targets, "schedule": schedule}
    if bulletin.state not in (_S.APPROVED, _S.DISTRIBUTED):
        return _next(bulletin, Act.PLAN, doing, **changes)
    _check_planned(targets, schedule)
    if not signs:
        return _next(bulletin, Act.PLAN, doing, **changes, state=_S.SUBMITTED)
    return _released(_next(bulletin, Act.PLAN, doing, **changes, state=_S.APPROVED), doing)


def submit(bulletin: HubBulletin, doing: Doing) -> HubBulletin:
    """Hand it in. Raises NotNow, Conflict."""
    _check(bulletin, Act.SUBMIT, doing)
    _check_planned(bulletin.targets, bulletin.schedule)
    return _next(bulletin, Act.SUBMIT, doing, state=_S.SUBMITTED, silent="")


def let_go(bulletin: HubBulletin, at: datetime) -> HubBulletin:
    """On air by the commune's rule, without anybody's signature, in the name of who handed it in. Raises NotNow."""
    last = next((step for step in reversed(bulletin.history) if step.act in (Act.SUBMIT, Act.PLAN)), None)
    doing = Doing(at, None, last.by if last else "", last.name if last else "")
    _check(bulletin, Act.LET_GO, doing)
    return _released(_next(bulletin, Act.LET_GO, doing, state=_S.APPROVED), doing)


def with_sounds(bulletin: HubBulletin, content: Content, sounds: dict[str, Heard], silent: str) -> HubBulletin:
    """What the hub's voice made of its texts. Nobody's words change, so the number stays."""
    return bulletin.model_copy(update={"content": content, "sounds": {**bulletin.sounds, **sounds}, "silent": silent})


def sound_again(bulletin: HubBulletin) -> HubBulletin:
    """Its sound is tried once more that could not be made. Nobody's words change, so the number stays."""
    return bulletin.model_copy(update={"silent": ""})


def take_back(bulletin: HubBulletin, doing: Doing) -> HubBulletin:
    """Its author wants to go on writing. Raises NotNow, Conflict."""
    _check(bulletin, Act.TAKE_BACK, doing)
    return _next(bulletin, Act.TAKE_BACK, doing, state=_S.DRAFT)


def approve(bulletin: HubBulletin, doing: Doing, *, own_allowed: bool, unheard: bool = False) -> HubBulletin:
    """Sign it. `unheard`: without its sound, where none could be made. Raises NotNow, Conflict."""
    _check(bulletin, Act.APPROVE, doing)
    _check_planned(bulletin.targets, bulletin.schedule)
    if doing.by in authors(bulletin) and not own_allowed:
        raise NotNow("approve.own")
    if bulletin.content.unrendered and not (unheard and bulletin.silent):
        raise NotNow("approve.no_sound_yet" if not bulletin.silent else "approve.no_sound")
    return _released(_next(bulletin, Act.APPROVE, doing, state=_S.APPROVED), doing)


def send_back(bulletin: HubBulletin, doing: Doing) -> HubBulletin:
    """To its author, with a word. Raises NotNow, Conflict."""
    _check(bulletin, Act.SEND_BACK, doing)
    if not doing.word:
        raise NotNow("approve.no_word")
    return _next(bulletin, Act.SEND_BACK, doing, state=_S.RETURNED)


def cancel(bulletin: HubBulletin, doing: Doing) -> HubBulletin:
    """Nothing of it shall be aired any more. Raises NotNow, Conflict."""
    _check(bulletin, Act.CANCEL, doing)
    return _next(bulletin, Act.CANCEL, doing, state=_S.CANCELLED, released=None)


def distributed(bulletin: HubBulletin) -> HubBulletin:
    """Nodes have it. The hub's own finding: it changes nothing that anybody wrote, so the number stays."""
    return bulletin.model_copy(update={"state": _S.DISTRIBUTED}) if can(bulletin, Act.DISTRIBUTE) else bulletin


def finished(bulletin: HubBulletin, doing: Doing) -> HubBulletin:
    """Its last instance is over. Raises NotNow."""
    _check(bulletin, Act.FINISH, doing)
    step = Step(at=doing.at, act=Act.FINISH)
    return bulletin.model_copy(
        update={"state": _S.DONE, "released": None, "history": _kept((*bulletin.history, step)), "changed": doing.at}
    )


def authors(bulletin: HubBulletin) -> frozenset[str]:
    """Whose words these are: who wrote, changed or handed in what stands there now, since the last approval."""
    found: set[str] = {bulletin.created_by}
    for step in bulletin.history:
        if step.act in (Act.APPROVE, Act.LET_GO):
            found = {bulletin.created_by}
        elif step.act in (Act.EDIT, Act.SUBMIT):
            found.add(step.by)
    return frozenset(found)


def needs_approval(bulletin: HubBulletin, required_for: Collection[str]) -> bool:
    """Whether the commune's rules want somebody to sign it."""
    return bulletin.content.class_ in required_for


def last_word(bulletin: HubBulletin) -> Step | None:
    """Why it was sent back, where it was."""
    return next((step for step in reversed(bulletin.history) if step.act == Act.SEND_BACK), None)


def _check(bulletin: HubBulletin, act: Act, doing: Doing) -> None:
    if doing.seen is not None and doing.seen != bulletin.number:
        raise Conflict(bulletin)
    if not can(bulletin, act):
        raise NotNow(f"bulletins.not_{act}", state=bulletin.state)


def _check_planned(targets: Targets, schedule: Schedule | None) -> None:
    if schedule is None:
        raise NotNow("plan.no_time")
    if not targets.places:
        raise NotNow("plan.no_place")
    _check_sayable(schedule)


def _check_sayable(schedule: Schedule | None) -> None:
    """A rule that the hub does not reckon as nodes do would be approved for other instants than those on air."""
    if schedule is not None and not is_known(schedule.recurrence):
        raise NotNow("plan.unsayable")


def _next(bulletin: HubBulletin, act: Act, doing: Doing, **changes: object) -> HubBulletin:
    step = Step(at=doing.at, act=act, by=doing.by, name=doing.name, word=doing.word[:LONGEST_WORD])
    return bulletin.model_copy(
        update={
            **changes,
            "number": bulletin.number + 1,
            "changed": doing.at,
            "history": _kept((*bulletin.history, step)),
        }
    )


def _kept(history: tuple[Step, ...]) -> tuple[Step, ...]:
    return history if len(history) <= MOST_STEPS else (history[0], *history[1 - MOST_STEPS :])


def _released(bulletin: HubBulletin, doing: Doing) -> HubBulletin:
    assert bulletin.schedule is not None  # noqa: S101 - the caller looked
    let_go = Released(
        number=bulletin.number,
        content=bulletin.content,
        targets=bulletin.targets,
        schedule=bulletin.schedule,
        by=doing.by,
        name=doing.name or "console",
        at=doing.at,
    )
    return bulletin.model_copy(update={"released": let_go})
