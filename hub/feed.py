"""`GET /api/v1/events`: states of things as they change, as server-sent events of JSON, for programs.

    event: state
    data: {"node": "29401/tram-bom", "kind": "light", "id": "cong-thon", "state": {...}}

`state` is what the node published, null once it has withdrawn it. A node that came or went is told as event `node`.
Who reads too slowly misses states that were replaced meanwhile, never the newest.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable

from pydantic import BaseModel
from starlette.responses import Response

from edge_agent.contract.base import iso
from edge_agent.contract.reports import Status
from hub.live import HEARTBEAT_S, RETRY_MS, Stream
from hub.messages import Message
from hub.node import Node

Key = tuple[str, str, str]
"""Address of a node, kind, thing; both empty for the node itself."""


class Feed:
    """Hands each change to a bounded number of readers."""

    def __init__(self, nodes: Callable[[], Iterable[Node]], most: int, closing: asyncio.Event) -> None:
        """`nodes`: all that are known, for who wants to begin with them. `most`: readers at once."""
        self._nodes = nodes
        self._most = most
        self._closing = closing
        self._readers: set[_Reader] = set()

    @property
    def readers(self) -> int:
        """How many read now."""
        return len(self._readers)

    def take(self, message: Message) -> None:
        """Tell everybody of a status or state that was taken."""
        channel, body = message.topic.channel, message.body
        if not self._readers or channel not in ("state", "status"):
            return
        kind, thing = message.topic.kind or "", message.topic.thing or ""
        if channel == "status":
            event = _of_node(message.address, body if isinstance(body, Status) else None)
        else:
            event = _of_state(message.address, kind, thing, body)
        for reader in self._readers:
            reader.put((message.address, kind, thing), event)

    def close(self) -> None:
        """Wake all readers: `closing` is set."""
        for reader in self._readers:
            reader.news.set()

    def stream(self, node: str, kind: str, may: Callable[[str], bool], *, now: bool) -> Response | None:
        """A stream for this reader; None where there are too many. `node`, `kind`: only of these, if not empty.

        `may`: whether an address is theirs to see; `now`: begins with all.
        """
        if len(self._readers) >= self._most or self._closing.is_set():
            return None
        reader = _Reader(node, kind, may)
        if now:
            self._begin(reader)
        return Stream(lambda send: self._serve(reader, send))

    def _begin(self, reader: "_Reader") -> None:
        for node in self._nodes():
            reader.put((node.address, "", ""), _of_node(node.address, node.status))
            for (kind, thing), state in node.states.items():
                reader.put((node.address, kind, thing), _of_state(node.address, kind, thing, state))

    async def _serve(self, reader: "_Reader", send: Callable[[bytes], Awaitable[None]]) -> None:
        self._readers.add(reader)
        try:
            await send(b"retry: %d\n\n" % RETRY_MS)
            while not self._closing.is_set():
                if not reader.waiting and not await reader.wait(HEARTBEAT_S):
                    await send(b": alive\n\n")
                    continue
                if chunk := reader.take():
                    await send(chunk)
        finally:
            self._readers.discard(reader)


class _Reader:
    """What waits for one reader: the newest word on each thing, in the order in which they came."""

    def __init__(self, node: str, kind: str, may: Callable[[str], bool]) -> None:
        self._node = node
        self._kind = kind
        self._may = may
        self.waiting: dict[Key, bytes] = {}
        self.news = asyncio.Event()

    def put(self, key: Key, event: bytes) -> None:
        if self._node not in ("", key[0]) or (self._kind and key[1] and self._kind != key[1]):
            return
        if not self._may(key[0]):
            return
        self.waiting.pop(key, None)
        self.waiting[key] = event
        self.news.set()

    def take(self) -> bytes:
        chunk, self.waiting = b"".join(self.waiting.values()), {}
        self.news.clear()
        return chunk

    async def wait(self, limit: float) -> bool:
        try:
            async with asyncio.timeout(limit):
                await self.news.wait()
        except TimeoutError:
            return False
        return True


def _of_state(address: str, kind: str, thing: str, body: BaseModel | None) -> bytes:
    """Names and kinds are plain letters (the topic was checked); the body is written anew: it holds no line break."""
    state = body.model_dump_json(exclude_none=True, by_alias=True) if body is not None else "null"
    words = f'event: state\ndata: {{"node":"{address}","kind":"{kind}","id":"{thing}","state":{state}}}\n\n'
    return words.encode(errors="replace")


def _of_node(address: str, status: Status | None) -> bytes:
    told = {
        "node": address,
        "online": status.online if status else None,
        "since": iso(status.since) if status else None,
    }
    return f"event: node\ndata: {json.dumps(told)}\n\n".encode()
