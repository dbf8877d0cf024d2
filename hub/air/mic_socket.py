"""`/air/mic/live`: the WebSocket by which a page's microphone is heard on clusters. One voice for each connection.

    page -> hub  {"say": "start", "places": ["26734//thon-dong"], "format": "opus", "rate": 48000, "seconds": 120}
    hub  -> page {"say": "ready", "in_ms": 3000, "latency_ms": 600, "seconds": 120, "all": 4}
    page -> hub  frames of 20 ms, from now on, binary: number from 0 (32 bit, big-endian), minus dB of full scale
                 (8 bit), then an Opus packet (mono), or 16 bit little-endian samples (format "pcm16", rate 16000,
                 24000 or 48000)
    hub  -> page {"say": "nodes", "ready": 3, "speaking": 2, "all": 4, "rows": [["Thôn Đông 1", "speaking", "…"]]}
    page -> hub  {"say": "stop"}
    hub  -> page {"say": "ended", "why": "stopped", "text": "…", "seconds": 12.3, "counts": {…}}, and it is closed

What is sent before the first word is not heard; it shows how long a frame is under way, and where the page's clock is.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from edge_agent.contract.base import Strict
from edge_agent.contract.sentences import Language
from hub.air import opus
from hub.air.choosing import nodes_in
from hub.air.coding import RATES, Coder, CoderGone
from hub.air.mic_words import Told
from hub.air.voices import LATENCY_MS, LEAD_S, LIMITS_S, Busy, LiveVoice, Voices
from hub.clock import Clock
from hub.language import sentence
from hub.people.areas import Areas
from hub.people.audit import Audit
from hub.people.door import Door, person_of, session_of, somewhere
from hub.people.rights import Person, Right
from hub.store import StoreFull

START_S = 10.0
STILL_S = 2.0
"""A page that sends nothing for so long is gone: its connection, its battery, or it was put away."""
TELL_S = 0.4
SEND_S = 5.0
MOST_PER_S = 75
"""Frames; a page makes 50. Some may come in a heap."""
HEAP = 150
REFUSED, OUT, CLOSING = 4409, 4401, 1001
_HEAD = 5
Why = Literal["stopped", "time", "lost", "revoked", "closing", "refused", "bad"]


class Start(Strict):
    """What a page wants to do."""

    say: Literal["start"]
    places: tuple[Annotated[str, Field(min_length=1, max_length=130)], ...] = Field(min_length=1, max_length=200)
    format: Literal["opus", "pcm16"]
    rate: int
    seconds: int

    @model_validator(mode="after")
    def _known(self) -> "Start":
        if self.rate not in RATES or self.seconds not in LIMITS_S:
            raise ValueError("a rate or a limit that no page offers")
        return self


class MicSocket:
    """Serves pages that speak."""

    def __init__(
        self,
        voices: Voices,
        areas: Areas,
        audit: Audit,
        told: Callable[[Language], Told],
        language: Callable[[HTTPConnection], Language],
        closing: asyncio.Event,
        clock: Clock,
    ) -> None:
        self._voices = voices
        self._areas = areas
        self._audit = audit
        self._told = told
        self._language = language
        self._closing = closing
        self._clock = clock

    def routes(self, door: Door) -> list[BaseRoute]:
        """For the application."""
        return [door.websocket("/air/mic/live", self._serve, somewhere(Right.SPEAK))]

    async def _serve(self, socket: WebSocket) -> None:
        await socket.accept()
        language = self._language(socket)
        with contextlib.suppress(WebSocketDisconnect, TimeoutError, RuntimeError):
            try:
                await self._voice(socket, person_of(socket), language)
            except Busy as busy:
                await _close(socket, REFUSED, busy.key, sentence(language, busy.key, **busy.params))
            except (ValidationError, ValueError, KeyError):
                await _close(socket, REFUSED, "mic.bad", sentence(language, "mic.bad"))
            except StoreFull:
                await _close(socket, REFUSED, "mic.unlogged", sentence(language, "mic.unlogged"))

    async def _voice(self, socket: WebSocket, who: Person, language: Language) -> None:
        async with asyncio.timeout(START_S):
            asked = Start.model_validate_json(await socket.receive_text())
        nodes = nodes_in(self._areas, who, Right.SPEAK, asked.places)
        if not nodes:
            raise Busy("mic.nowhere")
        if not any(node.online for node in nodes):
            raise Busy("mic.all_away", count=len(nodes))
        places = ", ".join(asked.places)
        self._audit.note("voice.begin", places[:300], "", nodes=len(nodes))
        title = sentence(language, "mic.title", who=who.name)
        with self._voices.speaking(who, title, nodes, asked.seconds) as voice:
            await _say(socket, say="ready", **_ready(asked, len(nodes)))
            why: Why = "lost"
            try:
                why = await self._until_over(socket, voice, asked, language)
            finally:
                await asyncio.shield(asyncio.ensure_future(self._over(socket, voice, why, places, language)))

    async def _until_over(self, socket: WebSocket, voice: LiveVoice, asked: Start, language: Language) -> Why:
        session = session_of(socket)
        ended = session.ended if session is not None else asyncio.Event()
        async with AsyncExitStack() as stack:
            coder = await stack.enter_async_context(self._coder(voice, asked)) if asked.format == "pcm16" else None
            tasks: dict[asyncio.Task[Why], None] = {
                asyncio.create_task(self._hear(socket, voice, coder)): None,
                asyncio.create_task(self._show(socket, voice, language)): None,
                asyncio.create_task(_after(self._closing, "closing")): None,
                asyncio.create_task(_after(ended, "revoked")): None,
                asyncio.create_task(_time(LEAD_S + voice.seconds)): None,
            }
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                return next(iter(done)).result()
            except (WebSocketDisconnect, TimeoutError, RuntimeError):
                return "lost"
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _coder(self, voice: LiveVoice, asked: Start) -> Coder:
        def made(about: tuple[int, float, float], packet: bytes) -> None:
            sequence, level, at = about
            self._voices.packet(voice, sequence, level, packet, at)

        return Coder(asked.rate, made)

    async def _hear(self, socket: WebSocket, voice: LiveVoice, coder: Coder | None) -> Why:
        """Pass on what the page sends, until it says stop, or sends what no page of ours sends."""
        expected, began, frames = 0, self._clock.monotonic(), 0
        while True:
            async with asyncio.timeout(STILL_S):
                message = await socket.receive()
            at = self._clock.monotonic()
            body = message.get("bytes")
            if message["type"] != "websocket.receive":
                return "lost"
            if body is None:
                return "stopped" if message.get("text") == '{"say":"stop"}' else "bad"
            frames += 1
            sequence = int.from_bytes(body[:4], "big")
            if len(body) <= _HEAD or sequence < expected or frames > HEAP + MOST_PER_S * (at - began):
                return "bad"
            expected = sequence + 1
            level, packet = -float(body[4]), body[_HEAD:]
            try:
                if coder is not None:
                    coder.put((sequence, level, at), packet)
                elif opus.is_voice(packet):
                    self._voices.packet(voice, sequence, level, packet, at)
                else:
                    return "bad"
            except (ValueError, CoderGone):
                return "bad"

    async def _show(self, socket: WebSocket, voice: LiveVoice, language: Language) -> Why:
        """Tell the page what nodes say, whenever it is something else."""
        told, before = self._told(language), ""
        while not voice.refused:
            text = json.dumps({"say": "nodes", **told.nodes(voice)}, ensure_ascii=False)
            if text != before:
                await _send(socket, text)
                before = text
            await asyncio.sleep(TELL_S)
        return "refused"

    async def _over(self, socket: WebSocket, voice: LiveVoice, why: Why, places: str, language: Language) -> None:
        counts = {**voice.pacer.counts.as_dict(), "unsent": voice.unsent}
        seconds = round(voice.pacer.counts.sent * 0.02, 1)
        with contextlib.suppress(StoreFull):
            self._audit.note("voice.end", places[:300], why, nodes=len(voice.nodes), seconds=seconds, counts=counts)
        telling = asyncio.create_task(self._show(socket, voice, language))
        try:
            await self._voices.end(voice)
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
        told = self._told(language)
        with contextlib.suppress(WebSocketDisconnect, TimeoutError, RuntimeError):
            await _say(socket, say="nodes", **told.nodes(voice))
            await _say(socket, say="ended", why=why, text=told.ended(voice, why), seconds=seconds, counts=counts)
            await socket.close({"revoked": OUT, "closing": CLOSING}.get(why, 1000))


def _ready(asked: Start, nodes: int) -> dict[str, object]:
    return {"in_ms": round(LEAD_S * 1000), "latency_ms": LATENCY_MS, "seconds": asked.seconds, "all": nodes}


async def _after(event: asyncio.Event, why: Why) -> Why:
    await event.wait()
    return why


async def _time(seconds: float) -> Why:
    await asyncio.sleep(seconds)
    return "time"


async def _say(socket: WebSocket, **what: object) -> None:
    await _send(socket, json.dumps(what, ensure_ascii=False))


async def _send(socket: WebSocket, text: str) -> None:
    async with asyncio.timeout(SEND_S):
        await socket.send_text(text)


async def _close(socket: WebSocket, status: int, code: str, text: str) -> None:
    await _say(socket, say="refused", code=code, text=text)
    await socket.close(status)
