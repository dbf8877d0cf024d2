"""XML that came from the network: never with a document type, so that it can hold neither entities nor references."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

LONGEST = 1_000_000
"""Bytes. A camera's list of profiles is a tenth of it."""


class HostileXml(ValueError):
    """XML that is refused unread, or that cannot be read."""


def check(body: bytes) -> bytes:
    """Return the body, unless it is too long or declares a document type. Raises HostileXml.

    Encodings that would hide the declaration from this look (UTF-16 and relatives) hold zero bytes or lack `<`.
    """
    if len(body) > LONGEST:
        raise HostileXml("its answer is too long")
    if b"\0" in body or (body.strip() and b"<" not in body[:200]):
        raise HostileXml("its answer is no XML in UTF-8")
    if b"<!doctype" in body.lower() or b"<!entity" in body.lower():
        raise HostileXml("its answer declares a document type, which ONVIF never does")
    return body


def parse(body: bytes) -> _Element:
    """Return the root element. Raises HostileXml."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(check(body), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise HostileXml(str(error)[:200]) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise HostileXml("its answer declares a document type, which ONVIF never does")
    return root
