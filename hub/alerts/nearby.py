"""Keeps the child that sends away from this machine.

Who fills in a channel's address shall not speak to what listens here for this machine alone.
"""

import socket
import sys
from ipaddress import IPv4Address, IPv6Address, ip_address


class Refused(OSError):
    """A connection to this machine, or to its own link."""


def is_here(host: str) -> bool:
    """Whether an address (no name) is this machine's, or reaches no further than its own link."""
    try:
        address: IPv4Address | IPv6Address = ip_address(host.partition("%")[0])
    except ValueError:
        return True  # no internet address: a socket of this machine
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))  # possible for own addresses only
    except OSError:
        return False
    return True


class Guard:
    """Refuses connections from now on, whatever names, redirections or libraries lead there. `refused`: it had to."""

    def __init__(self) -> None:
        self.refused = False
        sys.addaudithook(self._look)

    def _look(self, event: str, args: tuple[object, ...]) -> None:
        if event != "socket.connect":
            return
        to = args[1]
        if not isinstance(to, tuple) or is_here(str(to[0])):
            self.refused = True
            raise Refused("this machine is none to send messages to")
