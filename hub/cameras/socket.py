"""`/nodes/{commune}/{node}/cameras/{camera}/live`: the WebSocket by which a page gets live pictures.

    hub  -> page  {"say": "hello", "now": 1767226000000}: the hub's clock, ms since 1970
    hub  -> page  {"say": "stream", "codec": "avc1.64001e", "width": 640, "height": 360, "stream": "sub", ...}
    hub  -> page  pieces, binary: 16 bytes (kind: 0 init, 1 key, 2 delta; three zeros; running number, 32 bit;
                  arrival at the node in ms since 1970, 64 bit; big-endian), then fMP4
    hub  -> page  {"say": "state", "code": ..., "text": ...}: why there are no pictures
    page -> hub   the running number of each piece that came, 4 bytes big-endian

A page that does not tell what came gets nothing more after a moment: so no delay can grow unseen.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable

from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from edge_agent.contract.sentences import Language
from edge_agent.contract.watching import VideoStream
from hub.cameras.channel import Viewer, framed
from hub.cameras.live import Full, LiveDesk
from hub.cameras.looks import Looks
from hub.clock import Clock
from hub.language import sentence
from hub.notice import Notice
from hub.people.acting import person
from hub.people.audit import Audit
from hub.people.door import Door, at_node
from hub.people.rights import Right

SEND_S = 20.0
"""A page that takes nothing for so long is gone."""
UNKNOWN, FULL, CLOSING = 4404, 4429, 1001


class LiveSocket:
    """Serves viewers until they leave, or the hub ends."""

    def __init__(
        self,
        desk: LiveDesk,
        has_camera: Callable[[str, str], bool],
        language: Callable[[HTTPConnection], Language],
        closing: asyncio.Event,
        clock: Clock,
        notes: tuple[Audit, Looks, Notice],
    ) -> None:
        """`notes`: where it is written down who looks, and who is told that somebody does."""
        self._desk = desk
        self._has_camera = has_camera
        self._language = language
        self._closing = closing
        self._clock = clock
        self._audit, self._looks, self._notice = notes

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [door.websocket("/nodes/{commune}/{node}/cameras/{camera}/live", self._serve, at_node(Right.WATCH))]

    async def _serve(self, socket: WebSocket) -> None:
        path, language = socket.path_params, self._language(socket)
        address, camera = f"{path['commune']}/{path['node']}", path["camera"]
        wanted: VideoStream = "main" if socket.query_params.get("stream") == "main" else "sub"
        await socket.accept()
        with contextlib.suppress(WebSocketDisconnect, TimeoutError, RuntimeError):
            if not self._has_camera(address, camera):
                await _refuse(socket, UNKNOWN, "camera.live_unknown", language)
                return
            await socket.send_text(json.dumps({"say": "hello", "now": round(self._clock.now().timestamp() * 1000)}))
            who = person().name or "?"
            begun = self._clock.monotonic()
            self._audit.afterwards("camera.watch", address, f"{camera} {wanted}", "done")
            try:
                async with self._desk.watching(address, camera, wanted, who, language) as viewer:
                    self._notice.bump()
                    await self._until_gone(socket, viewer)
            except Full as error:
                await _refuse(socket, FULL, error.code, language)
            finally:
                seconds = round(self._clock.monotonic() - begun)
                self._audit.afterwards("camera.watched", address, f"{camera} {wanted}: {seconds} s", "done")
                self._looks.saw(address, camera, "watch", max(seconds, 1))
                self._notice.bump()

    async def _until_gone(self, socket: WebSocket, viewer: Viewer) -> None:
        tasks = [
            asyncio.create_task(_send(socket, viewer)),
            asyncio.create_task(_hear(socket, viewer)),
            asyncio.create_task(self._closing.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if self._closing.is_set():
                await socket.close(CLOSING)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _send(socket: WebSocket, viewer: Viewer) -> None:
    while True:
        item = await viewer.out.next()
        async with asyncio.timeout(SEND_S):
            if isinstance(item, str):
                await socket.send_text(item)
                continue
            body = framed(*item)
            await socket.send_bytes(body)
            viewer.pieces += 1
            viewer.bytes += len(body)


async def _hear(socket: WebSocket, viewer: Viewer) -> None:
    """Until the page leaves, or says what no page of ours says."""
    while True:
        message = await socket.receive()
        body = message.get("bytes")
        if message["type"] != "websocket.receive" or body is None or len(body) != 4:
            return
        viewer.out.came(int.from_bytes(body, "big"))


async def _refuse(socket: WebSocket, status: int, key: str, language: Language) -> None:
    words = {"say": "state", "code": key, "text": sentence(language, key)}
    await socket.send_text(json.dumps(words, ensure_ascii=False))
    await socket.close(status)
