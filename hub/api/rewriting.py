"""A bulletin's words are changed, and a sound that could not be made is tried again."""

from typing import Any

from pydantic import Field
from starlette.responses import Response

from hub.api.bulletins import CONFLICT, BulletinWhole, Id, check_sure, desk_of, not_now, visible, whole
from hub.api.errors import refused
from hub.api.parts import NOT_FOUND, Hub, Parts, needs, reply, router
from hub.api.wording import Wording, written
from hub.bulletins import machine
from hub.bulletins.machine import Act, Conflict, NotNow
from hub.bulletins.scope import Scope
from hub.people.acting import person
from hub.people.door import somewhere
from hub.people.rights import Right
from hub.writing import model
from hub.writing.drafts import Seen

routes = router("bulletins")
BOTH: dict[int | str, dict[str, Any]] = {**NOT_FOUND, **CONFLICT}
TAB = "program"
"""Name of the page that changed a draft last, where it was none."""


class Rewriting(Wording):
    """Other words. `number`: which state of the bulletin one has seen."""

    number: int = Field(ge=1, le=2**31)


@routes.put("/bulletins/{id}", response_model=BulletinWhole, responses=BOTH)
@needs(somewhere(Right.WRITE))
async def rewrite_bulletin(hub: Hub, id: Id, asked: Rewriting) -> Response:  # noqa: A002 - as it is called
    """Other words. What was handed in or approved is a draft again; nodes keep what they have until that is approved.

    Refused is what cannot be read or played. Staff who have its draft open find these words there; theirs are kept.
    """
    bulletin, scope = await visible(hub, id), Scope(hub.areas)
    if not scope.may_write(person(), bulletin):
        raise refused(403, "api.no_place", "path.id")
    if asked.class_ == "emergency":
        check_sure(scope, bulletin.targets, True, "body.class")
    if bulletin.number != asked.number:
        raise not_now(Conflict(bulletin))
    kept, content = await written(hub, asked)
    desk = desk_of(hub)
    doing = desk.doing(asked.number)
    try:
        made = await desk.change(id, lambda b: machine.edit(b, content, doing), Act.EDIT)
    except NotNow as no:
        raise not_now(no) from no
    await _on_the_page(hub, id, kept)
    return reply(whole(made))


@routes.post("/bulletins/{id}/again", response_model=BulletinWhole, responses=BOTH)
@needs(somewhere(Right.WRITE))
async def sound_again(hub: Hub, id: Id) -> Response:  # noqa: A002 - as it is called
    """Make its sound once more that could not be made."""
    await visible(hub, id)
    try:
        return reply(whole(await desk_of(hub).change(id, machine.sound_again)))
    except NotNow as no:
        raise not_now(no) from no


async def _on_the_page(hub: Parts, id_: str, content: model.Content) -> None:
    """The draft of which it was made says the same, so that nobody goes on with words that are old."""
    drafts = hub.more.writing.drafts
    draft = await drafts.of_bulletin(id_)
    if draft is None:
        return
    await drafts.keep_beside(draft)
    await drafts.save(draft, content, Seen(draft.number, TAB), person())
