"""Posters for the cultural house and for poles: A4, one page a place. Runs as a program of its own.

`python -m hub.residents.poster`: a job as JSON on standard input, the PDF on standard output.
"""

import json
import sys
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Any

from edge_agent.contract.paper import BOLD, FONTS, PLAIN

MARGIN = 42.0
QR = 300.0
"""Points; 10.6 cm can be read from a step away."""
MOST_LINES = 8


@dataclass(frozen=True, slots=True)
class Page:
    """One poster. `place`: what is written above the QR code; `link`: what the code holds."""

    place: str
    link: str


@dataclass(frozen=True, slots=True)
class Job:
    """What is printed on each page; all words are ready."""

    commune: str
    title: tuple[str, ...]
    calls: str
    lines: tuple[tuple[str, str], ...]
    foot: str
    pages: tuple[Page, ...]

    def order(self) -> bytes:
        """For the child's standard input."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def read(cls, order: bytes) -> "Job":
        """What `order` wrote."""
        raw = json.loads(order)
        raw["pages"] = tuple(Page(**page) for page in raw["pages"])
        raw["lines"] = tuple((name, number) for name, number in raw["lines"])
        return cls(**{**raw, "title": tuple(raw["title"])})


def printed(job: Job) -> bytes:
    """The PDF."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas

    for name in (PLAIN, BOLD):
        pdfmetrics.registerFont(TTFont(name, FONTS / f"{name}.ttf"))
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=A4, pageCompression=1)
    canvas.setTitle(" · ".join((job.commune, *job.title)))
    canvas.setAuthor(job.commune)
    for page in job.pages:
        _draw(canvas, job, page, *A4)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _draw(canvas: Any, job: Job, page: Page, width: float, height: float) -> None:
    y = _centred(canvas, job.commune.upper(), BOLD, 26, height - MARGIN, width)
    for line in job.title:
        y = _centred(canvas, line, BOLD, 30, y - 4, width)
    if page.place:
        y = _centred(canvas, page.place, BOLD, 22, y - 8, width)
    y -= QR + 10
    _code(canvas, page.link, (width - QR) / 2, y)
    y = _centred(canvas, page.link, PLAIN, 13, y - 4, width)
    if job.lines:
        y = _centred(canvas, job.calls, BOLD, 18, y - 12, width)
        for name, number in job.lines[:MOST_LINES]:
            y = _centred(canvas, f"{name}: {number}", PLAIN, 18, y, width)
    canvas.setFont(PLAIN, 10)
    canvas.drawCentredString(width / 2, MARGIN - 14, job.foot)


def _centred(canvas: Any, text: str, font: str, size: float, y: float, width: float) -> float:
    """Below `y`, smaller where it would not fit in two lines; returns where it ends."""
    from reportlab.lib.utils import simpleSplit

    room = width - 2 * MARGIN
    while size > 9 and len(simpleSplit(text, font, size, room)) > 2:
        size -= 1
    canvas.setFont(font, size)
    for line in simpleSplit(text, font, size, room)[:2]:
        y -= size * 1.3
        canvas.drawCentredString(width / 2, y + size * 0.25, line)
    return y


def _code(canvas: Any, link: str, x: float, y: float) -> None:
    import segno

    rows = [list(row) for row in segno.make(link, error="q", micro=False).matrix_iter(scale=1, border=4)]
    side = QR / len(rows)
    canvas.setFillGray(0)
    for down, row in enumerate(rows):
        for across, dark in enumerate(row):
            if dark:  # a little larger than its place: no white hairlines between
                canvas.rect(x + across * side, y + QR - (down + 1) * side, side + 0.1, side + 0.1, stroke=0, fill=1)


def main() -> None:
    """Read a job, write the PDF."""
    sys.stdout.buffer.write(printed(Job.read(sys.stdin.buffer.read())))


if __name__ == "__main__":
    main()
