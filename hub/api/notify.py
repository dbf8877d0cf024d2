"""To whom the hub writes by itself: channels, what each is told, at which hours, what was sent. Only for people."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, Field
from starlette.responses import Response

from edge_agent.contract.base import Instant, Strict, iso
from edge_agent.contract.sentences import Language
from hub.alerts.desk import USUAL, ChannelDesk, may
from hub.alerts.model import Channel, Rule
from hub.api.errors import refused
from hub.api.parts import NOT_FOUND, Hub, Limit, Parts, needs, reply, router
from hub.api.texts import CLEANED, AnyPlace
from hub.forms import Fields
from hub.people.door import somewhere
from hub.people.rights import EVERYWHERE, Place, Right

routes = router("notify")
ADMINISTER = somewhere(Right.ADMINISTER)

Id = Annotated[str, Path(max_length=100)]
Short = Annotated[str, CLEANED]
HOUR = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


class ToMail(Strict):
    """By mail. A password never travels open."""

    kind: Literal["mail"]
    server: Short = Field(max_length=260, description="`smtp.example.vn:587`")
    to: Short = Field(max_length=2000, description="Addresses, separated by commas")
    sender: Short = Field(default="", max_length=320, description="Absent: as `user`")
    user: Short = Field(default="", max_length=320)
    password: str = Field(default="", max_length=200)


class ToTelegram(Strict):
    """To a chat of Telegram."""

    kind: Literal["telegram"]
    token: Short = Field(max_length=120)
    chat: Short = Field(max_length=80)


class ToWeb(Strict):
    """To an address that takes JSON, such as a gateway of Zalo or of text messages."""

    kind: Literal["web"]
    web: Short = Field(max_length=2000)


class ToOther(Strict):
    """To any address of Apprise."""

    kind: Literal["other"]
    url: Short = Field(max_length=2000)


class Told(Strict):
    """Of what a channel is told, of which place, and when it is left in peace but for what is urgent."""

    name: Short = Field(min_length=1, max_length=100)
    place: AnyPlace = ""
    rules: tuple[Rule, ...] = Field(default=tuple(sorted(USUAL)), min_length=1, max_length=len(Rule))
    quiet_from: str | None = Field(default=None, pattern=HOUR, description="`21:30`, the commune's time")
    quiet_until: str | None = Field(default=None, pattern=HOUR)


class NewChannel(Told):
    """A new one."""

    to: ToMail | ToTelegram | ToWeb | ToOther = Field(discriminator="kind")


class ChangedChannel(Told):
    """Anything but where it leads."""

    on: bool = True


class Sent(BaseModel):
    """A message. `error`: the key of why it was not delivered yet."""

    channel: str
    name: str
    at: Instant
    title: str
    body: str
    state: str = Field(description="waiting, sent or given_up")
    sent: Instant | None = None
    tries: int
    error: str = ""


class ChannelOf(Told):
    """A channel. `to`: in a few words; what opens it is never told again."""

    id: str
    to: str
    on: bool
    since: Instant
    last: Sent | None = Field(default=None, description="The last message, or the first that waits in vain")


@routes.get("/notify/channels", response_model=list[ChannelOf])
@needs(ADMINISTER)
async def list_channels(hub: Hub) -> Response:
    """Those of places that one administers."""
    rows = [dict(row) for row in await _desk(hub).rows()]
    return reply([_channel(channel, rows) for channel in _desk(hub).all()])


@routes.post("/notify/channels", response_model=ChannelOf, status_code=201)
@needs(ADMINISTER)
async def make_channel(hub: Hub, asked: NewChannel) -> Response:
    """A new one."""
    to = {("from" if name == "sender" else name): str(value) for name, value in asked.to.model_dump().items()}
    return reply(_channel(await _desk(hub).make({**_fields(asked), **to}), []), 201)


@routes.put("/notify/channels/{channel_id}", response_model=ChannelOf, responses=NOT_FOUND)
@needs(ADMINISTER)
async def change_channel(hub: Hub, channel_id: Id, asked: ChangedChannel) -> Response:
    """Told otherwise, or off."""
    on = {"on": "1"} if asked.on else {}
    changed = await _desk(hub).change(_found(hub, channel_id), {**_fields(asked), **on})
    return reply(_channel(changed, []))


@routes.post("/notify/channels/{channel_id}/test", status_code=202, responses=NOT_FOUND)
@needs(ADMINISTER)
async def test_channel(hub: Hub, channel_id: Id, language: Language = "vi") -> Response:
    """Send a message that says that it is a test; `GET /notify/messages` says what became of it."""
    await _desk(hub).test(_found(hub, channel_id), language, hub.zone)
    return Response(status_code=202)


@routes.delete("/notify/channels/{channel_id}", status_code=204, responses=NOT_FOUND)
@needs(ADMINISTER)
async def remove_channel(hub: Hub, channel_id: Id) -> Response:
    """Nobody is written to by it any more."""
    await _desk(hub).remove(_found(hub, channel_id))
    return Response(status_code=204)


@routes.get("/notify/messages", response_model=list[Sent])
@needs(ADMINISTER)
async def list_messages(hub: Hub, limit: Limit = 50) -> Response:
    """What was sent last, and what waits, the newest first."""
    rows = [dict(row) for row in await _desk(hub).rows()]
    return reply([_sent(row) for row in rows if may(Place.parse(row["place"]))][:limit])


def _desk(hub: Parts) -> ChannelDesk:
    return hub.more.notify.desk


def _found(hub: Parts, id_: str) -> Channel:
    channel = _desk(hub).get(id_)
    if channel is None:
        raise refused(404, "notify.no_channel", "path.channel_id")
    return channel


def _fields(asked: Told) -> Fields:
    """As the form fills them."""
    rules = {f"rule_{rule.value}": "1" for rule in asked.rules}
    quiet = {"quiet_from": asked.quiet_from or "", "quiet_until": asked.quiet_until or ""}
    return {"name": asked.name, "place": asked.place or "*", **rules, **quiet}


def _channel(channel: Channel, rows: list[dict[str, str]]) -> dict[str, Any]:
    of_it = [row for row in rows if row["channel"] == channel.id]
    stuck = (row for row in of_it if row["state"] == "waiting" and row["error"])
    last = next(stuck, of_it[0] if of_it else None)
    told = {
        "id": channel.id,
        "name": channel.name,
        "to": channel.shown,
        "place": "" if channel.place == EVERYWHERE else str(channel.place),
        "rules": sorted(channel.rules),
        "on": channel.on,
        "since": iso(channel.since),
    }
    hours = {"quiet_from": channel.quiet_from, "quiet_until": channel.quiet_until}
    quiet = {name: f"{at:%H:%M}" for name, at in hours.items() if at is not None}
    return {**told, **quiet, **({"last": _sent(last)} if last else {})}


def _sent(row: dict[str, str]) -> dict[str, Any]:
    told = Sent(
        channel=row["channel"],
        name=row["name"],
        at=datetime.fromisoformat(row["at"]),
        title=row["title"],
        body=row["body"],
        state=row["state"],
        sent=datetime.fromisoformat(row["sent"]) if row["sent"] else None,
        tries=int(row["tries"]),
        error=row["error"],
    )
    return told.model_dump(mode="json", exclude_none=True)
