"""What channels are to be told, and the messages made of it: all in the database, so that a restart loses nothing.

A channel has at most one message that is not sent: what comes meanwhile gathers, so its order is kept, and a channel
that was away for hours gets one message of what is still true.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edge_agent.contract.base import iso
from hub.alerts.model import Channel, Rule, Trouble
from hub.alerts.tables import items, messages, told

logger = logging.getLogger(__name__)

MOST_WAITING = 5000
"""Of a channel; of more, what happened only once is left out."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 15, 300
"""Between two tries of one message: doubled each time."""
URGENT_TIMES = 3
Kind = Literal["new", "over", "once"]


@dataclass(frozen=True, slots=True)
class Item:
    """A thing that a channel is to be told."""

    id: int
    kind: Kind
    rule: Rule
    area: str
    name: str
    detail: str
    urgent: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """A message that waits to be sent."""

    id: int
    channel: str
    title: str
    body: str
    at: datetime
    tries: int
    urgent: bool


Write = Callable[[Sequence[Item]], tuple[str, str]]
"""Title and body of what a channel is told."""


def tell(connection: Connection, channels: Iterable[Channel], trouble: Trouble, kind: Kind, now: datetime) -> None:
    """Have those channels told that want it. What is over before it was told is not told at all."""
    if kind == "new":
        connection.execute(told.delete().where(told.c.key == trouble.key))
        connection.execute(told.insert().values(_told(trouble, now)))
    elif kind == "over":
        connection.execute(told.delete().where(told.c.key == trouble.key))
    for channel in channels:
        if channel.wants(trouble) and _is_news(connection, channel.id, trouble.key, kind):
            connection.execute(items.insert().values(_item(channel.id, trouble, kind, now)))


def _is_news(connection: Connection, channel: str, key: str, kind: Kind) -> bool:
    """Whether it must be told; what waits and says the contrary is taken back instead."""
    if kind == "once":
        waiting = sa.select(sa.func.count()).where(items.c.channel == channel, items.c.message == 0)
        if connection.execute(waiting).scalar_one() < MOST_WAITING:
            return True
        logger.warning("channel %s has %d things to tell, further ones are left out", channel, MOST_WAITING)
        return False
    of_it = sa.and_(items.c.channel == channel, items.c.key == key)
    last = connection.execute(sa.select(items).where(of_it).order_by(items.c.id.desc()).limit(1)).mappings().first()
    if last is None:
        return kind == "new"
    if last["kind"] != kind and last["message"] == 0:
        connection.execute(items.delete().where(items.c.id == last["id"]))
        return False
    return bool(last["kind"] != kind)


def compose(
    connection: Connection, channel: Channel, now: datetime, limits: "Limits", write: Write, *, quiet: bool
) -> bool:
    """Make one message of all that waits, if it is time to; whether one was made."""
    of_it = messages.c.channel == channel.id
    if connection.execute(sa.select(messages.c.id).where(of_it, messages.c.state == "waiting").limit(1)).first():
        return False
    waiting = sa.select(items).where(items.c.channel == channel.id, items.c.message == 0).order_by(items.c.id)
    found = [_read(row) for row in connection.execute(waiting).mappings()]
    due = [item for item in found if item.urgent] if quiet else found
    urgent = any(item.urgent for item in due)
    if not due or (not urgent and due[0].at + timedelta(seconds=limits.gather_s) > now):
        return False
    lately = sa.select(sa.func.count()).where(of_it, messages.c.at > iso(now - timedelta(hours=1)))
    if connection.execute(lately).scalar_one() >= limits.per_hour * (URGENT_TIMES if urgent else 1):
        return False
    title, body = write(due)
    id_ = put(connection, channel, title, body, now, urgent=urgent, things=len(due))
    for start in range(0, len(due), 500):
        some = [item.id for item in due[start : start + 500]]
        connection.execute(items.update().where(items.c.id.in_(some)).values(message=id_))
    return True


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a message waits for more, and how many there may be in an hour."""

    gather_s: float
    per_hour: int


def put(
    connection: Connection, channel: Channel, title: str, body: str, now: datetime, *, urgent: bool, things: int
) -> int:
    """A message, to be sent at once; its number."""
    row = {
        "channel": channel.id,
        "name": channel.name,
        "place": str(channel.place),
        "at": iso(now),
        "urgent": int(urgent),
        "title": title,
        "body": body,
        "things": things,
        "state": "waiting",
        "tries": 0,
        "due": iso(now),
        "sent": "",
        "error": "",
    }
    (id_,) = connection.execute(messages.insert().values(row)).inserted_primary_key or (0,)
    return int(id_)


def next_of(connection: Connection, channel: str, now: datetime) -> Message | None:
    """The oldest message of a channel that is not sent, if its turn has come."""
    oldest = sa.select(messages).where(messages.c.channel == channel, messages.c.state == "waiting")
    row = connection.execute(oldest.order_by(messages.c.id).limit(1)).mappings().first()
    if row is None or row["due"] > iso(now):
        return None
    at = datetime.fromisoformat(row["at"])
    return Message(row["id"], channel, row["title"], row["body"], at, row["tries"], bool(row["urgent"]))


def sent(connection: Connection, message: Message, now: datetime) -> None:
    """It went out."""
    _become(connection, message, state="sent", sent=iso(now), error="", tries=message.tries + 1)


def failed(connection: Connection, message: Message, error: str, now: datetime, give_up: timedelta) -> None:
    """It did not, and is tried again; given up when too old. `error`: the key of a sentence, and what fills it."""
    pause = min(FIRST_PAUSE_S * 2 ** min(message.tries, 10), LONGEST_PAUSE_S)
    state = "given_up" if now - message.at >= give_up else "waiting"
    due = iso(now + timedelta(seconds=pause))
    _become(connection, message, state=state, due=due, error=error[:200], tries=message.tries + 1)


def is_full(connection: Connection, channel: str, most: int = 5) -> bool:
    """Whether so many messages of it wait that no test is added."""
    waiting = sa.and_(messages.c.channel == channel, messages.c.state == "waiting")
    return bool(
        connection.execute(sa.select(sa.func.count()).select_from(messages).where(waiting)).scalar_one() >= most
    )


def hurry(connection: Connection, channel: str, now: datetime) -> None:
    """Try at once what waits."""
    waiting = sa.and_(messages.c.channel == channel, messages.c.state == "waiting")
    connection.execute(messages.update().where(waiting).values(due=iso(now)))


def prune(connection: Connection, before: datetime) -> None:
    """Forget what is older and done."""
    old = sa.and_(messages.c.at < iso(before), messages.c.state != "waiting")
    connection.execute(messages.delete().where(old))
    still_told = sa.select(told.c.key)
    done = sa.and_(items.c.message != 0, items.c.at < iso(before), items.c.key.not_in(still_told))
    connection.execute(items.delete().where(done))


def _become(connection: Connection, message: Message, **values: Any) -> None:
    connection.execute(messages.update().where(messages.c.id == message.id).values(values))


def _told(trouble: Trouble, now: datetime) -> dict[str, object]:
    return {
        "key": trouble.key,
        "rule": trouble.rule.value,
        "place": str(replace(trouble.place, area="") if trouble.place.node else trouble.place),
        "area": trouble.area,
        "name": trouble.name,
        "at": iso(now),
    }


def _item(channel: str, trouble: Trouble, kind: Kind, now: datetime) -> dict[str, object]:
    return {
        "channel": channel,
        "key": trouble.key,
        "kind": kind,
        "rule": trouble.rule.value,
        "area": trouble.area,
        "name": trouble.name,
        "detail": trouble.detail,
        "urgent": int(trouble.urgent),
        "at": iso(now),
        "message": 0,
    }


def _read(row: "sa.RowMapping") -> Item:
    return Item(
        row["id"],
        row["kind"],
        Rule(row["rule"]),
        row["area"],
        row["name"],
        row["detail"],
        bool(row["urgent"]),
        datetime.fromisoformat(row["at"]),
    )
