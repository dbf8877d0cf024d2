"""`Idempotency-Key`: what a program asks twice, because it got no answer the first time, is done once.

The first answer is kept for a day and given again. Of an answer that nobody kept (the hub ended meanwhile, it holds a
secret, it is very long), the second asker learns only that it was begun, and looks for itself.
"""

import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
from fastapi.exceptions import RequestValidationError
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from edge_agent.contract.base import iso
from hub.api.errors import refused
from hub.clock import Clock
from hub.people.acting import person
from hub.people.kit import client
from hub.store import Store, StoreFull
from hub.tables import metadata

logger = logging.getLogger(__name__)

METHODS = ("POST", "PATCH")
"""The others may be asked twice without harm."""
HEADER = "Idempotency-Key"
AGAIN = "Idempotency-Replayed"
LIFE = timedelta(days=1)
LONGEST_KEY = 100
LONGEST_ANSWER = 64 * 1024
MOST_OF_ONE = 2000
"""Keys of one program or person; of more the oldest are forgotten."""
MOST = 20_000
NOTHING_DONE = frozenset({400, 401, 403, 404, 405, 413, 415, 422, 429, 503})
"""After these nothing was done, so the same key may be used again."""

answers = sa.Table(
    "api_answers",
    metadata,
    sa.Column("who", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("asked", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False, index=True),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)

Answered = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a key. `asked`: hash of the request; `status` 0: begun, and no answer was kept."""

    asked: str
    status: int
    body: str


class Once:
    """Answers each key once."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._running: set[tuple[str, str]] = set()

    async def answer(self, request: Request, endpoint: Answered, *, secret: bool) -> Response:
        """That of the endpoint, or the one that it gave before. `secret`: it is never kept.

        Raises ApiError, HTTPException, SQLAlchemyError, StoreFull.
        """
        key = request.headers.get(HEADER)
        if key is None or request.method not in METHODS:
            return await endpoint(request)
        if not 0 < len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
            raise refused(422, "api.bad_key", f"header.{HEADER}", limit=LONGEST_KEY)
        name = (person().id or f"from {client(request)}", key)
        if name in self._running:
            raise refused(409, "api.key_running", f"header.{HEADER}")
        self._running.add(name)
        try:
            asked = _hash(request, await request.body())
            known = await self._store.call(partial(begin, who=name[0], key=key, asked=asked, now=self._clock.now()))
            if known is not None:
                return _again(known, asked)
            try:
                made = await endpoint(request)
            except (RequestValidationError, HTTPException):
                await self._write(partial(forget, who=name[0], key=key))
                raise
            await self._keep(name, made, secret=secret)
            return made
        finally:
            self._running.discard(name)

    async def _keep(self, name: tuple[str, str], made: Response, *, secret: bool) -> None:
        if made.status_code in NOTHING_DONE:
            await self._write(partial(forget, who=name[0], key=name[1]))
        elif not secret and made.status_code < 500:
            body = bytes(getattr(made, "body", b"")).decode(errors="replace")
            if len(body) <= LONGEST_ANSWER:
                await self._write(partial(keep, who=name[0], key=name[1], status=made.status_code, body=body))

    async def _write(self, job: Callable[[Connection], None]) -> None:
        """Where that is not possible, the next one learns that it was begun."""
        try:
            await self._store.call(job)
        except (SQLAlchemyError, StoreFull) as error:
            logger.error("the answer to a key could not be kept: %s", error)


def begin(connection: Connection, who: str, key: str, asked: str, now: datetime) -> Kept | None:
    """What is known of the key; None: nothing, and now it is begun."""
    connection.execute(answers.delete().where(answers.c.at < iso(now - LIFE)))
    known = connection.execute(sa.select(answers).where(_this(who, key))).first()
    if known is not None:
        return Kept(known.asked, known.status, known.body)
    mine = answers.c.who == who
    _leave(connection, mine, MOST_OF_ONE)
    _leave(connection, sa.true(), MOST)
    row = {"who": who, "key": key, "asked": asked, "at": iso(now), "status": 0, "body": ""}
    connection.execute(answers.insert(), row)
    return None


def keep(connection: Connection, who: str, key: str, status: int, body: str) -> None:
    """The answer."""
    connection.execute(answers.update().where(_this(who, key)).values(status=status, body=body))


def forget(connection: Connection, who: str, key: str) -> None:
    """Nothing was done."""
    connection.execute(answers.delete().where(_this(who, key)))


def _leave(connection: Connection, which: sa.ColumnElement[bool], most: int) -> None:
    """Room for one more: the oldest go."""
    count = connection.execute(sa.select(sa.func.count()).select_from(answers).where(which)).scalar_one()
    if count < most:
        return
    newest = sa.select(answers.c.at).where(which).order_by(answers.c.at.desc()).offset(most // 2).limit(1)
    oldest = connection.execute(newest).scalar_one()
    connection.execute(answers.delete().where(which, answers.c.at <= oldest))


def _this(who: str, key: str) -> sa.ColumnElement[bool]:
    return sa.and_(answers.c.who == who, answers.c.key == key)


def _again(known: Kept, asked: str) -> Response:
    if known.asked != asked:
        raise refused(422, "api.key_other", f"header.{HEADER}")
    if not known.status:
        raise refused(409, "api.key_used", f"header.{HEADER}")
    kind = "application/json" if known.body else None
    return Response(known.body, known.status, {AGAIN: "true"}, kind)


def _hash(request: Request, body: bytes) -> str:
    what = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return hashlib.sha256(what + body).hexdigest()
