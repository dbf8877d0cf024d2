"""People of a commune, whole drafts, and nodes in two areas: what the tests of bulletins stand on."""

import contextlib
import html
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from hub_rig import FakeNode, Running, signed_in, until

from edge_agent.contract.commands import Command
from edge_agent.contract.reports import About, Position
from edge_agent.contract.segments import Text, Version
from edge_agent.contract.signature import Verifier
from hub.bulletins.model import Content, HubBulletin
from hub.people.acting import acting
from hub.people.rights import Grant, Place, Role
from hub.people.sessions import COOKIE

COMMUNE = "29401"
EAST, WEST = f"{COMMUNE}//thon-dong", f"{COMMUNE}//thon-tay"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
WORDS = "Mời bà con đi họp."


@dataclass
class Someone:
    """A person with a browser. `http` follows redirects."""

    login: str
    http: httpx.AsyncClient
    hub: Running
    secret: str

    @property
    def person(self) -> Any:
        account = self.hub.hub.accounts.by_login(self.login)
        assert account is not None
        return account.person

    @property
    def cookie(self) -> Any:
        return {"name": COOKIE, "value": self.secret, "url": self.hub.url}

    async def see(self, path: str) -> str:
        """The words of a page."""
        return words(await self.http.get(path))

    async def post(self, path: str, **fields: str) -> str:
        """The words of the page that a form leads to."""
        return words(await self.http.post(path, data=fields))

    async def draft(self, text: str = WORDS, **more: Any) -> HubBulletin:
        """A whole draft, as writing hands it over."""
        with acting(self.person):
            return await self.hub.hub.bulletins.desk.create(content(text, **more))

    async def planned(self, bulletin: HubBulletin, at: datetime, *places: str, do: str = "submit", **more: str) -> str:
        """Choose when (once, unless `more` says otherwise) and where."""
        there = at.astimezone(ZONE)
        form = {"kind": "once", "time": f"{there:%H:%M}", "date": f"{there:%Y-%m-%d}", "do": do, **more}
        form |= {f"place.{n}": place for n, place in enumerate(places)}
        form.setdefault("number", str(self.now(bulletin).number))
        return await self.post(f"/bulletins/{bulletin.id}/plan", **form)

    def now(self, bulletin: HubBulletin) -> HubBulletin:
        """As it is now, while it is not over."""
        return self.hub.hub.bulletins.desk.open[bulletin.id]

    async def act(self, bulletin: HubBulletin, act: str, **more: str) -> str:
        """Press a button of its page."""
        more.setdefault("number", str(self.now(bulletin).number))
        return await self.post(f"/bulletins/{bulletin.id}/{act}", **more)

    async def sounds(self, bulletin: HubBulletin) -> HubBulletin:
        """Wait until the hub has made its sound."""
        await until(lambda: not self.now(bulletin).content.unrendered, 40)
        return self.now(bulletin)


def content(text: str = WORDS, **more: Any) -> Content:
    """What is heard."""
    version = Version(language="vi", segments=(Text(text=text),))
    return Content.model_validate({"title": "Họp thôn", "versions": (version,), **more})


def words(answer: httpx.Response) -> str:
    """What a reader reads of a page."""
    text = re.sub(r"<(script|style)\b.*?</\1>", " ", answer.text, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.unescape(text)))


@contextlib.asynccontextmanager
async def someone(hub: Running, login: str, role: Role, place: str = COMMUNE) -> AsyncIterator[Someone]:
    """Who has just signed in."""
    secret = await signed_in(hub.hub, login, Grant(role, Place.parse(place)))
    more: Any = {"cookies": {COOKIE: secret}, "headers": {"Origin": hub.url}, "follow_redirects": True}
    async with httpx.AsyncClient(base_url=hub.url, timeout=20, **more) as http:
        yield Someone(login, http, hub, secret)


class Cluster(FakeNode):
    """A node in an area of its own choice, with a place on the picture."""

    zone: str = "Thôn Đông"
    where: tuple[float, float] = (20.5, 105.9)

    def about(self) -> About:
        latitude, longitude = self.where
        position = Position(latitude=latitude, longitude=longitude)
        return super().about().model_copy(update={"zone": self.zone, "position": position})

    @property
    def plans(self) -> list[Any]:
        """The bulletins that it was told to plan."""
        return [asked.args.bulletin for asked in self.commands if asked.do == "bulletin.plan"]  # type: ignore[union-attr]

    @property
    def cancels(self) -> list[Command]:
        """What it was told to take off."""
        return [asked for asked in self.commands if asked.do == "bulletin.cancel"]


def cluster(hub: Running, port: int, node: str, title: str, zone: str, where: tuple[float, float]) -> Cluster:
    """A node that is not there yet."""
    signer = hub.hub.signer
    made = Cluster(port, Verifier({signer.key_id: signer.public}), node=node, title=title, hub_url=hub.url)
    made.zone, made.where = zone, where
    return made


async def known(hub: Running, *nodes: FakeNode) -> None:
    """Wait until the hub knows what they have."""
    registry = hub.hub.registry.nodes
    for node in nodes:
        await until(lambda name=node.node: getattr(registry.get(f"{COMMUNE}/{name}"), "about", None))  # type: ignore[misc]


def tomorrow(hour: int, minute: int = 0) -> datetime:
    """A local time of the next day."""
    there = datetime.now(UTC).astimezone(ZONE) + timedelta(days=1)
    return there.replace(hour=hour, minute=minute, second=0, microsecond=0).astimezone(UTC)
