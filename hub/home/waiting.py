"""Bulletins that wait for somebody's approval, and those that nobody aired, for the first page."""

from collections.abc import Callable

from edge_agent.contract.sentences import Language
from hub.bulletins.desk import Bulletins
from hub.bulletins.model import HubBulletin, State
from hub.bulletins.scope import Scope
from hub.bulletins.showing import Showing
from hub.home.today import Waiting
from hub.language import sentence
from hub.people.acting import person
from hub.people.rights import Person, Right

MOST = 8


def waiting(desk: Bulletins, scope: Scope) -> Callable[[Language], list[Waiting]]:
    """What waits, the oldest first, as far as who asks may see it."""

    def find(language: Language) -> list[Waiting]:
        who = person()
        handed_in = (b for b in desk.open.values() if b.state is State.SUBMITTED and scope.may_see(who, b))
        return [_line(b, who, scope, language) for b in sorted(handed_in, key=lambda b: b.changed)[:MOST]]

    return find


def missed(desk: Bulletins, scope: Scope, showing: Showing) -> Callable[[Language], list[Waiting]]:
    """What no node aired or will air, the newest first: for who may plan or sign it."""

    def find(language: Language) -> list[Waiting]:
        who, word = person(), sentence(language, "bulletins.missed_home")
        may = [b for b in desk.open.values() if b.released is not None and _answers(b, who, scope)]
        found = [b for b in may if showing.came(b) in ("missed", "refused")]
        found.sort(key=lambda b: b.changed, reverse=True)
        return [Waiting(f"/bulletins/{b.id}", b.content.title, word) for b in found[:MOST]]

    return find


def _answers(bulletin: HubBulletin, who: Person, scope: Scope) -> bool:
    return scope.may(who, Right.WRITE, bulletin.targets) or scope.may(who, Right.APPROVE, bulletin.targets)


def _line(bulletin: HubBulletin, who: Person, scope: Scope, language: Language) -> Waiting:
    approves = scope.may(who, Right.APPROVE, bulletin.targets)
    by = next((step.name for step in reversed(bulletin.history) if step.name), "")
    word = sentence(language, "home.waiting_from", name=by) if by else ""
    return Waiting("/approve" if approves else f"/bulletins/{bulletin.id}", bulletin.content.title, word)
