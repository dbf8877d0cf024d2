"""Asks the feeds for alerts, again and again, and knows which of them are silent."""

import asyncio
import contextlib
import hashlib
import logging
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError

from hub.cap import index, polled
from hub.cap.desk import Desk
from hub.cap.fetch import Fetched, Fetcher, FetchError
from hub.cap.parse import CapError
from hub.cap.settings import FeedSettings
from hub.cap.signature import SignatureError
from hub.cap.xml import XmlError
from hub.clock import Clock
from hub.notice import Notice
from hub.store import Store, StoreFull
from hub.supervise import supervise

logger = logging.getLogger(__name__)

LONGEST_PAUSE_S = 900.0
SILENT_AFTER_S = 900.0
"""A feed that was asked rarely is silent after three times its pause; others after this."""
MOST_NEW = 50
"""Entries that are fetched in one go; the others next time."""
MOST_TRIES = 5
MOST_REFUSED = 20
LONGEST_SHOWN = 300
"""Characters of an address on the page and in the log."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something was not taken: the key of a sentence, and what fills it."""

    key: str
    params: dict[str, str] = field(default_factory=dict)


@dataclass
class FeedState:
    """How a feed does. `good`: when it answered last. `refused`: addresses of what it gave and was not taken."""

    settings: FeedSettings
    since: datetime
    good: datetime | None = None
    fault: Trouble | None = None
    failures: int = 0
    refused: dict[str, Trouble] = field(default_factory=dict)

    def silent(self, now: datetime) -> bool:
        """Whether people should know that nothing comes from there."""
        limit = max(SILENT_AFTER_S, 3 * self.settings.every_s)
        return now - (self.good or self.since) > timedelta(seconds=limit)

    def pause(self) -> float:
        """Seconds to the next question: longer after each failure, and never at the same time as others."""
        wait = self.settings.every_s
        if self.failures:
            wait = min(wait * 2 ** min(self.failures, 10), max(LONGEST_PAUSE_S, wait))
        return wait * random.uniform(0.9, 1.1)  # noqa: S311 - no secret


class Feeds:
    """All feeds of the configuration."""

    def __init__(self, desk: Desk, store: Store, notice: Notice, clock: Clock) -> None:
        self._desk = desk
        self._store = store
        self._notice = notice
        self._clock = clock
        now = clock.now()
        self.states = {feed.name: FeedState(feed, now) for feed in desk.settings.feeds}

    async def run(self) -> None:
        """Ask all of them, for ever."""
        for name, good in (await self._store.read(polled.goods)).items():
            if name in self.states:
                self.states[name].good = good
        async with Fetcher() as fetcher, asyncio.TaskGroup() as group:
            for state in self.states.values():
                name = state.settings.name
                group.create_task(supervise(f"feed {name}", partial(self._follow, fetcher, state)), name=f"feed {name}")

    async def _follow(self, fetcher: Fetcher, state: FeedState) -> None:
        while True:
            await self.ask(fetcher, state)
            await asyncio.sleep(state.pause())

    async def ask(self, fetcher: Fetcher, state: FeedState) -> None:
        """Ask once. What goes wrong is remembered for people, and tried again."""
        name, before = state.settings.name, (state.fault, len(state.refused))
        try:
            await self._ask(fetcher, state)
        except (FetchError, XmlError) as error:
            key = error.key if isinstance(error, FetchError) else f"cap.xml_{error.code}"
            state.fault = Trouble(key, {name: str(value)[:200] for name, value in error.params.items()})
            state.failures += 1
        except (SQLAlchemyError, StoreFull) as error:
            logger.error("feed %s: %s", name, error)
            state.fault = Trouble("cap.feed_unwritten")
            state.failures += 1
        else:
            state.fault, state.failures, state.good = None, 0, self._clock.now()
        if state.fault != before[0]:
            if state.fault is not None:
                logger.warning("feed %s: %s %s", name, state.fault.key, state.fault.params)
            else:
                logger.info("feed %s answers again", name)
        if before != (state.fault, len(state.refused)):
            self._notice.bump()

    async def _ask(self, fetcher: Fetcher, state: FeedState) -> None:
        settings, now = state.settings, self._clock.now()
        known = await self._store.read(partial(polled.last, name=settings.name, url=settings.url))
        hosts = (*settings.hosts, _host(settings.url))
        found = await fetcher.get(settings.url, hosts, known, limit=index.LIST_BYTES)
        if found.body is None:
            await self._store.call(partial(polled.keep, name=settings.name, url=settings.url, got=known, now=now))
            return
        listed = await asyncio.to_thread(index.read, found.body, settings.url)
        if listed.is_alert:
            entry = index.Entry(hashlib.sha256(found.body).hexdigest(), settings.url)
            await self._take(state, entry, found)
            complete = True
        else:
            complete = await self._entries(fetcher, state, listed.entries, hosts)
        # The list is asked for in full again as long as something of it is missing.
        got = Fetched(None, found.etag, found.modified) if complete else Fetched(None)
        await self._store.call(partial(polled.keep, name=settings.name, url=settings.url, got=got, now=now))

    async def _entries(
        self, fetcher: Fetcher, state: FeedState, entries: tuple[index.Entry, ...], hosts: tuple[str, ...]
    ) -> bool:
        """Fetch what is new; whether all of it is done."""
        name = state.settings.name
        keys = [entry.key for entry in entries]
        tried = await self._store.read(partial(polled.tried, name=name, keys=keys))
        fresh = [entry for entry in entries if tried.get(entry.key, 0) < MOST_TRIES]
        fresh.sort(key=lambda entry: tried.get(entry.key, 0))  # what failed before keeps nothing new waiting
        complete = len(fresh) <= MOST_NEW
        for entry in fresh[:MOST_NEW]:
            try:
                found = await fetcher.get(entry.url, hosts, secure=state.settings.url.startswith("https:"))
            except FetchError as error:
                tries = tried.get(entry.key, 0) + 1
                complete &= tries >= MOST_TRIES
                _refuse(state, entry.url, Trouble(error.key, error.params))
                await self._mark(name, entry.key, tries)
                continue
            await self._take(state, entry, found)
        return complete

    async def _take(self, state: FeedState, entry: index.Entry, found: Fetched) -> None:
        try:
            astray = found.astray(self._clock.now())
            await self._desk.take(found.body or b"", state.settings.name, astray=astray)
        except CapError as error:
            first = error.problems[0]
            _refuse(state, entry.url, Trouble(first.key, {**first.params, "path": first.path}))
        except SignatureError as error:
            _refuse(state, entry.url, Trouble(error.key))
        else:
            state.refused.pop(entry.url[:LONGEST_SHOWN], None)
        await self._mark(state.settings.name, entry.key, MOST_TRIES)

    async def _mark(self, name: str, key: str, tries: int) -> None:
        await self._store.call(partial(polled.mark, name=name, key=key, tries=tries, now=self._clock.now()))


def _refuse(state: FeedState, url: str, why: Trouble) -> None:
    url = url[:LONGEST_SHOWN]
    if len(state.refused) >= MOST_REFUSED:
        with contextlib.suppress(StopIteration):
            state.refused.pop(next(iter(state.refused)))
    state.refused[url] = why
    logger.warning("feed %s: %s was not taken: %s %s", state.settings.name, url, why.key, why.params)


def _host(url: str) -> str:
    """`host:port` of an address, the port always."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or {'http': 80, 'https': 443}[parts.scheme]}"
