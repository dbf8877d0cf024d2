"""`/air/emergency`: choose and write, look at what will happen, sound it."""

import re
from datetime import timedelta
from uuid import UUID

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.sentences import Language
from hub import forms
from hub.air.choosing import FIELD, offered, places_in
from hub.air.emergency import MINUTES, new_id
from hub.air.emergency_acts import Asked, EmergencyActs, Wanted
from hub.air.emergency_book import REPEAT_S
from hub.air.prepared import LONGEST, Message, Prepared
from hub.air.site import Site
from hub.choices import choices
from hub.forms import Fields, FormError
from hub.language import remember, sort_key, switched, translator
from hub.people.acting import person
from hub.people.door import Door, somewhere
from hub.people.rights import Right
from hub.readingdesk import ReadingDesk

_ID = re.compile(r"kc-[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
FRESH = timedelta(minutes=10)
"""A page that says what will happen is believed for so long; then somebody must look again."""
_CHECK = "/air/emergency/check"


class EmergencyPages:
    """The pages and their forms; they need no JavaScript."""

    def __init__(self, site: Site, reading: ReadingDesk, acts: EmergencyActs, prepared: Prepared) -> None:
        self._site = site
        self._reading = reading
        self._acts = acts
        self._prepared = prepared

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        may = somewhere(Right.EMERGENCY)
        return [
            door.route("/air/emergency", self._choose, may),
            door.route(_CHECK, self._check, may, ["POST"]),
            door.route("/air/emergency", self._sound, may, ["POST"]),
        ]

    async def _choose(self, request: Request) -> Response:
        use = self._prepared.get(request.query_params.get("use", ""))
        fields = {f"{FIELD}{place}": "1" for place in request.query_params.getlist("at")}
        if use is not None:
            fields |= _fields(use)
        return self._form(request, fields)

    async def _check(self, request: Request) -> Response:
        """What will happen; nothing has yet."""
        language, fields = self._site.language(request), {}
        try:
            fields = await forms.read(request)
            asked = await self._asked(fields, language)
            if fields.get("do") in ("read", "listen"):
                sheet = await self._reading.preview(asked.draft, fields["do"], language)
                if request.headers.get("hx-request") == "true":
                    return HTMLResponse(self._site.renderer.sheet(language, sheet, _CHECK))
                return self._sure(request, fields, asked, sheet)
        except FormError as error:
            return self._form(request, fields, translator(language)(error.key, **error.params), 422)
        return self._sure(request, fields, asked, self._reading.sheet(asked.draft, language))

    async def _sound(self, request: Request) -> Response:
        language, fields = self._site.language(request), {}
        try:
            fields = await forms.read(request)
            asked = await self._asked(fields, language)
            id_ = fields.get("id", "")
            if fields.get("sure") != "1" or not self._is_fresh(id_):
                return self._sure(request, fields, asked, self._reading.sheet(asked.draft, language), again=True)
            await self._acts.sound(asked, id_)
        except FormError as error:
            return self._form(request, fields, translator(language)(error.key, **error.params), 422)
        return RedirectResponse(f"/air/emergency/{id_}", 303)

    def _is_fresh(self, id_: str) -> bool:
        """Whether a page of ours made this name a short while ago: it begins with its time (UUIDv7)."""
        if not _ID.fullmatch(id_):
            return False
        made = (UUID(id_.removeprefix("kc-")).int >> 80) / 1000
        return abs(self._site.shown.clock.now().timestamp() - made) < FRESH.total_seconds()

    async def _asked(self, fields: Fields, language: Language) -> Asked:
        """Raises FormError."""
        minutes = int(fields.get("minutes", "")) if fields.get("minutes", "") in set(map(str, MINUTES)) else MINUTES[1]
        wanted = Wanted(
            text=forms.text(fields, LONGEST),
            title=fields.get("title", ""),
            clear=fields.get("clear", ""),
            drill=fields.get("drill") == "1",
            minutes=minutes,
            use=fields.get("use", ""),
        )
        return await self._acts.asked(wanted, places_in(fields), choices(fields), language)

    def _form(self, request: Request, fields: Fields, notice: str = "", status: int = 200) -> Response:
        language = self._site.language(request)
        html = self._site.renderer.sheet_of(
            "air_emergency.html",
            language,
            "air",
            other_language=switched(request.query_params, language),
            prepared=self._prepared.all,
            fields=fields,
            notice=notice,
            offered=offered(self._site.areas, person(), Right.EMERGENCY, places_in(fields)),
            minutes=MINUTES,
            longest=LONGEST,
            may_prepare=person().may_everywhere(Right.ADMINISTER),
        )
        return remember(HTMLResponse(html, status, headers={"Vary": "Cookie"}), request.query_params)

    def _sure(self, request: Request, fields: Fields, asked: Asked, sheet: object, *, again: bool = False) -> Response:
        language = self._site.language(request)
        areas = sorted({(node.about.zone if node.about else "") or node.title for node in asked.nodes}, key=sort_key)
        html = self._site.renderer.sheet_of(
            "air_emergency_sure.html",
            language,
            "air",
            words=asked.words,
            minutes=asked.minutes,
            every=round(REPEAT_S),
            count=len(asked.nodes),
            away=sum(not node.online for node in asked.nodes),
            areas=areas,
            hidden={name: value for name, value in fields.items() if _is_kept(name)},
            id=new_id(),
            sheet=sheet,
            check=_CHECK,
            again=again,
        )
        return HTMLResponse(html, headers={"Vary": "Cookie"})


def _fields(message: Message) -> Fields:
    fields = {"use": message.id, "title": message.title, "text": message.text, "clear": message.clear}
    return fields | ({"drill": "1"} if message.drill else {})


def _is_kept(name: str) -> bool:
    return name in ("use", "title", "text", "clear", "drill", "minutes") or name.startswith(FIELD)
