"""For how long there is room for video, before a camera has sent any: at the rate that is advised for a main stream."""

from edge_agent.words import figure, say

MBIT_S = 2
"""A main stream of 1080p at 15 pictures a second, as docs/cameras.md advises."""
_BYTES_A_DAY = MBIT_S * 1_000_000 // 8 * 86_400


def days_of(size: float, cameras: int = 1) -> float:
    """Days of video of so many cameras that fit into `size` bytes."""
    return size / (_BYTES_A_DAY * cameras)


def span(days: float) -> str:
    """A length in words: hours below two days."""
    if days >= 2:
        return say("span.days", count=round(days))
    return say("span.hours", count=round(24 * days) if days * 24 >= 1 else figure(round(24 * days, 1)))


def amount(size: float) -> str:
    """Bytes in words."""
    return f"{figure(round(size / 1e9, 1))} GB" if size < 1e10 else f"{size / 1e9:.0f} GB"
