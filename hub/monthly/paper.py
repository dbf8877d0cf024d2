"""A month's tables on A4, for signing. Runs as a program of its own (`python -m hub.monthly.paper`).

It gets words on standard input and gives a PDF: what takes seconds and megabytes is not the hub's.
"""

import json
import sys
from html import escape
from io import BytesIO
from typing import Any

from edge_agent.contract.paper import BOLD, FONTS, PLAIN

SIZE = 8.5
MARGIN = 36.0
_NUMBER, _TEXT = 1.0, 1.9
"""How wide columns are beside each other."""


def printed(job: dict[str, Any]) -> bytes:
    """The PDF of `{title, head, foot, page, signed: [left, right], tables}`; tables as `hub.monthly.words.Shown`."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.platypus import KeepTogether, Paragraph, SimpleDocTemplate, Spacer

    for name in (PLAIN, BOLD):
        pdfmetrics.registerFont(TTFont(name, FONTS / f"{name}.ttf"))
    text = ParagraphStyle("text", fontName=PLAIN, fontSize=SIZE, leading=SIZE * 1.3, wordWrap="LTR", splitLongWords=1)
    head = ParagraphStyle("head", parent=text, fontName=BOLD)
    title = ParagraphStyle("title", parent=head, fontSize=13, leading=17, alignment=1)
    part = ParagraphStyle("part", parent=head, fontSize=11, leading=15, spaceBefore=10)
    story: list[Any] = [Paragraph(escape(job["title"]), title), Paragraph(escape(job["head"]), title), Spacer(1, 6)]
    for table in job["tables"]:
        above = [Paragraph(escape(table["title"]), part), Paragraph(escape(table["note"]), text), Spacer(1, 4)]
        if not table["rows"]:
            story.append(KeepTogether([*above, Paragraph(escape(table["none"]), text)]))
            continue
        story += [*above, _grid(table, text, head)]
        if table["left"]:
            story.append(Paragraph(escape(table["left"]), text))
    story.append(KeepTogether([Spacer(1, 22), _signatures(job["signed"], head)]))
    buffer = BytesIO()
    sheet = SimpleDocTemplate(
        buffer, pagesize=A4, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN + 8,
        title=f"{job['title']} · {job['head']}", author=job["title"],
    )  # fmt: skip

    def foot(canvas: Any, document: Any) -> None:
        canvas.setFont(PLAIN, SIZE)
        canvas.drawString(MARGIN, 22, job["foot"])
        canvas.drawRightString(A4[0] - MARGIN, 22, f"{job['page']} {document.page}")

    sheet.build(story, onFirstPage=foot, onLaterPages=foot)
    return buffer.getvalue()


def _grid(table: dict[str, Any], text: Any, head: Any) -> Any:
    from reportlab.lib import colors
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import LongTable, Paragraph, TableStyle

    shares = [_NUMBER if right else _TEXT for right in table["rights"]]
    width = (A4[0] - 2 * MARGIN) / sum(shares)
    rows = [[Paragraph(escape(each), head) for each in table["heads"]]]
    rows += [[Paragraph(escape(cell), text) for cell in row] for row in table["rows"]]
    style = TableStyle(
        [
            ("GRID", (0, 0), (-1, -1), 0.4, colors.black),
            ("BACKGROUND", (0, 0), (-1, 0), colors.Color(0.9, 0.9, 0.9)),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ]
    )
    return LongTable(rows, colWidths=[width * share for share in shares], repeatRows=1, style=style)


def _signatures(words: list[str], style: Any) -> Any:
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph, Table

    middle = ParagraphStyle("middle", parent=style, alignment=1)
    return Table([[Paragraph(escape(each), middle) for each in words]], rowHeights=[80])


def main() -> None:
    """Words from standard input, the PDF to standard output."""
    sys.stdout.buffer.write(printed(json.load(sys.stdin)))


if __name__ == "__main__":
    main()
