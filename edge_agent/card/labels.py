"""Labels for boxes: A4, eight a sheet (99.1 x 67.7 mm, as label paper is cut), each with a QR code to its page."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from edge_agent.card.box import Box
from edge_agent.contract.paper import BOLD, FONTS, PLAIN
from edge_agent.words import say

_MM = 72 / 25.4
ACROSS, DOWN = 2, 4
WIDTH, HEIGHT = 99.1 * _MM, 67.7 * _MM
LEFT, TOP, BETWEEN = 4.65 * _MM, 13.1 * _MM, 2.5 * _MM
PAD = 5 * _MM
QR = 36 * _MM
"""A phone reads it at arm's length."""
FOOT = 7.5


def labels(boxes: Sequence[Box]) -> bytes:
    """The PDF: one label for each box; each has a page at the hub."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas

    for name in (PLAIN, BOLD):
        pdfmetrics.registerFont(TTFont(name, FONTS / f"{name}.ttf"))
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=A4, pageCompression=1)
    canvas.setTitle("edge-agent")
    for place, box in enumerate(boxes):
        if place and place % (ACROSS * DOWN) == 0:
            canvas.showPage()
        row, column = divmod(place % (ACROSS * DOWN), ACROSS)
        x = LEFT + column * (WIDTH + BETWEEN)
        _draw(canvas, box, x, A4[1] - TOP - (row + 1) * HEIGHT)
    canvas.save()
    return buffer.getvalue()


def _draw(canvas: Any, box: Box, x: float, y: float) -> None:
    canvas.setStrokeGray(0.75)
    canvas.setLineWidth(0.4)
    canvas.rect(x, y, WIDTH, HEIGHT)
    canvas.setFillGray(0)
    page = box.page or ""
    _code(canvas, page, x + WIDTH - PAD - QR, y + HEIGHT - PAD - QR)
    room = WIDTH - 2 * PAD - QR - 8
    top = y + HEIGHT - PAD
    below = _text(canvas, box.title, (x + PAD, top), BOLD, 17, (room, 62))
    below = _text(canvas, box.name, (x + PAD, below - 5), BOLD, 13, (room, 32))
    where = " · ".join(text for text in (box.address, box.zone) if text)
    floor = y + PAD + 3 * FOOT * 1.35
    if where:
        below = _text(canvas, where, (x + PAD, below - 5), PLAIN, 11, (room, below - 5 - floor))
    canvas.setFont(PLAIN, FOOT)
    canvas.drawString(x + PAD, y + PAD + 2 * FOOT * 1.35, f"{box.latitude:.5f}, {box.longitude:.5f}")
    _text(canvas, page, (x + PAD, y + PAD + 2 * FOOT * 1.35 - 2), PLAIN, FOOT, (WIDTH - 2 * PAD, FOOT * 1.3))
    canvas.setFont(PLAIN, FOOT)
    canvas.drawString(x + PAD, y + PAD - FOOT * 0.3, say("card.label_foot"))


def _text(canvas: Any, text: str, at: tuple[float, float], font: str, size: float, room: tuple[float, float]) -> float:
    """Lines below `at`, smaller until they fit into `room` (width, height); returns where they end."""
    from reportlab.lib.utils import simpleSplit
    from reportlab.pdfbase.pdfmetrics import stringWidth

    def lines() -> list[str]:
        split: list[str] = simpleSplit(text, font, size, room[0])
        return split

    def fits(split: list[str]) -> bool:
        narrow = all(stringWidth(line, font, size) <= room[0] for line in split)
        return narrow and len(split) * size * 1.25 <= room[1]

    while size > 4 and not fits(lines()):
        size -= 0.5
    y = at[1]
    canvas.setFont(font, size)
    for line in lines():
        y -= size * 1.25
        canvas.drawString(at[0], y + size * 0.3, line)
    return y


def _code(canvas: Any, link: str, x: float, y: float) -> None:
    import segno

    rows = [list(row) for row in segno.make(link, error="q", micro=False).matrix_iter(scale=1, border=2)]
    side = QR / len(rows)
    for down, row in enumerate(rows):
        for across, dark in enumerate(row):
            if dark:  # a little larger than its place: no white hairlines between
                canvas.rect(x + across * side, y + QR - (down + 1) * side, side + 0.1, side + 0.1, stroke=0, fill=1)
