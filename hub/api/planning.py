"""What a plan takes, as on its page: hours of the law, other bulletins, instants that a sentence can say."""

from typing import get_args

from edge_agent.contract.sentences import Language
from hub import times
from hub.api.errors import Message, refused
from hub.api.parts import Parts
from hub.bulletins import sentence
from hub.bulletins.machine import NotNow, draft
from hub.bulletins.model import Content, HubBulletin, Schedule, Targets
from hub.bulletins.planpage import check
from hub.bulletins.planview import Tapped
from hub.bulletins.scope import Scope
from hub.language import sentence as words


def imagined(hub: Parts, content: Content) -> HubBulletin:
    """One that is not there yet."""
    assert hub.bulletins is not None  # noqa: S101 - the caller looked
    return draft("b-new", content, hub.bulletins.doing(None))


def checked(
    hub: Parts, bulletin: HubBulletin, targets: Targets, schedule: Schedule | None, *, hand_in: bool
) -> list[Message]:
    """What stands beside the plan; what stands against it is refused. Raises ApiError."""
    if schedule is None:
        return []
    here, drawing = hub.planning.showing.speaker("vi"), hub.planning.drawing
    tapped = Tapped(sentence.default(here.now, here.zone), targets, schedule, bulletin.number)
    try:
        if hand_in and (unknown := Scope(hub.areas).unknown(targets)):
            raise NotNow("plan.unknown_place", place=", ".join(unknown)[:200])
        check(hub.planning.showing, drawing, bulletin, tapped, hand_in=hand_in)
    except NotNow as no:
        where = "body.places" if no.key in ("plan.no_place", "plan.unknown_place") else "body.at"
        raise refused(422, no.key, where, **{name: str(value) for name, value in no.params.items()}) from no
    against = drawing.against(bulletin, tapped)
    found = [Message(**{lang: each.fault.text(lang) for lang in get_args(Language)}) for each in against.unlawful]
    for each in against.overlaps:
        said = {
            lang: words(lang, "plan.overlap", title=each.title, at=times.dated(each.at, here.zone, lang))
            for lang in get_args(Language)
        }
        found.append(Message(**said))
    return found
