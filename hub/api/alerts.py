"""Alerts by the Common Alerting Protocol: those that came, what is known of one, and what is decided about it."""

from typing import Annotated, Any, get_args

from fastapi import Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from edge_agent.contract.base import Readings, Strict
from edge_agent.contract.sentences import Language
from hub.api import alert_shapes as shapes
from hub.api.coming_in import XML
from hub.api.errors import ApiError, Error, Message, refused
from hub.api.parts import NOT_FOUND, Hub, Parts, brings, needs, reply, router, worded
from hub.api.texts import CLEANED, AnyPlace
from hub.cap.acts import MOST_WORD
from hub.cap.bringing import TooLarge, body
from hub.cap.deciding import Overtaken
from hub.cap.looking import DetailView, Found, Looking
from hub.cap.plan import Part
from hub.cap.problems import REFUSALS, refusal, sentence
from hub.cap.reading import Problem
from hub.cap.rows import State
from hub.choices import Choices
from hub.forms import MAX_SPOKEN, FormError
from hub.people.door import somewhere
from hub.people.rights import Place, Right
from hub.sentences import Speaker

routes = router("alerts")
WRITE, APPROVE, EMERGENCY = somewhere(Right.WRITE), somewhere(Right.APPROVE), somewhere(Right.EMERGENCY)
Id = Annotated[str, Path(max_length=40, pattern=r"^[a-z0-9-]+$", examples=["cap-5f2b"])]
Only = Annotated[AnyPlace, Field(min_length=1)]
Spoken = Annotated[str, CLEANED, Field(min_length=1, max_length=MAX_SPOKEN)]
BOTH: dict[int | str, dict[str, Any]] = {
    **NOT_FOUND,
    409: {"model": Error, "description": "Somebody decided meanwhile, a newer message came, or its time is over"},
}


class Airing(Strict):
    """What shall be heard. `text` absent: as the part has it."""

    part: int = Field(default=0, ge=0, lt=1000)
    seen: int = Field(default=0, ge=0, lt=10**6, description="How often it had been said before, as `parts` tells it")
    text: Spoken | None = None
    readings: Readings = Field(default_factory=dict)
    places: tuple[Only, ...] = Field(
        default=(),
        max_length=1000,
        description="Heard there and nowhere else: communes, areas, nodes. Absent: wherever the alert means it to be",
    )
    sure: bool = Field(default=False, description="A siren takes this, said by a person who read it")
    anyway: bool = Field(default=False, description="Also where nobody knows how a word is read")


class Leaving(Strict):
    """Why it is left."""

    word: Annotated[str, CLEANED] = Field(min_length=1, max_length=MOST_WORD)


class Clearing(Strict):
    """What is said; absent: that the alert holds no more, in the usual words."""

    text: Spoken | None = None


@routes.get("/alerts", response_model=shapes.AlertList)
@needs(WRITE)
async def list_alerts(
    hub: Hub,
    state: Annotated[State | None, Query(description="Only those that stand so")] = None,
    after: Annotated[str, Query(pattern=r"^[0-9]{0,6}$", description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Response:
    """Those that concern a place of one's own, the newest first. A page may hold fewer than `limit`."""
    skip, states = int(after or "0"), [state] if state else list(State)
    found, more = await hub.more.alerts.looking.some(states, limit, skip)
    items = [shapes.brief(row) for row in found]
    return reply({"items": items, **({"next": str(skip + limit)} if more else {})})


@routes.post(
    "/alerts",
    response_model=shapes.TakenOf,
    status_code=201,
    responses={200: {"model": shapes.TakenOf, "description": "It had come before"}},
    openapi_extra=brings(*XML),
)
@needs(WRITE)
async def bring_alert(request: Request, hub: Hub) -> Response:
    """Bring a CAP message, of 1 MB at most. What is wrong with it is told all at once: `also`."""
    try:
        taken = await hub.more.alerts.bring(await body(request))
    except TooLarge as error:
        raise refused(413, "api.too_large", "body") from error
    except REFUSALS as error:
        raise _wrong(*refusal(error)) from error
    told = shapes.TakenOf(id=taken.id, state=taken.state, new=taken.new, differs=taken.differs)
    return reply(told, 201 if taken.new else 200)


@routes.get("/alerts/{alert}", response_model=shapes.AlertWhole, responses=NOT_FOUND)
@needs(WRITE)
async def one_alert(hub: Hub, alert: Id) -> Response:
    """One with what it says, what it comes to here, where it was sent, who decided what, and what one may do now."""
    return reply(await _whole(hub, await _found(hub, alert)))


@routes.get(
    "/alerts/{alert}/message",
    response_class=Response,
    responses={**NOT_FOUND, 200: {"content": {"application/cap+xml": {}}, "description": "As it came"}},
)
@needs(WRITE)
async def message_of_alert(hub: Hub, alert: Id) -> Response:
    """The XML as it came."""
    found = await _found(hub, alert)
    return Response(found.row.body, media_type="application/cap+xml")


@routes.post("/alerts/{alert}/air", response_model=shapes.AlertWhole, responses=BOTH)
@needs(APPROVE)
async def air_alert(hub: Hub, alert: Id, asked: Airing) -> Response:
    """Let a part of it be heard. A siren takes the right `emergency` too, and `sure`."""
    found, acts = await _found(hub, alert), hub.more.alerts
    if asked.part >= len(found.plan.parts):
        raise refused(409, "cap.overtaken", "body.part")
    part = found.plan.parts[asked.part]
    approved = _where(acts.looking, found, asked)
    nodes = acts.allowed(found, asked.part, approved)
    _check(part, nodes, asked, approved)
    text = asked.text or (part.spoken.text if part.spoken else "")
    if not text:
        raise refused(422, "form.empty", "body.text")
    choices = Choices(dict(asked.readings), frozenset(), {}, frozenset())
    try:
        draft = await acts.draft(found, text, choices, "vi")
    except FormError as error:
        raise worded(error, 422, "body.text") from error
    if part.class_ != "emergency" and draft.guessed and not asked.anyway:
        raise refused(422, "api.unclear_anyway", "body.readings", words=", ".join(draft.guessed)[:500])
    try:
        await acts.air(found, part, draft, nodes, asked.seen)
    except Overtaken as error:
        raise refused(409, "cap.overtaken", "body.seen") from error
    return await _after(hub, alert)


@routes.post("/alerts/{alert}/dismiss", response_model=shapes.AlertWhole, responses=BOTH)
@needs(APPROVE)
async def dismiss_alert(hub: Hub, alert: Id, asked: Leaving) -> Response:
    """Leave it, for everybody whom it concerns."""
    return await _act(hub, alert, lambda acts, found: acts.dismiss(found, asked.word))


@routes.post("/alerts/{alert}/accept", response_model=shapes.AlertWhole, responses=BOTH)
@needs(APPROVE)
async def accept_alert(hub: Hub, alert: Id) -> Response:
    """Take a cancellation for true that nothing proves."""
    return await _act(hub, alert, lambda acts, found: acts.accept(found))


@routes.post("/alerts/{alert}/end", response_model=shapes.AlertWhole, responses=BOTH)
@needs(EMERGENCY)
async def end_alert(hub: Hub, alert: Id) -> Response:
    """End it wherever it sounds and one may."""
    return await _act(hub, alert, lambda acts, found: acts.end(found))


@routes.post("/alerts/{alert}/clear", response_model=shapes.AlertWhole, responses=BOTH)
@needs(EMERGENCY)
async def clear_alert(hub: Hub, alert: Id, asked: Clearing) -> Response:
    """Say that it is over where its siren was heard and ended."""
    return await _act(hub, alert, lambda acts, found: acts.clear(found, asked.text or acts.usual_words(found)))


async def _act(hub: Parts, alert: str, act: Any) -> Response:
    found = await _found(hub, alert)
    try:
        await act(hub.more.alerts, found)
    except Overtaken as error:
        raise refused(409, "cap.overtaken", "path.alert") from error
    except FormError as error:
        status = {"cap.not_yours": 403, "cap.overtaken": 409, "cap.silent": 409}.get(error.key, 422)
        raise worded(error, status, "path.alert") from error
    return await _after(hub, alert)


def _where(looking: Looking, found: Found, asked: Airing) -> tuple[str, ...]:
    """Where one may let it be heard: where the alert means, or in the places that are named. Raises ApiError."""
    if not asked.places:
        return looking.nodes(found, asked.part)
    nodes: dict[str, None] = {}
    for number, place in enumerate(asked.places):
        inside = looking.within(found, asked.part, Place.parse(place))
        if not inside:
            raise refused(422, "cap.nobody_there", f"body.places.{number}", place=place)
        nodes.update(dict.fromkeys(inside))
    return tuple(nodes)


def _check(part: Part, nodes: tuple[str, ...], asked: Airing, approved: tuple[str, ...]) -> None:
    """Raises ApiError."""
    if part.class_ == "emergency":
        if approved and not nodes:
            raise refused(403, "api.no_emergency", "body.part")
        if not asked.sure:
            raise refused(422, "api.sure_emergency", "body.sure")
    if not nodes:
        raise refused(422, "cap.no_place", "body.places")


async def _after(hub: Parts, alert: str) -> Response:
    """As it stands now that something was done."""
    return reply(await _whole(hub, await _found(hub, alert)))


async def _found(hub: Parts, alert: str) -> Found:
    """Raises ApiError."""
    found = await hub.more.alerts.looking.find(alert)
    if found is None:
        raise refused(404, "cap.not_found", "path.alert")
    return found


async def _whole(hub: Parts, found: Found) -> shapes.AlertWhole:
    looking = hub.more.alerts.looking
    views: dict[str, DetailView] = {}
    for language in get_args(Language):
        views[language] = await looking.detail(found, Speaker(language, hub.zone, hub.clock.now()))
    return shapes.whole(
        found,
        views,
        [looking.nodes(found, number) for number in range(len(found.plan.parts))],
        [shapes.sent(each) for each in await looking.sent(found)],
        await looking.acts(found),
    )


def _wrong(problems: tuple[Problem, ...], status: int) -> ApiError:
    """The first of what is wrong with a message, and the others."""
    told = []
    for problem in problems[:100]:
        message = Message(vi=sentence(problem, "vi"), en=sentence(problem, "en"))
        where = f"{problem.path}:{problem.line}" if problem.path else "body"
        told.append({"code": problem.key, "message": message, "where": where})
    first = Error.model_validate({**told[0], "also": told[1:] or None})
    return ApiError(status, first, {"Retry-After": "600"} if status == 429 else None)
