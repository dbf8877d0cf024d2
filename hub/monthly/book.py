"""A month's tables for whoever asks, read, printed and as files: the same for the page and for the API."""

import json
import re
from dataclasses import asdict, replace

from edge_agent.contract.sentences import Language
from hub.aired import month as months
from hub.aired import rows as aired
from hub.aired.book import within
from hub.aired.paper import local_now
from hub.aired.rows import Totals
from hub.language import translator
from hub.monthly import files, sums
from hub.monthly.sums import Asked, Table
from hub.monthly.tables import millis
from hub.monthly.words import Wording
from hub.people.acting import person
from hub.people.rights import EVERYWHERE, Right
from hub.printing import Printer
from hub.shown import Shown
from hub.store import Store

ON_PAPER = 500
"""Rows of a table at most; a CSV has all."""
_MONTH = re.compile(r"20[2-9]\d-(0[1-9]|1[0-2])", re.ASCII)


class Book:
    """Only reads; of the places where the acting person may. All raise SQLAlchemyError."""

    def __init__(self, shown: Shown, store: Store) -> None:
        self._shown = shown
        self._store = store
        self._printer = Printer("hub.monthly.paper")

    async def asked(self, month: str) -> Asked:
        """What is asked for; empty: this month. Raises months.Unclear."""
        month = month or months.month_of(self._shown.clock.now(), self._shown.zone)
        if not _MONTH.fullmatch(month):
            raise months.Unclear("aired.bad_month")
        places = person().places(Right.REPORTS)
        theirs = None
        if EVERYWHERE not in places:
            zones = await self._store.read(aired.zones) if any(place.area for place in places) else {}
            theirs = within(places, zones)
        return Asked(month, self._shown.zone, millis(self._shown.clock.now()), theirs)

    async def tables(self, asked: Asked, most: int | None) -> tuple[Table, ...]:
        """All of them, each of so many rows at most."""
        few = replace(asked, most=most)
        return await self._store.read(lambda c: sums.tables(c, few))

    async def aired(self, asked: Asked) -> Totals:
        """Sums of the as-aired log."""
        wanted = replace(months.wanted(asked.month, asked.zone), within=asked.within)
        return await self._store.read(lambda c: aired.totals(c, wanted))

    async def csv(self, kind: str, asked: Asked) -> str:
        """One table, a kind of `sums.KINDS`."""
        return files.as_csv(await self._store.read(lambda c: sums.table(c, kind, asked)))

    async def json(self, asked: Asked) -> dict[str, object]:
        """All of it."""
        body = files.as_json(asked.month, await self.tables(asked, None))
        return {**body, "aired": asdict(await self.aired(asked))}

    async def pdf(self, asked: Asked, language: Language) -> bytes | None:
        """For signing; None where it could not be made. Raises printing.Busy."""
        t, (year, number) = translator(language), asked.month.split("-")
        wording = self.wording(language)
        tables = [asdict(wording.table(table)) for table in await self.tables(asked, ON_PAPER)]
        job = {
            "title": (self._shown.name or t("page.console")).upper(),
            "head": t("monthly.paper_title", month=number, year=year),
            "foot": t("aired.printed", at=local_now(self._shown.zone)),
            "page": t("monthly.paper_page"),
            "signed": [t("aired.signed_by"), t("aired.approved_by")],
            "tables": tables,
        }
        made, code = await self._printer.printed(json.dumps(job).encode())
        return made if code == 0 else None

    def wording(self, language: Language) -> Wording:
        """Words tables."""
        many = len(self._shown.areas.communes()) > 1
        return Wording(language, self._shown.zone, self._called, many)

    def _called(self, address: str, thing: str) -> str:
        """As its node calls it now; of what is gone, its id."""
        node, (kind, _, id_) = self._shown.registry.nodes.get(address), thing.partition("/")
        known = node.about.capabilities if node and node.about else ()
        return next((c.name for c in known if (c.kind, c.id) == (kind, id_) and c.name), id_ or thing)
