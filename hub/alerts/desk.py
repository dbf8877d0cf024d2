"""What an administrator does with channels: the same for the page and for the API."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import time
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.sentences import Language
from hub.alerts import outbox
from hub.alerts.addresses import address
from hub.alerts.channels import MOST, Channels
from hub.alerts.model import Channel, Rule
from hub.alerts.tables import messages
from hub.alerts.words import Writer
from hub.clock import Clock
from hub.forms import Fields
from hub.language import sentence
from hub.people.acting import person
from hub.people.audit import Audit
from hub.people.joining import Wrong
from hub.people.rights import EVERYWHERE, Place, Right
from hub.sealed import KeyLost
from hub.store import Store

LOOKED_AT = 300
"""Messages of all channels; who may see only some of them sees the last of these."""
USUAL = frozenset(Rule) - {Rule.MOTION}
"""What a new channel is told unless somebody chooses otherwise."""


class ChannelDesk:
    """For the acting person: channels of places that they administer. All acts raise Wrong, SQLAlchemyError."""

    def __init__(self, store: Store, channels: Channels, writer: Writer, audit: Audit, clock: Clock) -> None:
        self._store = store
        self._channels = channels
        self._writer = writer
        self._audit = audit
        self._clock = clock

    def all(self) -> list[Channel]:
        """In the order in which they were made."""
        return [channel for channel in self._channels.all() if may(channel.place)]

    def get(self, id_: str) -> Channel | None:
        """One of them."""
        channel = self._channels.get(id_)
        return channel if channel is not None and may(channel.place) else None

    async def rows(self) -> list[Mapping[str, str]]:
        """The last messages of all channels, the newest first; whoever shows them looks at each one's place."""
        return await self._store.read(_log)

    async def make(self, given: Fields) -> Channel:
        """A new one, of a filled form."""
        if len(self._channels.all()) >= MOST:
            raise Wrong("notify.too_many", limit=MOST)
        to, now = address(given), self._clock.now()
        new = Channel(Channels.new_id(), "", to.url, to.shown, EVERYWHERE, USUAL, None, None, True, now)
        channel = chosen(new, given)
        try:
            await self._channels.keep(channel)
        except KeyLost as error:
            raise Wrong("notify.error_key") from error
        self._audit.note("notify.make", str(channel.place), channel.name, to=channel.shown, id=channel.id)
        return channel

    async def change(self, channel: Channel, given: Fields) -> Channel:
        """Anything but its address."""
        channel = replace(chosen(channel, given), on=bool(given.get("on")))
        rules = " ".join(sorted(channel.rules))
        self._audit.note("notify.change", str(channel.place), channel.name, id=channel.id, rules=rules, on=channel.on)
        await self._channels.keep(channel)
        return channel

    async def test(self, channel: Channel, language: Language, zone: ZoneInfo) -> None:
        """Send a message that says that it is a test."""
        if not channel.on:
            raise Wrong("notify.test_off")
        now, name = self._clock.now(), person().name
        at = f"{now.astimezone(zone):%H:%M %d/%m/%Y}"
        title = self._writer.titled(sentence(language, "notify.test_title"))
        body = sentence(language, "notify.test_body", name=channel.name, by=name, at=at)

        def write(connection: Connection) -> None:
            outbox.hurry(connection, channel.id, now)
            if not outbox.is_full(connection, channel.id):
                outbox.put(connection, channel, title, body, now, urgent=True, things=0)

        self._audit.note("notify.test", str(channel.place), channel.name, id=channel.id)
        await self._store.call(write)

    async def remove(self, channel: Channel) -> None:
        """Nobody is written to by it any more."""
        self._audit.note("notify.remove", str(channel.place), channel.name, id=channel.id)
        await self._channels.remove(channel)


def may(place: Place) -> bool:
    """Whether the acting person looks after channels there."""
    return person().may(Right.ADMINISTER, place)


def chosen(channel: Channel, given: Fields) -> Channel:
    """The channel with what was chosen. Raises Wrong."""
    name = given.get("name", "")[:100]
    if not name:
        raise Wrong("notify.no_name")
    rules = frozenset(rule for rule in Rule if given.get(f"rule_{rule.value}"))
    if not rules:
        raise Wrong("notify.no_rule")
    value = given.get("other", "") or given.get("place", "")
    place = EVERYWHERE if value == "*" else Place.parse(value[:200])
    if (place == EVERYWHERE and value != "*") or not may(place):
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


def _log(connection: Connection) -> list[Mapping[str, str]]:
    """The last messages, the last one of each channel, and all that wait, the newest first."""
    newest = sa.select(messages.c.id).order_by(messages.c.id.desc()).limit(LOOKED_AT).subquery()
    last = sa.select(sa.func.max(messages.c.id)).group_by(messages.c.channel)
    shown = sa.or_(messages.c.id.in_(sa.select(newest.c.id)), messages.c.id.in_(last), messages.c.state == "waiting")
    query = sa.select(messages).where(shown).order_by(messages.c.id.desc())
    return [dict(row) for row in connection.execute(query).mappings()]
