"""Looking back through a camera: the part of its page, its pictures and clips, and the same as JSON.

Every answer is drawn for htmx, and as a page of its own for a browser that runs no scripts.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic_core import to_json
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute

from edge_agent.contract.base import iso
from edge_agent.contract.sentences import Language
from edge_agent.contract.watching import LONGEST_LOOK, KeepRecording
from hub import forms
from hub.cameras.lookback_asking import Asking, Found, as_json, day_after, day_of
from hub.cameras.lookback_clips import Clips, Progress, TooMany
from hub.cameras.lookback_forms import clip_span, instant, moment, span
from hub.cameras.lookback_view import PER_PAGE, Wording
from hub.cameras.looks import Looks
from hub.commands import Commands
from hub.language import translator
from hub.node import Node
from hub.people.door import Door, at_node
from hub.people.rights import Right
from hub.pictures import Picture
from hub.render import Renderer, Shown
from hub.sentences import Speaker
from hub.store import Store, StoreFull
from hub.times import instant_in, local
from hub.views import node_zone

logger = logging.getLogger(__name__)

KEEP_S = 8.0
_BASE = "/nodes/{commune}/{node}/cameras/{camera}"


@dataclass(frozen=True, slots=True)
class _Seen:
    """A request for a camera that there is."""

    request: Request
    node: Node
    camera: str
    language: Language
    speak: Speaker
    wording: Wording
    base: str

    @property
    def address(self) -> str:
        return self.node.address

    @property
    def who(self) -> str:
        return self.request.client.host if self.request.client else "?"


_Answer = Callable[[_Seen], Awaitable[Response]]


class LookBack:
    """All addresses below a camera that are about its past."""

    def __init__(
        self,
        shown: Shown,
        renderer: Renderer,
        commands: Commands,
        store: Store,
        language: Callable[[Request], Language],
        progress: Progress,
        looks: Looks,
    ) -> None:
        """`progress`: how far a file is that nodes are sending."""
        self._shown = shown
        self._renderer = renderer
        self._commands = commands
        self._language = language
        self._looks = looks
        self.asking = Asking(commands, shown.media, store, shown.clock)
        self.clips = Clips(commands, shown.media, progress, store, shown.clock)

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application; before the route of the camera's page, if that takes a path."""
        get: dict[str, _Answer] = {
            "lookback": self._day,
            "recordings.json": self._json,
            "still": self._still,
            "events/{event:path}/picture": self._event_picture,
            "clips/{clip}": self._clip,
            "clips/{clip}/file": self._file,
        }
        post: dict[str, _Answer] = {"clips": self._ask_clip, "keep": self._keep}
        watch = at_node(Right.WATCH)
        return [
            *(door.route(f"{_BASE}/{path}", self._endpoint(answer), watch) for path, answer in get.items()),
            *(door.route(f"{_BASE}/{path}", self._endpoint(answer), watch, ["POST"]) for path, answer in post.items()),
        ]

    async def stop(self) -> None:
        """End what waits for nodes."""
        await self.asking.stop()
        await self.clips.stop()

    def _endpoint(self, answer: _Answer) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
                return Response(status_code=403)  # another site's page must not make cameras work
            seen = self._seen(request)
            if seen is None:
                return HTMLResponse(self._renderer.message(self._language(request), "page.not_found"), 404)
            try:
                return await answer(seen)
            except forms.FormError as error:
                return self._say(seen, error.key, 400)
            except TooMany:
                return self._say(seen, "camera.lookback_busy", 503)
            except (SQLAlchemyError, StoreFull) as error:
                logger.error("what is known of cameras cannot be read or written: %s", error)
                return self._say(seen, "camera.lookback_unreadable", 503)

        return endpoint

    def _seen(self, request: Request) -> _Seen | None:
        path = request.path_params
        address, camera = f"{path['commune']}/{path['node']}", path["camera"]
        node = self._shown.registry.nodes.get(address)
        if node is None:
            return None
        things = {c.id for c in (node.about.capabilities if node.about else ()) if c.kind == "camera"}
        if camera not in things and ("camera", camera) not in node.states:
            return None
        language = self._language(request)
        speak = Speaker(language, node_zone(node, self._shown.zone), self._shown.clock.now())
        base = f"/nodes/{address}/cameras/{camera}"
        return _Seen(request, node, camera, language, speak, Wording(speak, base, node.online), base)

    async def _day(self, seen: _Seen) -> Response:
        query = seen.request.query_params
        midnight = self._midnight(seen)
        more = query.get("shown", "")
        shown = min(int(more), 5000) if more.isascii() and more.isdigit() and len(more) < 6 else PER_PAGE
        found = await self._found(seen, midnight.astimezone(UTC), day_after(midnight).astimezone(UTC))
        self._looks.often(seen.address, seen.camera, "back")
        clips = await self.clips.of_camera(seen.address, seen.camera)
        view = seen.wording.day(self._titles(seen), midnight, found, clips, max(shown, PER_PAGE))
        return self._draw(seen, "camera_lookback_day.html", v=view, per_page=PER_PAGE, shown=len(view.events))

    async def _json(self, seen: _Seen) -> Response:
        query, zone = seen.request.query_params, seen.speak.zone
        begin, end = (instant(query.get(name), zone) for name in ("begin", "end"))
        if begin is None and end is None and not {"begin", "end"} & set(query):
            midnight = self._midnight(seen)
            begin, end = midnight.astimezone(UTC), day_after(midnight).astimezone(UTC)
        if begin is None or end is None or not timedelta() < end - begin <= LONGEST_LOOK:
            raise forms.FormError("camera.lookback_bad_time")
        found = await self._found(seen, begin, end)
        body = {"node": seen.address, "online": seen.node.online, **as_json(found, zone.key)}
        return Response(to_json(body), media_type="application/json")

    async def _still(self, seen: _Seen) -> Response:
        """A fragment: the recorded picture of an instant."""
        query = seen.request.query_params
        at = moment(query.get("day", ""), query.get("at", ""), seen.speak.zone)
        self._looks.saw(seen.address, seen.camera, "still", taken=iso(at))
        picture = await self.asking.still(seen.address, seen.camera, at) if seen.node.online else None
        taken = instant_in(picture.at, seen.speak.zone) if picture else None
        return self._draw(
            seen,
            "camera_lookback_still.html",
            base=seen.base,
            source=f"/media/{picture.medium.path.stem}" if picture and picture.medium else "",
            words=seen.wording.still(taken or at),
            why=self._why(seen, picture),
        )

    async def _event_picture(self, seen: _Seen) -> Response:
        """The picture itself, small enough for a list; a drawn excuse where there is none."""
        id_ = str(seen.request.path_params["event"])
        if not 0 < len(id_) <= 64:
            return Response(status_code=404)
        picture = await self.asking.event_picture(seen.address, seen.camera, id_, online=seen.node.online)
        if picture.medium is None:
            svg = self._renderer.picture(seen.speak.t("camera.no_picture"), self._why(seen, picture))
            headers = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'"}
            return Response(svg, media_type="image/svg+xml", headers=headers)
        headers = {"Cache-Control": "private, max-age=86400"}
        return FileResponse(picture.medium.path, media_type="image/jpeg", headers=headers)

    async def _ask_clip(self, seen: _Seen) -> Response:
        begin, end = clip_span(await forms.read(seen.request), seen.speak.zone)
        self._looks.saw(seen.address, seen.camera, "clip", begin=iso(begin), end=iso(end))
        if not seen.node.online:
            return self._say(seen, "camera.lookback_offline", 503)
        now = await self.clips.ask(seen.address, seen.camera, begin, end)
        if not _is_htmx(seen.request):
            return RedirectResponse(f"{seen.base}/lookback?day={local(begin, seen.speak.zone):%Y-%m-%d}", 303)
        return self._draw(seen, "camera_lookback_clip.html", c=seen.wording.clip(now), base=seen.base)

    async def _clip(self, seen: _Seen) -> Response:
        now = await self.clips.get(str(seen.request.path_params["clip"]))
        if now is None or (now.clip.address, now.clip.camera) != (seen.address, seen.camera):
            return self._say(seen, "page.not_found", 404)
        return self._draw(seen, "camera_lookback_clip.html", c=seen.wording.clip(now), base=seen.base)

    async def _file(self, seen: _Seen) -> Response:
        now = await self.clips.get(str(seen.request.path_params["clip"]))
        if now is None or now.medium is None or (now.clip.address, now.clip.camera) != (seen.address, seen.camera):
            return self._say(seen, "page.not_found", 404)
        clip = now.clip
        self._looks.saw(seen.address, seen.camera, "download", begin=iso(clip.begin), end=iso(clip.end))
        name = seen.wording.clip(now).file
        return FileResponse(now.medium.path, media_type="video/mp4", filename=name)

    async def _keep(self, seen: _Seen) -> Response:
        fields = await forms.read(seen.request)
        begin, end = span(fields, seen.speak.zone)
        keep = fields.get("keep", "1") == "1"
        args = KeepRecording(camera=seen.camera, begin=begin, end=end, keep=keep)
        logger.info("%s, camera %s: %s..%s kept or not, by %s", *_named(seen, begin, end))
        outcome = await self._commands.send(seen.address, args, limit=KEEP_S, life=KEEP_S)
        self.asking.forget(seen.address, seen.camera)
        done = "camera.lookback_kept" if keep else "camera.lookback_not_kept"
        text, good = seen.speak.outcome(outcome, done, "outcome.accepted"), outcome.state in ("done", "accepted")
        if not _is_htmx(seen.request):
            return RedirectResponse(f"{seen.base}/lookback?day={local(begin, seen.speak.zone):%Y-%m-%d}", 303)
        return self._draw(seen, "camera_lookback_said.html", text=text, good=good)

    async def _found(self, seen: _Seen, begin: datetime, end: datetime) -> Found:
        return await self.asking.recordings(seen.address, seen.camera, begin, end, online=seen.node.online)

    def _midnight(self, seen: _Seen) -> datetime:
        try:
            return day_of(seen.request.query_params.get("day"), local(seen.speak.now, seen.speak.zone))
        except ValueError as error:
            raise forms.FormError("camera.lookback_bad_time") from error

    def _why(self, seen: _Seen, picture: Picture | None) -> str:
        if not seen.node.online:
            return seen.speak.t("node.offline")
        outcome = picture.outcome if picture else None
        return seen.speak.outcome(outcome, "camera.no_picture", "outcome.accepted") if outcome else ""

    def _titles(self, seen: _Seen) -> tuple[str, str]:
        about = seen.node.about
        names = [c.name for c in (about.capabilities if about else ()) if (c.kind, c.id) == ("camera", seen.camera)]
        return (names[0] if names and names[0] else seen.camera), seen.node.title

    def _draw(self, seen: _Seen, part: str, **values: object) -> Response:
        whole = not _is_htmx(seen.request)
        template = "camera_lookback_page.html" if whole else part
        titles = self._titles(seen)
        more = {"part": part, "titles": titles, "base": seen.base, "other_language": _other(seen)} if whole else {}
        html = self._renderer.sheet_of(template, seen.language, "nodes", **{**values, **more})
        return HTMLResponse(html, headers={"Vary": "Cookie, HX-Request"})

    def _say(self, seen: _Seen, key: str, status: int) -> Response:
        """A sentence where htmx shows it (it shows no errors), or as a page with its status."""
        if seen.request.url.path.endswith(".json"):
            body = {"code": key, "vi": translator("vi")(key), "en": translator("en")(key)}
            return Response(to_json(body), status, media_type="application/json")
        if not _is_htmx(seen.request):
            return HTMLResponse(self._renderer.message(seen.language, key), status)
        return self._draw(seen, "camera_lookback_said.html", text=seen.speak.t(key), good=False)


def _is_htmx(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"


def _other(seen: _Seen) -> str:
    return f"lang={'en' if seen.language == 'vi' else 'vi'}"


def _named(seen: _Seen, begin: datetime, end: datetime) -> tuple[str, str, str, str, str]:
    return seen.address, seen.camera, iso(begin), iso(end), seen.who
