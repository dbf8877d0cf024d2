"""Older forms of `node.yaml`, brought into the present one as text, so that comments and order stay."""

from collections.abc import Callable

MIGRATIONS: tuple[Callable[[str], str], ...] = ()
"""Oldest first. Each changes only what it knows, and nothing in a file that has its new form already."""


def migrated(text: str) -> str:
    """The text in the present form; the same text where it has that already."""
    for step in MIGRATIONS:
        text = step(text)
    return text
