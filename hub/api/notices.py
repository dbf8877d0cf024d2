"""What staff write for everybody: planned power cuts, and the numbers to call."""

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from edge_agent.contract.base import Instant, Strict, iso
from hub.api.errors import Message, refused
from hub.api.parts import NOT_FOUND, Hub, Parts, needs, reply, router
from hub.api.residents import ANSWER, Drafted, commune_known
from hub.api.texts import CLEANED, AnyPlace, Moment
from hub.forms import FormError
from hub.people.door import PUBLIC
from hub.people.rights import Place
from hub.residents.announcements import Announcement
from hub.residents.notices import MOST_LINES, Cut
from hub.residents.noticing import LONGEST, LONGEST_NAME

routes = router("residents")

CutId = Annotated[str, Path(max_length=40)]


class NewCut(Strict):
    """No power, where and when. `where`: in words, such as the streets."""

    begins: Moment
    ends: Moment
    place: AnyPlace
    where: Annotated[str, CLEANED] = Field(min_length=1, max_length=LONGEST)
    why: Annotated[str, CLEANED] = Field(default="", max_length=LONGEST)


class CutOf(NewCut):
    """One that was announced."""

    id: str


class LineOf(Strict):
    """A number that everybody may call."""

    name: Annotated[str, CLEANED] = Field(min_length=1, max_length=LONGEST_NAME)
    number: Annotated[str, CLEANED] = Field(min_length=3, max_length=40)


class Lines(Strict):
    """All of them, in the order in which they stand on the page."""

    lines: list[LineOf] = Field(max_length=MOST_LINES)


class Paragraph(BaseModel):
    """A text, a sound (its SHA-256: `/media/{sound}`), or both."""

    text: str
    sound: str = ""


class SpokenOf(BaseModel):
    """One language of an announcement."""

    language: str
    parts: list[Paragraph]


class Announced(BaseModel):
    """What was said to everybody, or will be today; then only its title."""

    title: str
    at: Instant
    class_: str = Field(alias="class")
    places: list[str]
    spoken: list[SpokenOf]


class Sounding(BaseModel):
    """An emergency. `words`: paragraphs, none where the hub does not know what is said; `places`: where it sounds."""

    id: str
    title: Message
    words: list[str]
    places: list[str]


class Page(BaseModel):
    """What stands on the page of residents."""

    emergencies: list[Sounding] = Field(description="Those that sound now")
    past: list[Announced]
    today: list[Announced]
    cuts: list[CutOf]
    lines: list[LineOf]


@routes.get("/residents", response_model=Page, responses=NOT_FOUND)
@needs(PUBLIC)
async def page_of_residents(
    hub: Hub, commune: Annotated[str, Query(max_length=40, description="Only of this one; empty: of all")] = ""
) -> Response:
    """What everybody may read; takes no token. 404 where the commune does not want it."""
    residents = hub.more.residents
    if not residents.filing.is_open:
        raise refused(404, "residents.closed")
    commune_known(hub, commune, "query.commune")
    board = (await residents.announcements.board()).within(commune)
    return reply(
        {
            "emergencies": _emergencies(hub, commune),
            "past": [_announced(one) for one in board.past],
            "today": [_announced(one) for one in board.today],
            "cuts": [_cut(cut) for cut in residents.notices.cuts() if _is_for(cut, commune)],
            "lines": _lines(hub),
        }
    )


@routes.get("/residents/cuts", response_model=list[CutOf])
@needs(ANSWER)
async def list_cuts(hub: Hub) -> Response:
    """Planned power cuts of places where one answers residents, the next first."""
    return reply([_cut(cut) for cut in hub.more.residents.noticing.mine()])


@routes.post("/residents/cuts", response_model=CutOf, status_code=201)
@needs(ANSWER)
async def announce_cut(hub: Hub, asked: NewCut) -> Response:
    """Announce one. `place`: a commune or an area of it, or empty where the hub has several."""
    cut = Cut("", asked.begins, asked.ends, asked.place, asked.where, asked.why)
    return reply(_cut(await hub.more.residents.noticing.announce(cut)), 201)


@routes.delete("/residents/cuts/{cut_id}", status_code=204, responses=NOT_FOUND)
@needs(ANSWER)
async def remove_cut(hub: Hub, cut_id: CutId) -> Response:
    """It will not be."""
    await hub.more.residents.noticing.remove(_own(hub, cut_id))
    return Response(status_code=204)


@routes.post("/residents/cuts/{cut_id}/bulletin", response_model=Drafted, status_code=201, responses=NOT_FOUND)
@needs(ANSWER)
async def draft_of_cut(hub: Hub, cut_id: CutId) -> Response:
    """Make a draft of a bulletin of it; takes `write`."""
    return reply(Drafted(bulletin=await hub.more.residents.noticing.draft(_own(hub, cut_id))), 201)


@routes.get("/residents/lines", response_model=Lines)
@needs(ANSWER)
async def list_lines(hub: Hub) -> Response:
    """The numbers to call."""
    return reply({"lines": _lines(hub)})


@routes.put("/residents/lines", response_model=Lines)
@needs(ANSWER)
async def write_lines(hub: Hub, asked: Lines) -> Response:
    """Other numbers to call; by who answers residents of a whole commune."""
    await hub.more.residents.noticing.call((line.name, line.number) for line in asked.lines)
    return reply({"lines": _lines(hub)})


def _emergencies(hub: Parts, commune: str) -> list[dict[str, Any]]:
    sounding = hub.more.residents.sounding
    english = {one.id: one.title for one in sounding.within(commune, "en")}
    return [
        {
            "id": one.id,
            "title": {"vi": one.title, "en": english.get(one.id, one.title)},
            "words": list(one.words),
            "places": list(one.places),
        }
        for one in sounding.within(commune, "vi")
    ]


def _own(hub: Parts, id_: str) -> Cut:
    try:
        return hub.more.residents.noticing.own(id_)
    except FormError as error:
        raise refused(404, error.key, "path.cut_id") from error


def _is_for(cut: Cut, commune: str) -> bool:
    """One of everywhere is for every commune."""
    return not commune or Place.parse(cut.place).commune in ("", commune)


def _cut(cut: Cut) -> dict[str, Any]:
    times = {"begins": iso(cut.begins), "ends": iso(cut.ends)}
    return {"id": cut.id, **times, "place": cut.place, "where": cut.where, "why": cut.why}


def _lines(hub: Parts) -> list[dict[str, str]]:
    return [{"name": line.name, "number": line.number} for line in hub.more.residents.notices.lines]


def _announced(one: Announcement) -> dict[str, Any]:
    spoken = [
        {"language": s.language, "parts": [{"text": part.text, "sound": part.sound} for part in s.parts]}
        for s in one.spoken
    ]
    return {
        "title": one.title,
        "at": iso(one.at),
        "class": one.class_,
        "places": list(one.places),
        "spoken": spoken,
    }
