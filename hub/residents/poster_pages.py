"""`/reports-of-residents/posters`: sheets with a QR code, for the commune, an area, or poles."""

import logging

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from hub.node import Node
from hub.people.acting import person
from hub.people.areas import Areas
from hub.people.door import Door, somewhere
from hub.people.rights import Place, Right
from hub.residents.answering import PATH as ABOVE
from hub.residents.child import ChildFailed, Children
from hub.residents.notices import Notices
from hub.residents.places import Places, code_of, kept
from hub.residents.poster import Job, Page
from hub.residents.site import Site
from hub.times import local

logger = logging.getLogger(__name__)

PATH = f"{ABOVE}/posters"
MOST_POLES = 60
PRINT_S = 60.0
MOST_LISTED = 500


class PosterPages:
    """The page where one is chosen, and the PDF."""

    def __init__(self, site: Site, notices: Notices, places: Places, areas: Areas) -> None:
        self._site = site
        self._notices = notices
        self._places = places
        self._areas = areas
        self._children = Children(4, PRINT_S)

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        may = somewhere(Right.ANSWER)
        return [door.route(PATH, self._page, may), door.route(f"{PATH}/sheet.pdf", self._pdf, may)]

    async def _page(self, request: Request) -> Response:
        areas = [(code_of(str(area.place)), area.name) for area in self._areas.all() if self._may(area.place)]
        poles = [(code_of(node.address), node.title) for node in self._poles()]
        return self._site.page(
            request,
            "residents_posters.html",
            areas=areas,
            poles=poles[:MOST_LISTED],
            link=self._site.link(request, "/xa"),
            has_address=bool(self._site.config.address),
            is_public=self._site.config.residents.public,
        )

    def _may(self, place: Place) -> bool:
        return person().may(Right.ANSWER, place)

    def _poles(self) -> list[Node]:
        nodes = self._areas.nodes(person(), Right.ANSWER)
        return sorted(nodes, key=lambda node: (node.title.casefold(), node.address))

    def wanted(self, code: str, poles: bool) -> list[Place]:
        """Of which places, by the code of an area or a pole, each pole of an area apart; empty: the commune.

        Nothing where there is no such place, or not for this person.
        """
        if not code:
            return [Place()]
        place = self._places.find(code)
        if place is None or not self._may(place):
            return []
        if place.node or not poles:
            return [place]
        nodes = sorted(self._areas.inside(place), key=lambda node: (node.title.casefold(), node.address))
        return [self._areas.place(node) for node in nodes][:MOST_POLES]

    async def _pdf(self, request: Request) -> Response:
        query = request.query_params
        wanted = self.wanted(query.get("at", ""), query.get("poles") == "1")
        if not wanted:
            return self._site.refuse(request, "residents.no_place")
        try:
            made = await self.printed(request, wanted)
        except ChildFailed as failed:
            logger.error("a poster was not made: %s", failed.code)
            return self._site.refuse(request, "residents.no_poster", 503)
        headers = {"Content-Disposition": 'inline; filename="ap-phich.pdf"'}
        return Response(made, media_type="application/pdf", headers=headers)

    async def printed(self, request: Request, wanted: list[Place]) -> bytes:
        """The PDF, a sheet for each place. Raises ChildFailed."""
        return await self._children.run("hub.residents.poster", self._job(request, wanted).order())

    def _job(self, request: Request, wanted: list[Place]) -> Job:
        site = self._site
        now = local(site.clock.now(), site.zone)
        pages = []
        for place in wanted:
            path = "/xa" if place == Place() else f"/xa?p={code_of(kept(place))}"
            pages.append(Page(self._places.name(place), site.link(request, path)))
        return Job(
            commune=site.config.name or site.words(request, "residents.title"),
            title=(site.words(request, "residents.poster_1"), site.words(request, "residents.poster_2")),
            calls=site.words(request, "residents.lines"),
            lines=tuple((line.name, line.number) for line in self._notices.lines),
            foot=site.words(request, "residents.printed", at=f"{now:%d/%m/%Y}"),
            pages=tuple(pages),
        )
