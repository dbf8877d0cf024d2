"""Words as people type them into a search, and names as addresses write them: without accents, in small letters."""

import re
import unicodedata


def plain(text: str) -> str:
    """`Đường Trục  Thôn` -> `duong truc thon`."""
    folded = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return " ".join("".join(c for c in folded if not unicodedata.combining(c)).split())


def area_id(name: str | None) -> str:
    """What an area is called in addresses: `Thôn Đông` -> `thon-dong`; empty where there is no name."""
    return re.sub(r"[^a-z0-9]+", "-", plain(name or "")).strip("-")[:60]
