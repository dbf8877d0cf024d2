"""A picture in a terminal: each character is two pixels, the upper half block's colour and the ground's."""

import os
from typing import Any

_BLOCK = "▀"
_RESET = "\x1b[0m"
LEAST, MOST = 16, 400


def true_colour() -> bool:
    """Whether the terminal says that it knows 16 million colours."""
    return os.environ.get("COLORTERM", "").lower() in ("truecolor", "24bit")


def drawn(jpeg: bytes, columns: int, *, many_colours: bool) -> str:
    """The picture as lines of text, `columns` wide. Raises ValueError for what is no picture."""
    pixels = _small(jpeg, max(LEAST, min(MOST, columns)))
    lines = []
    for upper, lower in zip(pixels[0::2], pixels[1::2], strict=True):
        line, last = [], ""
        for above, below in zip(upper, lower, strict=True):
            colour = _colours(above, below) if many_colours else _few(above, below)
            line.append(_BLOCK if colour == last else colour + _BLOCK)
            last = colour
        lines.append("".join(line) + _RESET)
    return "\n".join(lines)


def _small(jpeg: bytes, columns: int) -> Any:
    """Rows of pixels, red green blue, an even number of rows."""
    import cv2
    import numpy

    image = cv2.imdecode(numpy.frombuffer(jpeg, numpy.uint8), cv2.IMREAD_COLOR) if jpeg else None
    if image is None:
        raise ValueError("no picture")
    height, width = image.shape[:2]
    rows = max(2, round(columns * height / width / 2) * 2)
    small = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_BGR2RGB).tolist()


def _colours(above: list[int], below: list[int]) -> str:
    return "\x1b[38;2;{};{};{};48;2;{};{};{}m".format(*above, *below)


def _few(above: list[int], below: list[int]) -> str:
    """The 6 x 6 x 6 cube of terminals with 256 colours."""
    upper, lower = (16 + 36 * _sixth(r) + 6 * _sixth(g) + _sixth(b) for r, g, b in (above, below))
    return f"\x1b[38;5;{upper};48;5;{lower}m"


def _sixth(value: int) -> int:
    return round(value / 255 * 5)
