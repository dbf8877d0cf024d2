"""A commune of two areas, a second commune, and people of every role, each with a client of their own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from hub_rig import NO_TLS, FakeNode, Mosquitto, Running, until

from edge_agent.contract.reports import About
from edge_agent.contract.signature import Verifier
from hub.people.rights import Grant, Place, Role
from hub.people.sessions import COOKIE

EAST, WEST, AWAY = "29401/tram-bom", "29401/cum-tay", "30001/xa-ben"
SECRET = "Chim-Lac-Tay"
"""Stands in whatever the node of the other area says of itself."""


@dataclass
class AreaNode(FakeNode):
    """A node of an area."""

    area: str = "Thôn Đông"

    def about(self) -> About:
        return super().about().model_copy(update={"zone": self.area})


@dataclass
class Somebody:
    """A person who has signed in. `http` asks as a browser of theirs does."""

    id: str
    role: Role | None
    place: str
    http: httpx.AsyncClient
    secret: str = ""

    @property
    def called(self) -> str:
        return f"{self.role or 'nobody'} {self.place or 'everywhere'}"


@dataclass
class Village:
    """All of it."""

    hub: Running
    east: AreaNode
    west: AreaNode
    away: AreaNode
    people: list[Somebody] = field(default_factory=list)

    async def be(self, role: Role, place: str, *, strong: bool = True) -> Somebody:
        """Somebody new with one role."""
        hub = self.hub.hub
        account = await hub.accounts.add(f"{role}-{len(self.people)}", f"{role}", [Grant(role, Place.parse(place))])
        secret = await hub.sessions.open(account.person.id, "test", strong=strong)
        who = Somebody(account.person.id, role, place, client(self.hub.url, secret), secret)
        self.people.append(who)
        return who

    async def nobody(self) -> Somebody:
        """Who has not signed in."""
        who = Somebody("", None, "-", client(self.hub.url))
        self.people.append(who)
        return who


def client(url: str, secret: str = "") -> httpx.AsyncClient:
    """A browser that shows the hub's page, in a few words."""
    cookies = {COOKIE: secret} if secret else {}
    return httpx.AsyncClient(base_url=url, cookies=cookies, headers={"Origin": url}, timeout=30, verify=NO_TLS)


@contextlib.asynccontextmanager
async def village(hub: Running, broker: Mosquitto) -> AsyncIterator[Village]:
    """Three nodes that the hub knows."""
    signer = hub.hub.signer
    common: Any = {"port": broker.port, "verifier": Verifier({signer.key_id: signer.public}), "hub_url": hub.url}
    east = AreaNode(**common)
    west = AreaNode(**common, node="cum-tay", title=f"Cụm {SECRET}", area="Thôn Tây")
    away = AreaNode(**common, commune="30001", node="xa-ben", title="Xã bên", area="Thôn Ngoài")
    async with east, west, away:
        for address in (EAST, WEST, AWAY):
            await until(lambda a=address: len(getattr(hub.hub.registry.nodes.get(a), "states", ())) >= 4)
        made = Village(hub, east, west, away)
        try:
            yield made
        finally:
            await asyncio.gather(*(one.http.aclose() for one in made.people))
