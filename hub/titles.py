"""Titles of what is on air. Those that the hub itself makes are shown in the language of who looks."""

from hub.language import Translate

CLEAR = "Báo yên: "
"""Before the title of an all-clear, as nodes are told it: without it, it would look like the alarm in every list."""
LONGEST = 200


def clear_of(title: str) -> str:
    """What the all-clear of an alarm is called at the nodes."""
    return f"{CLEAR}{' '.join(title.split())}"[:LONGEST]


def titled(title: str, t: Translate) -> str:
    """A title as it is shown: an all-clear is one in English too."""
    if title.startswith(CLEAR):
        return t("bulletin.clear_of", title=title.removeprefix(CLEAR)[:LONGEST])
    return title[:LONGEST]
