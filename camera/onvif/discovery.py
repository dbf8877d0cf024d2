"""Find cameras by WS-Discovery: one question to the whole network, answers for some seconds.

The protocol: WS-Discovery (April 2005), as the ONVIF Core Specification, chapter 7, uses it: a `Probe` to
239.255.255.250:3702, answered by each device with `ProbeMatches` to the asking port. A probe may also go to one
address alone: a camera behind a router does not hear the question to all.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import uuid
from collections.abc import Iterator, Sequence
from urllib.parse import unquote, urlsplit

from camera.onvif.model import Answer, text
from camera.onvif.xml import HostileXml, parse

GROUP = "239.255.255.250"
PORT = 3702
MOST = 256
"""Devices taken; a network with more is asked piece by piece."""
_AGAIN_S = 0.8
"""UDP may lose the question: it is asked a second time."""
_MOST_ADDRESSES = 10

_PROBE = """<?xml version="1.0" encoding="UTF-8"?>
<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl">
<e:Header><w:MessageID>uuid:{id}</w:MessageID><w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>
<w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header>
<e:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></e:Body></e:Envelope>"""


class _Ears(asyncio.DatagramProtocol):
    """Collects answers."""

    def __init__(self, found: dict[str, Answer]) -> None:
        self._found = found

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        """Take one; what cannot be read is passed over, for anybody on the network may send it."""
        with contextlib.suppress(HostileXml):
            for answer in answers(data, str(addr[0])):
                if len(self._found) < MOST:
                    self._found.setdefault(answer.id or answer.address, answer)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens at an address that was asked alone: the others may."""


async def discover(wait_s: float = 3.0, at: Sequence[tuple[str, int]] = ()) -> list[Answer]:
    """Return the devices that answer within `wait_s`, by host.

    `at`: addresses to ask instead of the whole network. Raises OSError when nothing can be asked at all.
    """
    found: dict[str, Answer] = {}
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as open_:
        ears: list[tuple[asyncio.DatagramTransport, tuple[tuple[str, int], ...]]] = []
        for sock, targets in _sockets(at):
            transport, _ = await loop.create_datagram_endpoint(lambda: _Ears(found), sock=sock)
            open_.callback(transport.close)
            ears.append((transport, targets))
        if not ears:
            raise OSError("no network that could be asked")
        for pause in (min(_AGAIN_S, wait_s / 2), max(wait_s / 2, wait_s - _AGAIN_S)):
            for transport, targets in ears:
                for target in targets:
                    transport.sendto(_PROBE.format(id=uuid.uuid4()).encode(), target)
            await asyncio.sleep(pause)
    return sorted(found.values(), key=lambda answer: (_sortable(answer.host), answer.address))


def answers(body: bytes, host: str) -> Iterator[Answer]:
    """The devices that one datagram from `host` tells of. Raises HostileXml."""
    for match in parse(body).iter("{*}ProbeMatch"):
        addresses = [a for a in (match.findtext("{*}XAddrs") or "").split()[:_MOST_ADDRESSES] if _is_http(a)]
        if not addresses:
            continue
        # Cameras with several networks name an address of each: the one that we can reach is where this came from.
        address = next((a for a in addresses if urlsplit(a).hostname == host), addresses[0])
        scopes = _scopes(match.findtext("{*}Scopes") or "")
        yield Answer(
            address=address[:500],
            host=host,
            name=scopes.get("name", ""),
            hardware=scopes.get("hardware", ""),
            location=scopes.get("location", ""),
            id=text(match.findtext("{*}EndpointReference/{*}Address")),
        )


def _sockets(at: Sequence[tuple[str, int]]) -> Iterator[tuple[socket.socket, tuple[tuple[str, int], ...]]]:
    """One for each network, or one for the addresses that are asked alone."""
    if at:
        yield _socket(), tuple(at)
        return
    for index, _ in socket.if_nameindex():
        sock = _socket()
        try:
            # struct ip_mreqn: group, address, interface
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", bytes(4), bytes(4), index))
        except OSError:
            sock.close()
            continue
        yield sock, ((GROUP, PORT),)


def _socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    sock.bind(("", 0))
    return sock


def _is_http(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _scopes(words: str) -> dict[str, str]:
    """`onvif://www.onvif.org/name/Front%20gate` as name -> Front gate."""
    found: dict[str, str] = {}
    for scope in words.split()[:100]:
        kind, _, value = scope.partition("onvif://www.onvif.org/")[2].partition("/")
        if value:
            found.setdefault(kind, text(unquote(value)))
    return found


def _sortable(host: str) -> tuple[int, ...]:
    try:
        return tuple(socket.inet_aton(host))
    except OSError:
        return ()
