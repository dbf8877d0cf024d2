"""Lists of alerts: Atom (RFC 4287) and RSS 2.0. What one entry is, and where its alert is to be had."""

import hashlib
import heapq
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

from hub.cap.message import NAMESPACE
from hub.cap.xml import Element, XmlError, parse

ATOM = "http://www.w3.org/2005/Atom"
MOST_ENTRIES = 200
LIST_BYTES = 8_000_000
"""A list may be longer than an alert: feeds keep thousands of entries, often the oldest first."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_ALERT_TYPES = ("application/cap+xml", "application/common-alerting-protocol+xml")


@dataclass(frozen=True, slots=True)
class Entry:
    """An alert that a list names. `key`: changes when the entry does."""

    key: str
    url: str


@dataclass(frozen=True, slots=True)
class Index:
    """What an address gave: a list, or (`is_alert`) an alert itself."""

    entries: tuple[Entry, ...] = ()
    is_alert: bool = False


class _Newest:
    """Keeps the newest entries of a list, whatever its order; those without a time as they stand in it."""

    def __init__(self) -> None:
        self._kept: list[tuple[datetime, int, Element]] = []
        self._seen = 0

    def take(self, element: Element, depth: int) -> bool:
        """An element that has ended: an entry of Atom, or an item of RSS."""
        if (element.name, element.space, depth) not in (("entry", ATOM, 1), ("item", "", 2)):
            return False
        self._seen += 1
        entry = (_when(element), -self._seen, element)
        if len(self._kept) < MOST_ENTRIES:
            heapq.heappush(self._kept, entry)
        else:
            heapq.heappushpop(self._kept, entry)
        return True

    def all(self) -> list[Element]:
        """The newest first."""
        return [element for _, _, element in sorted(self._kept, key=lambda kept: kept[:2], reverse=True)]


def read(data: bytes, url: str) -> Index:
    """The newest entries, the newest first; relative addresses from `url`. Raises XmlError."""
    newest = _Newest()
    root = parse(data, LIST_BYTES, newest.take)
    if root.name == "alert" and root.space == NAMESPACE:
        return Index(is_alert=True)
    if root.name == "feed" and root.space == ATOM:
        found = [_atom(entry) for entry in newest.all()]
    elif root.name == "rss" and root.first("channel") is not None:
        found = [_rss(item) for item in newest.all()]
    else:
        raise XmlError("no_list")
    return Index(tuple(Entry(_digest(id_, link), urljoin(url, link)) for id_, link in found if link))


def _when(entry: Element) -> datetime:
    """When it was written: `updated` of Atom (RFC 3339) or `pubDate` of RSS (RFC 822); long ago where it says none."""
    updated, published = entry.first("updated", ATOM), entry.first("pubDate")
    try:
        if updated is not None:
            at = datetime.fromisoformat(updated.text)
        elif published is not None:
            at = parsedate_to_datetime(published.text)
        else:
            return _LONG_AGO
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return _LONG_AGO


def _atom(entry: Element) -> tuple[str, str]:
    links = [link for link in entry.all("link", ATOM) if link.attributes.get("href")]
    links = [link for link in links if link.attributes.get("rel", "alternate") in ("alternate", "enclosure", "related")]
    chosen = min(links, key=_rank, default=None)
    id_ = " ".join(text.text for name in ("id", "updated") if (text := entry.first(name, ATOM)))
    return id_, chosen.attributes["href"] if chosen is not None else ""


def _rank(link: Element) -> int:
    """A link that says that it is an alert first, then XML, then one that says nothing, then others."""
    kind = link.attributes.get("type", "").partition(";")[0].strip().casefold()
    if kind in _ALERT_TYPES:
        return 0
    return 1 if kind.endswith("xml") and "atom" not in kind else 2 if not kind else 3


def _rss(item: Element) -> tuple[str, str]:
    enclosed = [e.attributes.get("url", "") for e in item.all("enclosure") if _rank(e) < 2]
    link = item.first("link")
    id_ = " ".join(text.text for name in ("guid", "pubDate") if (text := item.first(name)))
    return id_, next(iter(enclosed), link.text if link is not None else "")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode(errors="replace")).hexdigest()
