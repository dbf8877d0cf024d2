"""Lists of alerts: Atom (RFC 4287) and RSS 2.0. What one entry is, and where its alert is to be had."""

import hashlib
from dataclasses import dataclass
from urllib.parse import urljoin

from hub.cap.message import NAMESPACE
from hub.cap.xml import Element, XmlError, parse

ATOM = "http://www.w3.org/2005/Atom"
MOST_ENTRIES = 200
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


def read(data: bytes, url: str) -> Index:
    """The newest entries as the list has them; relative addresses from `url`. Raises XmlError."""
    root = parse(data)
    if root.name == "alert" and root.space == NAMESPACE:
        return Index(is_alert=True)
    if root.name == "feed" and root.space == ATOM:
        found = [_atom(entry) for entry in root.all("entry", ATOM)[:MOST_ENTRIES]]
    elif root.name == "rss" and (channel := root.first("channel")) is not None:
        found = [_rss(item) for item in channel.all("item")[:MOST_ENTRIES]]
    else:
        raise XmlError("no_list")
    return Index(tuple(Entry(_digest(id_, link), urljoin(url, link)) for id_, link in found if link))


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
