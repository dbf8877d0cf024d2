"""`/xa`: what everybody may open without an account, if the commune wants it."""

import logging
import re
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from hub.cameras.public import Public, PublicCameras
from hub.people.door import PUBLIC, Door
from hub.people.kit import client
from hub.people.rights import Place
from hub.residents.announcements import Announcements
from hub.residents.communes import Communes
from hub.residents.guard import Often
from hub.residents.notices import Notices
from hub.residents.places import Places, code_of, is_in, kept
from hub.residents.reports import NUMBER, Reports
from hub.residents.site import Site
from hub.residents.sounding import Sounding
from hub.shown import Shown

logger = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]


class PublicPages:
    """What is looked at. Names of people and addresses of nodes stand nowhere on it."""

    def __init__(
        self,
        site: Site,
        shown: Shown,
        board: tuple[Announcements, Notices, Sounding],
        reports: tuple[Reports, Often],
        cameras: PublicCameras,
        places: tuple[Places, Communes],
        is_public: bool,
    ) -> None:
        """`reports`: with how often an address asks for numbers in vain."""
        self._site = site
        self._shown = shown
        self._announcements, self._notices, self._sounding = board
        self._reports, self._looks = reports
        self._cameras = cameras
        self._places, self._communes = places
        self._is_public = is_public

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [
            door.route("/xa", self.open(self._page), PUBLIC),
            door.route("/xa/reports", self.open(self._find), PUBLIC),
            door.route("/xa/reports/{number}", self.open(self._report), PUBLIC),
            door.route("/xa/cameras", self.open(self._camera_page), PUBLIC),
            door.route("/xa/cameras/{code}", self.open(self._camera), PUBLIC),
        ]

    def open(self, endpoint: Endpoint) -> Endpoint:
        """As if it was not there, where the commune did not open it."""

        async def opened(request: Request) -> Response:
            if not self._is_public:
                return self._site.refuse(request, "residents.closed")
            return await endpoint(request)

        return opened

    async def _page(self, request: Request) -> Response:
        try:
            board = await self._announcements.board()
        except SQLAlchemyError as error:
            logger.error("announcements cannot be read: %s", error)
            return self._site.refuse(request, "residents.unreadable", 503)
        pole = self._places.find(request.query_params.get("p", ""))
        commune = self._communes.chosen(request, pole)
        if commune is None:
            return self._communes.remember(request, self._choice(request))
        page = self._site.page(
            request,
            "residents_page.html",
            board=board.within(commune),
            emergencies=self._sounding.within(commune, self._site.language(request)),
            cuts=[cut for cut in self._notices.cuts() if is_in(Place.parse(cut.place).commune, commune)],
            lines=self._notices.lines,
            cameras=len(self._cameras_of(commune)),
            near=self._places.name(pole) if pole else "",
            code=code_of(kept(pole)) if pole else "",
            commune=self._communes.name(commune, self._site.language(request)) if commune else "",
        )
        return self._communes.remember(request, page)

    def _choice(self, request: Request) -> Response:
        """Which commune is it about? An emergency is told in any case."""
        language, communes = self._site.language(request), self._communes
        known = [(code, communes.name(code, language), communes.areas(code)) for code in communes.all()]
        emergencies = self._sounding.within("", language)
        return self._site.page(request, "residents_choose.html", communes=known, emergencies=emergencies)

    def _cameras_of(self, commune: str) -> list[Public]:
        return [camera for camera in self._cameras.list() if is_in(camera.address.partition("/")[0], commune)]

    async def _find(self, request: Request) -> Response:
        """A number that was typed, with or without its dash."""
        digits = re.sub(r"\D", "", request.query_params.get("number", ""))[:8]
        return RedirectResponse(f"/xa/reports/{digits[:4]}-{digits[4:]}", 303)

    async def _report(self, request: Request) -> Response:
        """How far it is, and the answer; neither its words nor its photo, nor who sent it."""
        number, address = str(request.path_params["number"]), client(request)
        if self._looks.full(address):
            return self._site.refuse(request, "residents.too_often", 429)
        found = None
        try:
            found = await self._reports.get(number) if re.fullmatch(NUMBER, number) else None
        except SQLAlchemyError as error:
            logger.error("a report cannot be read: %s", error)
            return self._site.refuse(request, "residents.unreadable", 503)
        if found is None:
            self._looks.count(address)
        where = self._places.name(Place.parse(found.place)) if found else ""
        return self._site.page(
            request, "residents_report_state.html", 200 if found else 404, report=found, number=number[:20], where=where
        )

    async def _camera_page(self, request: Request) -> Response:
        views = [
            (code_of_camera(c), title_of(self._shown, c))
            for c in self._cameras_of(self._communes.chosen(request) or "")[:50]
        ]
        return self._site.page(request, "residents_cameras.html", cameras=views)

    async def _camera(self, request: Request) -> Response:
        """A picture that is at most a minute old, however many look."""
        code = str(request.path_params["code"])
        found = by_code(self._cameras, code)
        picture = await self._cameras.picture(found.address, found.camera) if found else None
        if picture is None or picture.medium is None:
            return Response(status_code=404)
        return FileResponse(picture.medium.path, media_type="image/jpeg", headers={"Cache-Control": "max-age=60"})


def title_of(shown: Shown, camera: Public) -> str:
    """What people call it and where it stands; its node's address is not told."""
    node = shown.registry.nodes.get(camera.address)
    things = node.about.capabilities if node and node.about else ()
    thing = next((c.name for c in things if c.kind == "camera" and c.id == camera.camera and c.name), "")
    return " · ".join(part for part in (thing, node.title if node else "") if part) or camera.camera


def code_of_camera(camera: Public) -> str:
    """Its name in addresses that everybody may see."""
    return code_of(f"{camera.address} {camera.camera}")


def by_code(cameras: PublicCameras, code: str) -> Public | None:
    """The camera of such a name, as long as it is public."""
    return next((camera for camera in cameras.list() if code_of_camera(camera) == code), None)
