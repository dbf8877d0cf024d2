"""The calendar of bulletins for phones and offices: iCalendar (RFC 5545), by a secret address for each person.

Rules stay rules; days of the moon, which calendars do not know, go out one by one for the coming years.
"""

import hashlib
import secrets
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from edge_agent.contract.base import iso
from edge_agent.contract.segments import Text
from hub import forms
from hub.bulletins.desk import Bulletins
from hub.bulletins.instants import Instance, instances
from hub.bulletins.listening import seconds_of
from hub.bulletins.model import HubBulletin, Schedule
from hub.bulletins.scope import Scope
from hub.bulletins.showing import Showing
from hub.bulletins.web import Web
from hub.forms import FormError
from hub.language import translator
from hub.people.accounts import Accounts
from hub.people.acting import person
from hub.people.door import PUBLIC, Door, somewhere
from hub.people.rights import Right
from hub.store import Store
from hub.tables import metadata, upsert

if TYPE_CHECKING:
    from icalendar import Event

feeds = sa.Table(
    "bulletin_feeds",
    metadata,
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("token", sa.Text, nullable=False, index=True),
    sa.Column("created", sa.Text, nullable=False),
)
"""`token`: SHA-256 of the secret; who reads the database cannot read the calendar by it."""
BACK = timedelta(days=30)
MOON_AHEAD = timedelta(days=2 * 366)
DOMAIN = "@edge-hub"


class Feed:
    """`/bulletins.ics?key=...`, and the page that makes such an address."""

    def __init__(
        self, store: Store, desk: Bulletins, scope: Scope, showing: Showing, accounts: Accounts, name: str, web: Web
    ) -> None:
        self._store = store
        self._desk = desk
        self._scope = scope
        self._showing = showing
        self._accounts = accounts
        self._name = name
        self._web = web

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application; before those of single bulletins."""
        return [
            door.route("/bulletins.ics", self._get, PUBLIC),
            door.route("/bulletins/feed", self._page, somewhere(Right.SEE)),
            door.route("/bulletins/feed", self._make, somewhere(Right.SEE), ["POST"]),
        ]

    async def _page(self, request: Request) -> Response:
        """Whether there is an address, and what makes one. Only its hash is kept: it is shown once."""
        return await self._shown(request)

    async def _shown(self, request: Request, address: str = "", sure: bool = False) -> Response:
        made = await self._store.read(partial(_made, who=person().id))
        speak = self._showing.speaker(self._web.language(request))
        since = speak.moment(datetime.fromisoformat(made)) if made else ""
        return self._web.page(request, "bulletins_feed.html", address=address, since=since, sure=sure)

    async def _make(self, request: Request) -> Response:
        """A new secret address. The one before it ends, so who has one is asked."""
        try:
            fields = await forms.read(request)
        except FormError as error:
            words = translator(self._web.language(request))(error.key, **error.params)
            return self._web.said("/bulletins/feed", words, False, error.key)
        made = await self._store.read(partial(_made, who=person().id))
        if made and fields.get("sure") != "yes":
            return await self._shown(request, sure=True)
        secret = secrets.token_urlsafe(24)
        row = {
            "person": person().id,
            "token": _hash(secret),
            "created": iso(self._showing.speaker("vi").now),
        }
        await self._store.call(lambda connection: upsert(connection, feeds, row))
        address = f"{request.url.scheme}://{request.url.netloc}/bulletins.ics?key={secret}"
        return await self._shown(request, address)

    async def _get(self, request: Request) -> Response:
        """The calendar of what this person may see, as long as they may."""
        key = request.query_params.get("key", "")[:100]
        owner = await self._store.read(partial(_owner, token=_hash(key))) if key else None
        account = self._accounts.get(owner) if owner else None
        if account is None or account.disabled or not account.person.may_somewhere(Right.SEE):
            return Response(status_code=404)
        seen = [
            bulletin
            for bulletin in self._desk.open.values()
            if bulletin.released is not None and self._scope.may_see(account.person, bulletin)
        ]
        speak = self._showing.speaker("vi")
        body = await run_in_threadpool(written, seen, speak.zone, speak.now, self._name or "edge-hub")
        headers = {"Cache-Control": "private, max-age=300"}
        return Response(body, media_type="text/calendar; charset=utf-8", headers=headers)


def written(bulletins: list[HubBulletin], zone: ZoneInfo, now: datetime, name: str) -> bytes:
    """The file, times in `zone`."""
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", "-//edge-hub//bulletins//VI")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    calendar.add("x-wr-timezone", zone.key)
    for bulletin in bulletins:
        if bulletin.released is not None:
            for event in _events(bulletin, bulletin.released.schedule, zone, now):
                calendar.add_component(event)
    calendar.add_missing_timezones()
    body: bytes = calendar.to_ical()
    return body


def _events(bulletin: HubBulletin, schedule: Schedule, zone: ZoneInfo, now: datetime) -> "list[Event]":
    again = schedule.recurrence
    if again is None:
        return [_event(bulletin, schedule.at, zone, now)]
    bare = schedule.model_copy(update={"recurrence": again.model_copy(update={"changes": (), "except_": ()})})
    start = max(schedule.at, now - BACK) if again.lunar else schedule.at
    each = list(_first(bare, start, zone, 400 if again.lunar else 1))
    if not each:
        return []
    event = _event(bulletin, each[0].at, zone, now)
    if again.rule is not None:
        event.add("rrule", _rule(again.rule, again.valid_to, zone))
    elif len(each) > 1:
        event.add("rdate", [one.at.astimezone(zone) for one in each[1:]])
    moved = {change.planned: change.at for change in again.changes}
    known = {one.at for one in each}
    left_out = [at for at in again.except_ if again.rule is not None or at in known]
    if left_out:
        event.add("exdate", [at.astimezone(zone) for at in sorted(left_out)])
    events = [event]
    for planned, at in sorted(moved.items()):
        changed = _event(bulletin, at, zone, now)
        changed.add("recurrence-id", planned.astimezone(zone))
        events.append(changed)
    return events


def _first(schedule: Schedule, start: datetime, zone: ZoneInfo, most: int) -> list[Instance]:
    found = []
    for instance in instances(schedule, start, start + MOON_AHEAD, zone):
        found.append(instance)
        if len(found) >= most:
            break
    return found


def _rule(rule: str, last: date | None, zone: ZoneInfo) -> object:
    from icalendar import vRecur

    made = vRecur.from_ical(rule)
    if last is not None:  # RFC 5545, 3.3.10: in UTC where the beginning has a time zone
        end = datetime.combine(last, time(23, 59, 59), zone)
        made["UNTIL"] = [end.astimezone(UTC)]
    return made


def _event(bulletin: HubBulletin, at: datetime, zone: ZoneInfo, now: datetime) -> "Event":
    from icalendar import Event, vDuration

    content = bulletin.released.content if bulletin.released else bulletin.content
    event = Event()
    event.add("uid", bulletin.id + DOMAIN)
    event.add("dtstamp", now.replace(microsecond=0))
    event.add("sequence", bulletin.number)
    event.add("dtstart", at.astimezone(zone))
    event["duration"] = vDuration(timedelta(seconds=max(60, round(seconds_of(bulletin)))))
    event.add("summary", plain(content.title))
    event.add("description", plain("\n".join(part.text for part in content.segments if isinstance(part, Text))))
    event.add("categories", [content.class_])
    return event


def plain(text: str) -> str:
    """A text as iCalendar can carry it."""
    return "".join(letter for letter in text if letter in "\n\t" or (letter >= " " and letter != "\x7f"))


def _owner(connection: Connection, token: str) -> str | None:
    return connection.execute(sa.select(feeds.c.person).where(feeds.c.token == token)).scalar()


def _made(connection: Connection, who: str) -> str | None:
    """When this person's address was made."""
    return connection.execute(sa.select(feeds.c.created).where(feeds.c.person == who)).scalar()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
