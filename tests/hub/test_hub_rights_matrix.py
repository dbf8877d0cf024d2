"""Every address as everybody, in and out of scope: what the door lets in, by a table of this test's own."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import httpx
import pytest
import websockets
from hub_rig import Mosquitto, Running, now, until
from people_rig import AWAY, EAST, SECRET, WEST, Somebody, Village, village
from starlette.routing import Mount, Route, WebSocketRoute

from edge_agent.contract.reports import BulletinState, LightState, SpeakerState
from hub.people.door import Needs
from hub.people.rights import Role
from hub.people.sessions import COOKIE

MAY: dict[str, str] = {
    "administrator": "see speak emergency write approve switch watch reports answer install administer",
    "staff": "see speak emergency write switch watch reports answer",
    "approver": "see speak emergency write approve reports answer",
    "area_head": "see speak write switch watch",
    "viewer": "see",
    "installer": "see switch watch install",
    "ioc": "see reports",
}
"""What each role may do where it was given, as docs/people.md says."""
SCOPES = ("", "29401", "29401//thon-dong", EAST)
HOLDS: dict[str, tuple[str, ...]] = {
    "": ("", "29401", "30001", EAST, WEST, AWAY),
    "29401": ("29401", EAST, WEST),
    "29401//thon-dong": (EAST,),
    EAST: (EAST,),
}
"""What lies in each scope, of what the addresses of this test name."""
PUBLIC_VIEW = "/nodes/{commune}/{node}/cameras/{camera}/public"
ALSO = {PUBLIC_VIEW: "answer", f"/api/v1{PUBLIC_VIEW}": "answer"}
"""Addresses whose endpoint takes a second right in the same place."""
LEAVES = {"/sign-out"}
"""Ends the session of whoever asks; it is for everybody, so there is nothing to refuse."""


def routes(app: Any) -> Iterator[tuple[str, Any]]:
    """All addresses below, with what they need; those of the API too."""
    for route in app.routes:
        if isinstance(route, Mount):
            for inner in getattr(route, "inner", ()):
                yield route.path + inner.path, inner
        else:
            yield route.path, route


def expected(needs: Needs, who: Somebody, at: str) -> bool:
    """Whether the door must open. `at`: the node that the address names."""
    if needs.public:
        return True
    if who.role is None:
        return False
    if needs.right is None:
        return True
    if needs.right.value not in MAY[who.role.value].split():
        return False
    held = HOLDS[who.place]
    return {
        "somewhere": True,
        "everywhere": "" in held,
        "commune": at.partition("/")[0] in held,
        "place": at in held,
        "node": at in held,
    }[needs.where]


def filled(path: str, at: str) -> str:
    """An address that names a node, and things that are not there."""
    commune, _, node = at.partition("/")
    known = {"commune": commune, "node": node, "place": at, "place:path": at, "camera": "cong", "kind:kind": "lights"}
    return re.sub(r"\{([^}]+)\}", lambda found: known.get(found[1], "khong-co"), path)


def refused(answer: httpx.Response) -> bool:
    """Whether the door said no."""
    to = answer.headers.get("location", "")
    return answer.status_code in (401, 403) or (answer.status_code == 303 and to.startswith("/sign-in"))


async def asked(who: Somebody, method: str, path: str) -> httpx.Response:
    """The answer, of a stream only its beginning; a program that asks too often is told to wait, and does."""
    while True:
        body = {"json": {}} if path.startswith("/api/") and method != "GET" else {}
        async with who.http.stream(method, path, **body) as answer:
            if answer.status_code != 429:
                if "event-stream" not in answer.headers.get("content-type", ""):
                    await answer.aread()
                return answer
        await asyncio.sleep(float(answer.headers.get("retry-after", "1")))


@pytest.fixture
async def place(hub: Running, broker: Mosquitto) -> AsyncIterator[Village]:
    async with village(hub, broker) as made:
        yield made


async def everybody(place: Village) -> list[Somebody]:
    people = [await place.be(role, scope) for role, scope in product(Role, SCOPES)]
    disabled = await place.be(Role.ADMINISTRATOR, "")
    await place.hub.hub.accounts.renew(disabled.id, disabled=True)
    revoked = await place.be(Role.ADMINISTRATOR, "")
    await place.hub.hub.sessions.end(*place.hub.hub.sessions.of(revoked.id))
    half = await place.be(Role.ADMINISTRATOR, "", strong=False)
    for out in (disabled, revoked, half):
        out.role = None  # as if they had not signed in
    return [*people, disabled, revoked, half, await place.nobody()]


def test_the_table_names_every_role_and_no_more() -> None:
    assert set(MAY) == {role.value for role in Role}


async def test_every_address_as_everybody(place: Village) -> None:
    people = await everybody(place)
    wrong: list[str] = []
    turns = asyncio.Semaphore(8)

    async def check(who: Somebody, method: str, path: str, needs: Needs, at: str) -> None:
        async with turns:
            answer = await asked(who, method, filled(path, at))
        may = expected(needs, who, at)
        if path in ALSO and may and who.role:
            may = ALSO[path] in MAY[who.role.value].split()
        words = f"{method} {path} at {at} as {who.called}: {answer.status_code}, expected {'in' if may else 'out'}"
        if answer.status_code >= 500 and answer.status_code not in (503, 504):
            wrong.append(f"{words}: {answer.text[:200]}")
        # what a form names is looked at by the endpoint itself, which may say no where the door said yes
        elif (
            not needs.public and refused(answer) == may and not (may and needs.where == "somewhere" and method != "GET")
        ):
            wrong.append(words)

    checks = []
    for path, route in routes(place.hub.hub.app):
        if isinstance(route, WebSocketRoute) or not isinstance(route, Route) or path in LEAVES:
            continue
        named = (EAST, WEST, AWAY) if re.search(r"\{(commune|node|place)", path) else (EAST,)
        for method, who, at in product(sorted(set(route.methods or ()) - {"HEAD"}), people, named):
            needs: Needs = route.needs  # type: ignore[attr-defined]
            if needs.public and who.role is not None:
                continue
            checks.append(check(who, method, path, needs, at))
    assert len(checks) > 2000
    await asyncio.gather(*checks)
    assert not wrong, f"{len(wrong)} of {len(checks)}:\n" + "\n".join(sorted(wrong)[:60])


async def test_every_websocket_as_everybody(place: Village) -> None:
    people = await everybody(place)
    found = [(path, route) for path, route in routes(place.hub.hub.app) if isinstance(route, WebSocketRoute)]
    assert found
    wrong: list[str] = []
    for (path, route), who, at in product(found, people, (EAST, WEST)):
        needs: Needs = route.needs  # type: ignore[attr-defined]
        code = await closed(place.hub.url, filled(path, at), who)
        if (code in (4401, 4403)) == expected(needs, who, at):
            wrong.append(f"{path} at {at} as {who.called}: {code}")
    assert not wrong, "\n".join(wrong)


async def closed(url: str, path: str, who: Somebody) -> int | None:
    """With which code a WebSocket was closed before it said anything; None if it was not."""
    headers = {"Cookie": f"{COOKIE}={who.secret}", "Origin": url}
    async with websockets.connect(url.replace("http", "ws") + path, additional_headers=headers) as socket:
        try:
            async with asyncio.timeout(5 if who.role is None else 0.3):
                await socket.recv()
        except TimeoutError:
            return None
        except websockets.ConnectionClosed:
            return socket.close_code
    return None


async def pages(who: Somebody, app: Any) -> dict[str, str]:
    """What GET of every address gives to somebody at their own node; of streams nothing."""
    got: dict[str, str] = {}
    for path, route in routes(app):
        if isinstance(route, Route) and "GET" in (route.methods or ()) and "{sha256}" not in path:
            answer = await asked(who, "GET", filled(path, EAST))
            if not answer.is_stream_consumed or "event-stream" in answer.headers.get("content-type", ""):
                continue
            got[path] = answer.text
    return got


async def test_no_page_tells_of_another_area(place: Village) -> None:
    await loud(place)
    everything = await pages(await place.be(Role.ADMINISTRATOR, ""), place.hub.hub.app)
    assert sum(SECRET in text for text in everything.values()) >= 5, "the pages tell of it where one may know"
    for role, scope in product(Role, ("29401//thon-dong", EAST)):
        seen = await pages(await place.be(role, scope), place.hub.hub.app)
        assert [path for path, text in seen.items() if SECRET in text] == [], f"{role} {scope}"


async def loud(place: Village) -> None:
    """The other area has much to tell."""
    west = place.west
    await west.state(LightState(id="cong-thon", at=now(), wanted=100, actual=100, why="override", by=SECRET))
    alarm = "019a0000-0000-7000-8000-000000000001"
    await west.state(SpeakerState(id="loa", at=now(), actual="playing", title=SECRET, emergencies=(alarm,)))
    await west.state(BulletinState(id="tin", at=now(), actual="ready", title=SECRET, next=now() + timedelta(hours=2)))
    hub = place.hub.hub
    await until(lambda: ("bulletin", "tin") in hub.registry.nodes[WEST].states)


async def streams(who: Somebody, app: Any) -> list[str]:
    """The addresses of all streams of events."""
    found = []
    for path, route in routes(app):
        if isinstance(route, Route) and "GET" in (route.methods or ()):
            answer = await asked(who, "GET", filled(path, EAST))
            if "event-stream" in answer.headers.get("content-type", ""):
                found.append(filled(path, EAST))
    return found


class Listening:
    """Reads a stream until it ends."""

    def __init__(self, who: Somebody, path: str) -> None:
        self.path = path
        self.text = ""
        self.status = 0
        self.task = asyncio.create_task(self._read(who))

    async def _read(self, who: Somebody) -> None:
        async with who.http.stream("GET", self.path, timeout=None) as answer:
            self.status = answer.status_code
            async for chunk in answer.aiter_text():
                self.text += chunk


async def test_no_stream_tells_of_another_area(place: Village) -> None:
    admin, head = await place.be(Role.ADMINISTRATOR, ""), await place.be(Role.AREA_HEAD, "29401//thon-dong")
    paths = await streams(admin, place.hub.hub.app)
    assert len(paths) >= 3
    every = [Listening(admin, path) for path in paths]
    own = [Listening(head, path) for path in paths]
    await until(lambda: all(one.text or one.task.done() for one in (*every, *own)))
    await loud(place)
    await until(lambda: sum(SECRET in one.text for one in every) >= 2)
    # what comes later than this came later than the other area's news
    await place.east.state(LightState(id="cong-thon", at=now(), wanted=100, actual=100, why="override", by="Đông"))
    await until(lambda: any("cong-thon" in one.text for one in own))
    await asyncio.sleep(0.5)
    assert [one.path for one in own if SECRET in one.text] == []
    for one in (*every, *own):
        one.task.cancel()


@pytest.mark.parametrize("how", ["signed out", "revoked", "disabled", "another role"])
async def test_streams_and_sockets_end_with_the_session(place: Village, how: str) -> None:
    hub = place.hub.hub
    who = await place.be(Role.STAFF, "29401")
    paths = await streams(who, hub.app)
    listening = [Listening(who, path) for path in paths]
    await until(lambda: all(one.text for one in listening))
    headers = {"Cookie": f"{COOKIE}={who.secret}", "Origin": place.hub.url}
    url = f"{place.hub.url.replace('http', 'ws')}/nodes/{EAST}/cameras/cong/live"
    async with websockets.connect(url, additional_headers=headers) as socket:
        await socket.recv()
        if how == "signed out":
            assert (await who.http.post("/sign-out")).status_code == 303
        elif how == "revoked":
            await hub.sessions.end(*hub.sessions.of(who.id))
        elif how == "disabled":
            await hub.accounts.renew(who.id, disabled=True)
        else:
            await hub.accounts.grant(who.id, [])
        async with asyncio.timeout(5):
            await asyncio.gather(*(one.task for one in listening))  # raises, if a stream is cut in the middle
            with pytest.raises(websockets.ConnectionClosed):
                while True:
                    await socket.recv()
        assert socket.close_code == 4401
    again = await asked(who, "GET", "/nodes")
    assert refused(again)
