"""The as-aired log for whoever asks, as CSV and as a PDF: the same for the page and for the API."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace

from edge_agent.contract.sentences import Language
from hub.aired import files, month, rows
from hub.aired.paper import Job, local_now
from hub.aired.rows import Wanted
from hub.language import translator
from hub.people.acting import person
from hub.people.rights import EVERYWHERE, Place, Right
from hub.plain import area_id
from hub.shown import Shown
from hub.store import Store

logger = logging.getLogger(__name__)

CHUNK = 500
"""Rows of a CSV that are read at a time: whoever fetches it slowly holds no connection."""
PAPER_S = 120.0
"""A PDF that takes longer is given up."""
WAITING = 4
"""PDFs that are made or wait at the same time; one is made at a time."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows: of a month, a commune or node, `show` (all, aired, ...), and class; empty: all."""

    month: str
    where: str = ""
    show: str = ""
    class_: str = ""

    @property
    def file(self) -> str:
        """A name for a file of them."""
        return "-".join(part for part in ("aired", self.month, self.where.replace("/", "-"), self.show) if part)


class NoPaper(Exception):
    """No PDF was made. `key` says why, `status` as HTTP does."""

    def __init__(self, key: str, status: int) -> None:
        super().__init__(key)
        self.key = key
        self.status = status


class AiredBook:
    """Only reads; of the places where the acting person has the right that is named. All raise SQLAlchemyError."""

    def __init__(self, shown: Shown, store: Store) -> None:
        self._shown = shown
        self._store = store
        self._printing = asyncio.Semaphore(1)
        self._waiting = 0

    def choice(self, month_: str, where: str, show: str, class_: str) -> Choice:
        """Of this month, if none is named."""
        now = month.month_of(self._shown.clock.now(), self._shown.zone)
        return Choice(month_ or now, where, show, class_)

    async def wanted(self, choice: Choice, right: Right) -> Wanted:
        """What is asked for, of what the reader may see. Raises month.Unclear."""
        wanted = month.wanted(choice.month, self._shown.zone, choice.where, choice.show, choice.class_)
        places = person().places(right)
        if EVERYWHERE in places:
            return wanted
        zones = await self._store.read(rows.zones) if any(place.area for place in places) else {}
        return replace(wanted, within=within(places, zones))

    async def lines(self, wanted: Wanted) -> AsyncIterator[str]:
        """The CSV, a piece at a time."""
        names = await self._store.read(rows.names)
        head, after = True, None
        while True:
            found, after = await self._store.read(lambda c, last=after: rows.chunk(c, wanted, last, CHUNK))  # type: ignore[misc]
            yield "".join(files.csv_lines(found, self._shown.zone, names, head=head))
            head = False
            if after is None:
                return

    async def pdf(self, choice: Choice, wanted: Wanted, language: Language) -> bytes:
        """For signing. Raises NoPaper."""
        if self._waiting >= WAITING:
            raise NoPaper("aired.paper_busy", 503)
        job = self._job(choice, wanted, language)
        self._waiting += 1
        try:
            async with self._printing:
                made, code = await _printed(job)
        finally:
            self._waiting -= 1
        if code == 3:
            raise NoPaper("aired.paper_long", 413)
        if code != 0:
            raise NoPaper("aired.paper_failed", 503)
        return made

    def _job(self, choice: Choice, wanted: Wanted, language: Language) -> Job:
        zone = self._shown.zone
        title = self._shown.name or translator(language)("page.console")
        return Job(
            *(self._store.address.render_as_string(hide_password=False), choice.month, choice.where, choice.show),
            *(choice.class_, zone.key, language, title),
            printed=local_now(zone),
            within=wanted.within,
        )


def within(places: Iterable[Place], zones: dict[str, str]) -> tuple[str, ...]:
    """Communes and addresses that lie in some places. `zones`: address -> area as the node called it."""
    found: list[str] = []
    for place in places:
        if not place.area:
            found.append(str(place))
            continue
        for address, zone in zones.items():
            commune, _, node = address.partition("/")
            if place.holds(Place(commune, area_id(zone), node)):
                found.append(address)
    return tuple(dict.fromkeys(found))


async def _printed(job: Job) -> tuple[bytes, int]:
    """Have a child make it; the exit code says how it went (-9: it took too long)."""
    try:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "hub.aired.paper"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:  # no memory, no more processes
        logger.error("no PDF could be begun: %s", error)
        return b"", -1
    try:
        async with asyncio.timeout(PAPER_S):
            made, complaint = await child.communicate(job.order())
    except TimeoutError:
        return b"", -9
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    if child.returncode not in (0, 3):
        logger.error("no PDF was made: %s", complaint.decode(errors="replace")[-8000:])
    return made, child.returncode or 0
