"""A birth record on A4, for signing. Runs as a program of its own (`python -m hub.births.paper`).

It gets words and small pictures on standard input and gives a PDF.
"""

import json
import sys
from base64 import b64decode
from html import escape
from io import BytesIO
from typing import Any

from edge_agent.contract.paper import BOLD, FONTS, PLAIN

SIZE = 9.5
MARGIN = 40.0
_SHARES = (0.26, 0.13, 0.61)
_PICTURE = 130.0
"""Points of a picture's width."""


def printed(job: dict[str, Any]) -> bytes:
    """The PDF of what `hub.births.book` gives."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.platypus import KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table

    for name in (PLAIN, BOLD):
        pdfmetrics.registerFont(TTFont(name, FONTS / f"{name}.ttf"))
    text = ParagraphStyle("text", fontName=PLAIN, fontSize=SIZE, leading=SIZE * 1.35, splitLongWords=1)
    bold = ParagraphStyle("bold", parent=text, fontName=BOLD)
    title = ParagraphStyle("title", parent=bold, fontSize=13, leading=18, alignment=1)
    width = A4[0] - 2 * MARGIN
    facts = [[Paragraph(escape(name), bold), Paragraph(escape(value), text)] for name, value in job["facts"]]
    middle = ParagraphStyle("middle", parent=bold, alignment=1)
    story: list[Any] = [
        *(Paragraph(escape(job[name]), title) for name in ("title", "head")),
        Spacer(1, 10),
        Table(facts, colWidths=[width * 0.3, width * 0.7], style=[("VALIGN", (0, 0), (-1, -1), "TOP")]),
        Spacer(1, 6),
        Paragraph(escape(job["summary"]), bold),
        Paragraph(escape(job["trust"]), text),
        Spacer(1, 8),
        _grid(job, text, bold, width),
        KeepTogether(
            [Spacer(1, 24), Table([[Paragraph(escape(each), middle) for each in job["signed"]]], rowHeights=[80])]
        ),
    ]
    buffer = BytesIO()
    name = f"{job['head']} · {job['facts'][0][1]}"
    sheet = SimpleDocTemplate(
        buffer, pagesize=A4, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN + 8,
        title=name, author=job["title"],
    )  # fmt: skip

    def foot(canvas: Any, document: Any) -> None:
        canvas.setFont(PLAIN, SIZE - 1)
        canvas.drawString(MARGIN, 24, job["foot"])
        canvas.drawRightString(A4[0] - MARGIN, 24, f"{job['page']} {document.page}")

    sheet.build(story, onFirstPage=foot, onLaterPages=foot)
    return buffer.getvalue()


def _grid(job: dict[str, Any], text: Any, bold: Any, width: float) -> Any:
    from reportlab.lib import colors
    from reportlab.platypus import LongTable, Paragraph, TableStyle

    rows: list[list[Any]] = [[Paragraph(escape(each), bold) for each in job["heads"]]]
    for line in job["lines"]:
        cells = [Paragraph(escape(cell).replace("\n", "<br/>"), text) for cell in line["cells"]]
        picture = _picture(line["picture"])
        rows.append([*cells[:2], [cells[2], picture] if picture is not None else cells[2]])
    style = TableStyle(
        [
            ("GRID", (0, 0), (-1, -1), 0.4, colors.black),
            ("BACKGROUND", (0, 0), (-1, 0), colors.Color(0.9, 0.9, 0.9)),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ]
    )
    return LongTable(rows, colWidths=[width * share for share in _SHARES], repeatRows=1, style=style)


def _picture(encoded: str | None) -> Any:
    """A picture of its own proportions; None where there is none that can be read."""
    from PIL import Image as Picture
    from reportlab.platypus import Image

    if not encoded:
        return None
    try:
        raw = b64decode(encoded, validate=True)
        with Picture.open(BytesIO(raw), formats=("JPEG",)) as image:
            high = _PICTURE * image.height / image.width
            image.load()
    except (OSError, ValueError, Picture.DecompressionBombError):
        return None
    return Image(BytesIO(raw), width=_PICTURE, height=min(high, 400.0), hAlign="LEFT")


def main() -> None:
    """Words from standard input, the PDF to standard output."""
    sys.stdout.buffer.write(printed(json.load(sys.stdin)))


if __name__ == "__main__":
    main()
