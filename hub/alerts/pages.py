"""`/notify`: to whom the hub writes, of what, at which hours; how each channel is, and what was sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from hub.alerts.addresses import KINDS
from hub.alerts.desk import USUAL, ChannelDesk, may
from hub.alerts.model import Channel, Rule
from hub.forms import Fields
from hub.people import choosing
from hub.people.acting import person
from hub.people.door import Door, somewhere
from hub.people.joining import Wrong
from hub.people.kit import FormError, Kit, fields
from hub.people.rights import Place, Right

LOG = 50
"""Messages on the page."""


@dataclass(frozen=True, slots=True)
class ChannelView:
    """A channel on the page. `state`: good, bad, waiting or none."""

    channel: Channel
    place: str
    state: str
    word: str


@dataclass(frozen=True, slots=True)
class SentView:
    """A line of the log."""

    name: str
    title: str
    body: str
    word: str
    bad: bool


class NotifyPages:
    """For who administers the place of a channel; its address is never shown again."""

    def __init__(self, kit: Kit, desk: ChannelDesk) -> None:
        self._kit = kit
        self._desk = desk

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        administers = somewhere(Right.ADMINISTER)
        return [
            door.route("/notify", self._list, administers),
            door.route("/notify", self._make, administers, ["POST"]),
            door.route("/notify/{id}", self._change, administers, ["POST"]),
            door.route("/notify/{id}/test", self._test, administers, ["POST"]),
            door.route("/notify/{id}/remove", self._remove, administers, ["POST"]),
        ]

    async def _list(self, request: Request) -> Response:
        return await self._page(request)

    async def _page(
        self, request: Request, status: int = 200, *, given: Fields | None = None, wrong: str = "", of: str = ""
    ) -> Response:
        """`given`: what was typed into the form of channel `of`, or of a new one."""
        kit, language = self._kit, self._kit.language(request)
        rows = await self._desk.rows()
        views = [self._view(request, channel, rows) for channel in self._desk.all()]
        return kit.page(
            request,
            "alerts_out_list.html",
            "notify",
            status=status,
            channels=views,
            log=[self._sent(request, row) for row in rows if may(Place.parse(row["place"]))][:LOG],
            rules=list(Rule),
            usual=USUAL,
            kinds=KINDS,
            places=choosing.places(kit, person(), language),
            given=given or {},
            ticked=[rule for rule in Rule if (given or {}).get(f"rule_{rule.value}")],
            wrong=wrong,
            of=of,
        )

    def _view(self, request: Request, channel: Channel, rows: list[Mapping[str, str]]) -> ChannelView:
        kit = self._kit
        of_it = [row for row in rows if row["channel"] == channel.id]
        stuck = (row for row in of_it if row["state"] == "waiting" and row["error"])
        last = next(stuck, of_it[0] if of_it else None)
        place = kit.place(channel.place, kit.language(request))
        if not channel.on:
            return ChannelView(channel, place, "none", kit.words(request, "notify.state_off"))
        if not channel.url:
            return ChannelView(channel, place, "bad", kit.words(request, "notify.error_key"))
        if last is None:
            return ChannelView(channel, place, "none", kit.words(request, "notify.state_none"))
        state = "good" if last["state"] == "sent" else "bad" if last["error"] else "waiting"
        return ChannelView(channel, place, state, self._word(request, last))

    def _sent(self, request: Request, row: Mapping[str, str]) -> SentView:
        return SentView(row["name"], row["title"], row["body"], self._word(request, row), bool(row["error"]))

    def _word(self, request: Request, row: Mapping[str, str]) -> str:
        """What became of a message."""
        kit = self._kit
        at = kit.moment(datetime.fromisoformat(row["sent"] or row["at"]))
        if row["state"] == "sent":
            return kit.words(request, "notify.state_sent", at=at)
        if not row["error"]:
            return kit.words(request, "notify.state_sending", at=at)
        key, _, code = row["error"].partition(" ")
        why = kit.words(request, key, code=code)
        return kit.words(request, f"notify.state_{row['state']}", at=at, why=why, tries=row["tries"])

    async def _make(self, request: Request) -> Response:
        given: Fields = {}
        try:
            given = await fields(request)
            channel = await self._desk.make(given)
        except (FormError, Wrong) as error:
            return await self._wrong(request, "notify.make", given, error)
        return self._kit.say(request, "/notify", "notify.made", name=channel.name)

    async def _change(self, request: Request) -> Response:
        given: Fields = {}
        channel = self._mine(request)
        if channel is None:
            return self._kit.say(request, "/notify", "notify.no_channel", good=False)
        try:
            given = await fields(request)
            channel = await self._desk.change(channel, given)
        except (FormError, Wrong) as error:
            return await self._wrong(request, "notify.change", given, error, channel.id)
        return self._kit.say(request, "/notify", "notify.kept", name=channel.name)

    async def _test(self, request: Request) -> Response:
        kit, channel = self._kit, self._mine(request)
        if channel is None:
            return kit.say(request, "/notify", "notify.no_channel", good=False)
        try:
            await self._desk.test(channel, kit.language(request), kit.zone)
        except Wrong as error:
            return kit.say(request, "/notify", error.key, good=False, **error.params)
        return kit.say(request, "/notify", "notify.test_sending", name=channel.name)

    async def _remove(self, request: Request) -> Response:
        kit, channel = self._kit, self._mine(request)
        if channel is None:
            return kit.say(request, "/notify", "notify.no_channel", good=False)
        await self._desk.remove(channel)
        return kit.say(request, "/notify", "notify.removed", name=channel.name)

    def _mine(self, request: Request) -> Channel | None:
        return self._desk.get(request.path_params["id"])

    async def _wrong(
        self, request: Request, act: str, given: Fields, error: FormError | Wrong, of: str = ""
    ) -> Response:
        self._kit.audit.note(act, what=given.get("name", "")[:100], outcome=error.key)
        typed = {name: value for name, value in given.items() if name not in ("password", "token", "url", "web")}
        wrong = self._kit.words(request, error.key, **error.params)
        return await self._page(request, 422, given=typed, wrong=wrong, of=of)
