"""The log on paper: A4 across, for signing. Runs as a program of its own (`python -m hub.aired.paper`).

Drawing thousands of rows takes seconds and megabytes that the hub does not have to spare; a child gives them back.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from edge_agent.contract.paper import BOLD, FONTS, PLAIN
from edge_agent.contract.sentences import Language
from hub import database
from hub.aired import month, rows
from hub.aired.words import Line, Wording
from hub.language import known, translator

MOST_ROWS = 10_000
"""More than that nobody signs; by node it is less."""
SIZE, LEADING = 8.0, 10.2
MARGIN, FOOT = 34.0, 30.0
PAD = 3.0
WIDTHS = (26, 66, 176, 96, 38, 46, 66, 74, 88, 98)
"""Points: number, day and time, title, node, length, error, result, heard, approved, notes. In all A4 less margins."""
_HEADS = ("number", "when", "title", "node", "length", "error", "result", "heard", "approved", "notes")


class TooLong(Exception):
    """More rows than fit on paper."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be printed. `title`: of the commune. `printed`: local time, as it stands below.

    `database`: its address, perhaps with a password.
    """

    database: str
    month: str
    where: str
    show: str
    class_: str
    zone: str
    language: Language
    title: str
    printed: str
    within: tuple[str, ...] | None = None
    """As `Wanted.within`."""

    def order(self) -> bytes:
        """For the child's standard input: its arguments everybody on the machine could read."""
        return json.dumps(asdict(self)).encode()


def printed(job: Job) -> bytes:
    """The PDF. Raises TooLong, month.Unclear, SQLAlchemyError."""
    zone, t = ZoneInfo(job.zone), translator(job.language)
    wanted = replace(month.wanted(job.month, zone, job.where, job.show, job.class_), within=job.within)
    with database.opened(make_url(job.database)) as connection:
        if rows.count(connection, wanted) > MOST_ROWS:
            raise TooLong
        names = {address: name for address, name in rows.names(connection).items() if rows.seen(address, wanted)}
        wording = Wording(job.language, zone, names)
        lines = [wording.line(row) for row in rows.rows(connection, wanted)]
        sums = wording.totals(rows.totals(connection, wanted))
    year, number = job.month.split("-")
    head = [job.title.upper(), t("aired.paper_title", month=number, year=year)]
    if job.where:
        head.append(t("aired.paper_where", where=names.get(job.where, job.where)))
    sheet = _Sheet(t, head, sums, t("aired.printed", at=job.printed))
    return sheet.draw(lines)


class _Sheet:
    """Lays rows out on pages, then draws them: only then it is known how many pages there are."""

    def __init__(self, t: Any, head: list[str], sums: list[tuple[str, str]], foot: str) -> None:
        from reportlab.lib.pagesizes import A4, landscape
        from reportlab.pdfbase import pdfmetrics
        from reportlab.pdfbase.ttfonts import TTFont

        for name in (PLAIN, BOLD):
            pdfmetrics.registerFont(TTFont(name, FONTS / f"{name}.ttf"))
        self._t = t
        self._head = head
        self._sums = sums
        self._foot = foot
        self._width, self._height = landscape(A4)
        self._heads = [t(f"aired.column_{name}") for name in _HEADS]
        self._heads_height = self._row_height(self._wrapped(self._heads, BOLD))

    def draw(self, lines: Sequence[Line]) -> bytes:
        from reportlab.pdfgen.canvas import Canvas

        cells = [self._wrapped(_cells(number, line), PLAIN) for number, line in enumerate(lines, 1)]
        pages = self._pages(cells)
        buffer = BytesIO()
        canvas = Canvas(buffer, pagesize=(self._width, self._height), pageCompression=1)
        canvas.setTitle(" · ".join(part for part in self._head[:2] if part))
        canvas.setAuthor(self._head[0])
        for number, page in enumerate(pages, 1):
            y = self._height - MARGIN
            y = self._draw_head(canvas, y) if number == 1 else y
            y = self._draw_table(canvas, y, page, lines)
            if number == len(pages):
                self._draw_signatures(canvas, y)
            canvas.setFont(PLAIN, SIZE)
            canvas.drawString(MARGIN, FOOT - 8, self._foot)
            canvas.drawRightString(self._width - MARGIN, FOOT - 8, self._t("aired.page", page=number, pages=len(pages)))
            canvas.showPage()
        canvas.save()
        return buffer.getvalue()

    def _pages(self, cells: list[list[list[str]]]) -> list[list[list[list[str]]]]:
        """Rows by page; the last page has room for the signatures."""
        pages: list[list[list[list[str]]]] = [[]]
        left = self._room() - self._head_height()
        for row in cells:
            height = self._row_height(row)
            if height > left and pages[-1]:
                pages.append([])
                left = self._room()
            pages[-1].append(row)
            left -= height
        if left < _SIGNED:  # nobody signs a sheet on which nothing stands
            few = min(3, len(pages[-1]) - 1)
            pages[-1:] = [pages[-1][:-few], pages[-1][-few:]] if few > 0 else [pages[-1], []]
        return pages

    def _room(self) -> float:
        return float(self._height) - MARGIN - FOOT - self._heads_height

    def _head_height(self) -> float:
        return 22.0 * len([part for part in self._head if part]) + LEADING * 2 + 14

    def _draw_head(self, canvas: Any, y: float) -> float:
        for place, text in enumerate(part for part in self._head if part):
            canvas.setFont(BOLD if place < 2 else PLAIN, 13 if place < 2 else 10)
            canvas.drawCentredString(self._width / 2, y - 12, text[:110])
            y -= 22
        canvas.setFont(PLAIN, 9)
        half = (len(self._sums) + 1) // 2
        for part in (self._sums[:half], self._sums[half:]):
            canvas.drawString(MARGIN, y - 9, "     ".join(f"{name}: {value}" for name, value in part))
            y -= LEADING + 2
        return y - 10

    def _draw_table(self, canvas: Any, y: float, page: list[list[list[str]]], lines: Sequence[Line]) -> float:
        if not page:
            if not lines:
                canvas.setFont(PLAIN, 10)
                canvas.drawCentredString(self._width / 2, y - 14, self._t("aired.none"))
                y -= 20
            return y
        y = self._draw_row(canvas, y, self._wrapped(self._heads, BOLD), BOLD)
        for row in page:
            y = self._draw_row(canvas, y, row, PLAIN)
        return y

    def _draw_row(self, canvas: Any, y: float, row: list[list[str]], font: str) -> float:
        height, x = self._row_height(row), MARGIN
        canvas.setFont(font, SIZE)
        canvas.setLineWidth(0.4)
        if font == BOLD:
            canvas.setFillGray(0.9)
            canvas.rect(MARGIN, y - height, sum(WIDTHS), height, stroke=0, fill=1)
            canvas.setFillGray(0)
        for width, words in zip(WIDTHS, row, strict=True):
            canvas.rect(x, y - height, width, height, stroke=1, fill=0)
            for place, text in enumerate(words):
                canvas.drawString(x + PAD, y - PAD - SIZE + 1 - place * LEADING, text)
            x += width
        return y - height

    def _draw_signatures(self, canvas: Any, y: float) -> None:
        t, y = self._t, y - 26
        for place, key in ((0.2, "aired.signed_by"), (0.8, "aired.approved_by")):
            x = MARGIN + sum(WIDTHS) * place
            canvas.setFont(BOLD, 9)
            canvas.drawCentredString(x, y, t(key))
            canvas.setFont(PLAIN, SIZE)
            canvas.drawCentredString(x, y - 12, t("aired.sign_here"))
            canvas.drawCentredString(x, y + 13, t("aired.signed_on") if place > 0.5 else "")
            canvas.line(x - 80, y - 78, x + 80, y - 78)

    def _wrapped(self, cells: Sequence[str], font: str) -> list[list[str]]:
        return [_lines(cell, font, width - 2 * PAD) for cell, width in zip(cells, WIDTHS, strict=True)]

    def _row_height(self, row: list[list[str]]) -> float:
        return max(len(words) for words in row) * LEADING + 2 * PAD


_SIGNED = 120.0
"""Points that the signatures take."""


def _cells(number: int, line: Line) -> list[str]:
    title = line.title if line.class_ == "ordinary" else f"[{line.class_word}] {line.title}"
    return [
        *(str(number), f"{line.day[:5]} {line.time}", title, line.node, line.length, line.error),
        *(line.state_word, line.heard_word, line.approved, "; ".join(line.notes)),
    ]


@lru_cache(maxsize=4096)
def _lines(text: str, font: str, width: float) -> list[str]:
    """A cell in lines that fit; a log says the same few things again and again."""
    from reportlab.lib.utils import simpleSplit

    return [part for line in simpleSplit(text, font, SIZE, width)[:8] for part in _cut(line, font, width)]


def _cut(text: str, font: str, width: float) -> list[str]:
    """A word that is longer than its column, in pieces that fit."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    if stringWidth(text, font, SIZE) <= width:
        return [text]
    parts = [""]
    for letter in text:
        if stringWidth(parts[-1] + letter, font, SIZE) > width:
            parts.append("")
        parts[-1] += letter
    return parts


def main() -> None:
    """Read a job from standard input, write the PDF to standard output; exit 3 when there are too many rows."""
    raw = json.load(sys.stdin)
    within = None if raw["within"] is None else tuple(raw["within"])
    job = Job(**{**raw, "language": known(raw["language"]) or "vi", "within": within})
    try:
        sys.stdout.buffer.write(printed(job))
    except TooLong:
        sys.exit(3)
    except (SQLAlchemyError, month.Unclear) as error:
        sys.exit(str(error))


def local_now(zone: ZoneInfo) -> str:
    """When it was printed."""
    return f"{datetime.now(zone):%H:%M %d/%m/%Y}"


if __name__ == "__main__":
    main()
