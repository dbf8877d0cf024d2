"""What may become of a bulletin: every act in every state, races, whose words they are."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.contract.bulletins import Recurrence
from edge_agent.contract.segments import Sound, Text, Version
from hub.bulletins import machine
from hub.bulletins.machine import ALLOWED, Act, Conflict, Doing, NotNow
from hub.bulletins.model import Content, HubBulletin, Schedule, State, Targets

AT = datetime(2026, 11, 23, 5, tzinfo=UTC)
PLACES, WHEN = Targets(places=("29401",)), Schedule(at=AT + timedelta(days=1))
SOUND = Sound(sha256="a" * 64, bytes=10)


def content(words: str = "Mời bà con đi họp", *, made: bool = True) -> Content:
    text = Text(text=words, rendered=SOUND if made else None)
    return Content(title="Họp thôn", versions=(Version(language="vi", segments=(text,)),))


def doing(seen: int | None, by: str = "lan", word: str = "") -> Doing:
    return Doing(AT, seen, by, by.title(), word)


def in_state(state: State, *, made: bool = True) -> HubBulletin:
    """A whole bulletin that stands so, on its honest way."""
    bulletin = machine.draft("b-1", content(made=made), doing(None))
    bulletin = machine.plan(bulletin, PLACES, WHEN, doing(bulletin.number), signs=False)
    if state is State.DRAFT:
        return bulletin
    if state is State.CANCELLED:
        return machine.cancel(bulletin, doing(bulletin.number))
    bulletin = machine.submit(bulletin, doing(bulletin.number))
    if state is State.SUBMITTED:
        return bulletin
    if state is State.RETURNED:
        return machine.send_back(bulletin, doing(bulletin.number, "minh", "Sửa giờ"))
    bulletin = machine.approve(bulletin, doing(bulletin.number, "minh"), own_allowed=False, unheard=True)
    if state is State.APPROVED:
        return bulletin
    bulletin = machine.distributed(bulletin)
    return bulletin if state is State.DISTRIBUTED else machine.finished(bulletin, doing(None))


ACTS: dict[Act, Callable[[HubBulletin, Doing], HubBulletin]] = {
    Act.EDIT: lambda b, d: machine.edit(b, content("Lời khác"), d),
    Act.PLAN: lambda b, d: machine.plan(b, PLACES, WHEN, d, signs=False),
    Act.SUBMIT: machine.submit,
    Act.TAKE_BACK: machine.take_back,
    Act.APPROVE: lambda b, d: machine.approve(b, d, own_allowed=True),
    Act.SEND_BACK: machine.send_back,
    Act.LET_GO: lambda b, d: machine.let_go(b, AT),
    Act.CANCEL: machine.cancel,
    Act.FINISH: machine.finished,
}
AFTER: dict[tuple[Act, State], State] = {
    **{(Act.EDIT, s): State.DRAFT for s in ALLOWED[Act.EDIT]},
    (Act.EDIT, State.RETURNED): State.RETURNED,
    **{(Act.PLAN, s): s for s in (State.DRAFT, State.RETURNED, State.SUBMITTED)},
    **{(Act.PLAN, s): State.SUBMITTED for s in (State.APPROVED, State.DISTRIBUTED)},
    **{(Act.SUBMIT, s): State.SUBMITTED for s in (State.DRAFT, State.RETURNED)},
    (Act.TAKE_BACK, State.SUBMITTED): State.DRAFT,
    (Act.APPROVE, State.SUBMITTED): State.APPROVED,
    (Act.SEND_BACK, State.SUBMITTED): State.RETURNED,
    (Act.LET_GO, State.SUBMITTED): State.APPROVED,
    **{(Act.CANCEL, s): State.CANCELLED for s in ALLOWED[Act.CANCEL]},
    **{(Act.FINISH, s): State.DONE for s in (State.APPROVED, State.DISTRIBUTED)},
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("act", ACTS)
def test_every_act_in_every_state_is_done_or_refused_in_words(act: Act, state: State) -> None:
    before = in_state(state)
    wanted = AFTER.get((act, state))
    if wanted is None:
        with pytest.raises(NotNow) as no:
            ACTS[act](before, doing(before.number, "minh", "vì sao"))
        assert (no.value.key, no.value.params["state"]) == (f"bulletins.not_{act}", state)
        return
    after = ACTS[act](before, doing(before.number, "minh", "vì sao"))
    assert after.state is wanted
    assert after.history[-1].act == act


@pytest.mark.parametrize("act", [act for act in ACTS if act not in (Act.LET_GO,)])
def test_whoever_saw_another_number_is_told_of_the_conflict(act: Act) -> None:
    state = next(iter(sorted(ALLOWED[act])))
    before = in_state(state)
    for seen in (before.number - 1, before.number + 1):
        with pytest.raises(Conflict) as conflict:
            ACTS[act](before, doing(seen, "minh", "vì sao"))
        assert conflict.value.bulletin is before


def test_two_approvers_and_an_author_who_edits_meanwhile() -> None:
    submitted = in_state(State.SUBMITTED)
    approved = machine.approve(submitted, doing(submitted.number, "minh"), own_allowed=False)
    with pytest.raises(Conflict):
        machine.approve(approved, doing(submitted.number, "hoa"), own_allowed=False)
    edited = machine.edit(submitted, content("Lời khác"), doing(submitted.number))
    with pytest.raises(Conflict):
        machine.approve(edited, doing(submitted.number, "minh"), own_allowed=False)
    assert edited.state is State.DRAFT


@pytest.mark.parametrize("by", ["lan", "tu"])
def test_nobody_approves_words_that_are_their_own(by: str) -> None:
    draft = in_state(State.DRAFT)
    submitted = machine.submit(machine.edit(draft, content("Lời khác"), doing(draft.number, "tu")), doing(None))
    with pytest.raises(NotNow, match=r"approve\.own"):
        machine.approve(submitted, doing(submitted.number, by), own_allowed=False)
    assert machine.approve(submitted, doing(submitted.number, by), own_allowed=True).state is State.APPROVED
    assert machine.approve(submitted, doing(submitted.number, "minh"), own_allowed=False).state is State.APPROVED


def test_an_approver_who_moves_the_time_may_still_sign() -> None:
    submitted = in_state(State.SUBMITTED)
    later = Schedule(at=AT + timedelta(days=2))
    moved = machine.plan(submitted, PLACES, later, doing(submitted.number, "minh"), signs=True)
    assert machine.approve(moved, doing(moved.number, "minh"), own_allowed=False).state is State.APPROVED


def test_nothing_is_approved_unheard_unless_no_sound_can_be_made() -> None:
    submitted = in_state(State.SUBMITTED, made=False)
    for unheard in (False, True):
        with pytest.raises(NotNow, match=r"approve\.no_sound_yet"):
            machine.approve(submitted, doing(submitted.number, "minh"), own_allowed=False, unheard=unheard)
    failed = machine.with_sounds(submitted, submitted.content, {}, "speech.storage full")
    assert failed.number == submitted.number
    with pytest.raises(NotNow, match=r"approve\.no_sound$"):
        machine.approve(failed, doing(failed.number, "minh"), own_allowed=False)
    assert machine.approve(failed, doing(failed.number, "minh"), own_allowed=False, unheard=True).released


def test_what_nodes_have_stays_while_the_next_words_wait() -> None:
    distributed = in_state(State.DISTRIBUTED)
    assert distributed.released is not None
    edited = machine.edit(distributed, content("Lời khác"), doing(distributed.number))
    assert (edited.state, edited.released) == (State.DRAFT, distributed.released)
    submitted = machine.submit(edited, doing(edited.number))
    approved = machine.approve(submitted, doing(submitted.number, "minh"), own_allowed=False)
    assert approved.released is not None
    assert approved.released.number > distributed.released.number
    assert approved.released.content == content("Lời khác")
    assert machine.cancel(approved, doing(approved.number)).released is None


def test_other_times_of_what_was_approved_are_signed_by_who_may_or_wait() -> None:
    distributed = in_state(State.DISTRIBUTED)
    later = Schedule(at=AT + timedelta(days=3))
    signed = machine.plan(distributed, PLACES, later, doing(distributed.number, "minh"), signs=True)
    assert signed.state is State.APPROVED
    assert signed.released is not None and signed.released.schedule == later
    waits = machine.plan(distributed, PLACES, later, doing(distributed.number), signs=False)
    assert (waits.state, waits.released) == (State.SUBMITTED, distributed.released)


@pytest.mark.parametrize(
    ("targets", "schedule", "key"), [(Targets(), WHEN, "plan.no_place"), (PLACES, None, "plan.no_time")]
)
def test_without_time_or_place_nothing_is_handed_in(targets: Targets, schedule: Schedule | None, key: str) -> None:
    draft = machine.draft("b-1", content(), doing(None))
    planned = machine.plan(draft, targets, schedule, doing(draft.number), signs=False)
    with pytest.raises(NotNow) as no:
        machine.submit(planned, doing(planned.number))
    assert no.value.key == key


@pytest.mark.parametrize(
    "rule", ["FREQ=DAILY;INTERVAL=2", "FREQ=YEARLY", "FREQ=MONTHLY;BYDAY=2MO", "FREQ=WEEKLY;BYHOUR=5"]
)
def test_times_that_no_sentence_says_are_neither_planned_nor_handed_in_nor_signed(rule: str) -> None:
    odd = Schedule(at=WHEN.at, recurrence=Recurrence(rule=rule))
    with pytest.raises(NotNow, match="unsayable"):
        machine.plan(in_state(State.DRAFT), PLACES, odd, doing(2), signs=False)
    filed = in_state(State.DRAFT).model_copy(update={"schedule": odd})
    with pytest.raises(NotNow, match="unsayable"):
        machine.submit(filed, doing(2))
    handed_in = in_state(State.SUBMITTED).model_copy(update={"schedule": odd})
    with pytest.raises(NotNow, match="unsayable"):
        machine.approve(handed_in, doing(3, "minh"), own_allowed=False, unheard=True)


def test_sent_back_wants_a_word_and_keeps_it() -> None:
    submitted = in_state(State.SUBMITTED)
    with pytest.raises(NotNow, match=r"approve\.no_word"):
        machine.send_back(submitted, doing(submitted.number, "minh"))
    back = machine.send_back(submitted, doing(submitted.number, "minh", "Sai ngày"))
    word = machine.last_word(back)
    assert word is not None and (word.word, word.name) == ("Sai ngày", "Minh")


def test_a_long_history_keeps_its_beginning_and_its_newest() -> None:
    bulletin = in_state(State.DRAFT)
    for _ in range(300):
        bulletin = machine.edit(bulletin, content(), doing(bulletin.number))
    assert len(bulletin.history) == machine.MOST_STEPS
    assert bulletin.history[0].act == Act.CREATE
    assert bulletin.number > 300
