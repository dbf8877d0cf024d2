"""`/notify`: to whom the hub writes, of what, at which hours; how each channel is, and what was sent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from hub.alerts import outbox
from hub.alerts.addresses import KINDS, address
from hub.alerts.channels import MOST, Channels
from hub.alerts.model import Channel, Rule
from hub.alerts.tables import messages
from hub.alerts.words import Writer
from hub.forms import Fields
from hub.people import choosing
from hub.people.acting import person
from hub.people.door import Door, somewhere
from hub.people.joining import Wrong
from hub.people.kit import FormError, Kit, fields
from hub.people.rights import EVERYWHERE, Place, Right
from hub.store import Store

LOG = 50
"""Messages on the page."""
LOOKED_AT = 300
"""Of all channels; who may see only some of them sees the last of these."""
USUAL = frozenset(Rule) - {Rule.MOTION}
"""What a new channel is told unless somebody chooses otherwise."""


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

    def __init__(self, kit: Kit, store: Store, channels: Channels, writer: Writer) -> None:
        self._kit = kit
        self._store = store
        self._channels = channels
        self._writer = writer

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
        rows = await self._store.read(_log)
        mine = [channel for channel in self._channels.all() if _may(channel.place)]
        views = [self._view(request, channel, rows) for channel in mine]
        return kit.page(
            request,
            "alerts_out_list.html",
            status=status,
            channels=views,
            log=[self._sent(request, row) for row in rows if _may(Place.parse(row["place"]))][:LOG],
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
        kit, given = self._kit, {}
        try:
            given = await fields(request)
            if len(self._channels.all()) >= MOST:
                raise Wrong("notify.too_many", limit=MOST)
            to = address(given)
            new = Channel(Channels.new_id(), "", to.url, to.shown, EVERYWHERE, USUAL, None, None, True, kit.clock.now())
            channel = _chosen(new, given)
        except (FormError, Wrong) as error:
            return await self._wrong(request, "notify.make", given, error)
        kit.audit.note("notify.make", str(channel.place), channel.name, to=channel.shown, id=channel.id)
        await self._channels.keep(channel)
        return kit.say(request, "/notify", "notify.made", name=channel.name)

    async def _change(self, request: Request) -> Response:
        kit, given = self._kit, {}
        channel = self._mine(request)
        if channel is None:
            return kit.say(request, "/notify", "notify.no_channel", good=False)
        try:
            given = await fields(request)
            channel = replace(_chosen(channel, given), on=bool(given.get("on")))
        except (FormError, Wrong) as error:
            return await self._wrong(request, "notify.change", given, error, channel.id)
        rules = " ".join(sorted(channel.rules))
        kit.audit.note("notify.change", str(channel.place), channel.name, id=channel.id, rules=rules, on=channel.on)
        await self._channels.keep(channel)
        return kit.say(request, "/notify", "notify.kept", name=channel.name)

    async def _test(self, request: Request) -> Response:
        kit, channel = self._kit, self._mine(request)
        if channel is None:
            return kit.say(request, "/notify", "notify.no_channel", good=False)
        if not channel.on:
            return kit.say(request, "/notify", "notify.test_off", good=False)
        now = kit.clock.now()
        title = self._writer.titled(kit.words(request, "notify.test_title"))
        body = kit.words(request, "notify.test_body", name=channel.name, by=person().name, at=kit.moment(now))

        def write(connection: Connection) -> None:
            outbox.hurry(connection, channel.id, now)
            if not outbox.is_full(connection, channel.id):
                outbox.put(connection, channel, title, body, now, urgent=True, things=0)

        kit.audit.note("notify.test", str(channel.place), channel.name, id=channel.id)
        await self._store.call(write)
        return kit.say(request, "/notify", "notify.test_sending", name=channel.name)

    async def _remove(self, request: Request) -> Response:
        kit, channel = self._kit, self._mine(request)
        if channel is None:
            return kit.say(request, "/notify", "notify.no_channel", good=False)
        kit.audit.note("notify.remove", str(channel.place), channel.name, id=channel.id)
        await self._channels.remove(channel)
        return kit.say(request, "/notify", "notify.removed", name=channel.name)

    def _mine(self, request: Request) -> Channel | None:
        channel = self._channels.get(request.path_params["id"])
        return channel if channel is not None and _may(channel.place) else None

    async def _wrong(
        self, request: Request, act: str, given: Fields, error: FormError | Wrong, of: str = ""
    ) -> Response:
        self._kit.audit.note(act, what=given.get("name", "")[:100], outcome=error.key)
        typed = {name: value for name, value in given.items() if name not in ("password", "token", "url", "web")}
        wrong = self._kit.words(request, error.key, **error.params)
        return await self._page(request, 422, given=typed, wrong=wrong, of=of)


def _may(place: Place) -> bool:
    return person().may(Right.ADMINISTER, place)


def _log(connection: Connection) -> list[Mapping[str, str]]:
    """The last messages, the last one of each channel, and all that wait, the newest first."""
    newest = sa.select(messages.c.id).order_by(messages.c.id.desc()).limit(LOOKED_AT).subquery()
    last = sa.select(sa.func.max(messages.c.id)).group_by(messages.c.channel)
    shown = sa.or_(messages.c.id.in_(sa.select(newest.c.id)), messages.c.id.in_(last), messages.c.state == "waiting")
    query = sa.select(messages).where(shown).order_by(messages.c.id.desc())
    return [dict(row) for row in connection.execute(query).mappings()]


def _chosen(channel: Channel, given: Fields) -> Channel:
    """The channel with what was chosen. Raises Wrong."""
    name = given.get("name", "")[:100]
    if not name:
        raise Wrong("notify.no_name")
    rules = frozenset(rule for rule in Rule if given.get(f"rule_{rule.value}"))
    if not rules:
        raise Wrong("notify.no_rule")
    value = given.get("other", "") or given.get("place", "")
    place = EVERYWHERE if value == "*" else Place.parse(value[:200])
    if (place == EVERYWHERE and value != "*") or not _may(place):
        raise Wrong("notify.no_place")
    begin, end = _time(given.get("quiet_from", "")), _time(given.get("quiet_until", ""))
    if (begin is None) != (end is None):
        raise Wrong("notify.no_quiet")
    return replace(channel, name=name, rules=rules, place=place, quiet_from=begin, quiet_until=end)


def _time(text: str) -> time | None:
    """A time of day as fields write it. Raises Wrong."""
    if not text:
        return None
    try:
        return time.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError as error:
        raise Wrong("notify.no_quiet") from error
