"""The agent's end: one question a line, one answer a line, as JSON."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from pydantic import ValidationError

from drivers.contract import DriverFault
from edge_agent.contract.base import JsonObject
from edge_agent.contract.errors import Fault, Refusal
from edge_agent.local.socket import MOST_BYTES, NAME, listening

log = logging.getLogger(__name__)
Deed = Callable[[JsonObject], Awaitable[JsonObject]]
"""What is done for a question, and its answer. Raises Refusal."""


class LocalServer:
    """Answers programs on this machine. `run` is for a supervisor."""

    def __init__(self, folder: Path, deeds: Mapping[str, Deed]) -> None:
        """`deeds`: by the word in `do`."""
        self._folder = folder
        self._deeds = deeds
        self._serving: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Listen until cancelled. Raises OSError."""
        listener = listening(self._folder)
        server = await asyncio.start_unix_server(self._connected, sock=listener, limit=MOST_BYTES)
        try:
            await server.serve_forever()
        finally:
            server.close()
            for task in self._serving:
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)
            (self._folder / NAME).unlink(missing_ok=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer), name="local")
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):  # hung up, or a line longer than anybody writes
            log.debug("a local program went away")
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> JsonObject:
        try:
            question = json.loads(line)
            deed = self._deeds[question["do"]]
        except (ValueError, TypeError, KeyError):
            return _refused(Fault.of("command.internal"))
        try:
            return {"done": await deed(question)}
        except Refusal as refusal:
            return _refused(refusal.fault)
        except DriverFault as fault:
            return _refused(Fault.of(fault.code, detail=fault.detail))
        except (ValidationError, KeyError, TypeError, ValueError) as error:
            log.warning("a local program asked for what cannot be: %s", error)
            return _refused(Fault.of("command.internal"))


def _refused(fault: Fault) -> JsonObject:
    return {"refused": fault.model_dump(mode="json")}
