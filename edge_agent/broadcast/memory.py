"""What each speaker played last and how loud it is set: kept through restarts, the sound sent to the hub."""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Iterable, Mapping
from typing import IO

from edge_agent.broadcast.board import SpeakerBoard
from edge_agent.broadcast.job import Job
from edge_agent.contract.errors import Refusal
from edge_agent.contract.reports import SpeakerState
from edge_agent.media import MediaStore
from edge_agent.store.database import Database, StoreError

log = logging.getLogger(__name__)
_KEEP_SOUND = 5 * 1024 * 1024
_SAID = {"voice", "last_sound", "last_spoken", "last_at"}


class Memory:
    """Of all speakers of the node; in the table `meta`."""

    def __init__(self, boards: Mapping[str, SpeakerBoard], database: Database, media: MediaStore) -> None:
        self._boards = boards
        self._database = database
        self._media = media
        self._uploads: set[asyncio.Task[None]] = set()

    async def load(self) -> tuple[dict[str, float], tuple[str, ...]]:
        """Show what was said last; returns the volumes that were set, and the order of bulletins that was chosen."""
        rows = await self._database.read(
            lambda db: dict(
                db.execute(
                    "SELECT key, value FROM meta WHERE key LIKE 'speaker/%' OR key LIKE 'volume/%' OR key = 'order'"
                ).fetchall()
            )
        )
        volumes: dict[str, float] = {}
        order: tuple[str, ...] = ()
        for key, value in rows.items():
            kind, _, speaker = key.partition("/")
            try:
                if kind == "order":
                    order = tuple(str(name) for name in json.loads(value))
                elif kind == "volume":
                    volumes[speaker] = min(100.0, max(0.0, float(value)))
                elif speaker in self._boards:
                    self._recall(speaker, value)
            except (ValueError, TypeError) as error:
                log.warning("%s cannot be read: %s", key, error)
        return volumes, order

    def heard(self, job: Job) -> None:
        """Show what a speaker has said, remember it, and send the sound to the hub; nobody waits for it."""
        item, board = job.item, self._boards[job.speaker]
        if not item.proof or job.cut is not None or job.failure is not None:
            return
        board.say(last_at=job.started, **({"last_spoken": item.spoken[:2000]} if item.spoken else {}))
        if item.again:
            return
        task = asyncio.get_running_loop().create_task(self._send(board, _open(job)), name="keep-sound")
        self._uploads.add(task)
        task.add_done_callback(self._uploads.discard)

    async def stop(self) -> None:
        """Let go of what is still being sent."""
        for task in self._uploads:
            task.cancel()
        await asyncio.gather(*self._uploads, return_exceptions=True)

    def _recall(self, speaker: str, value: str) -> None:
        board = self._boards[speaker]
        said = {**json.loads(value), "id": speaker, "actual": "idle", "at": board.state.at}
        state = SpeakerState.model_validate(said)
        board.state = board.state.model_copy(update={name: getattr(state, name) for name in _SAID})

    async def _send(self, board: SpeakerBoard, file: IO[bytes] | None) -> None:
        try:
            if file is not None:
                with file:
                    content = await asyncio.to_thread(file.read)
                board.say(last_sound=await self._media.put(content, "audio/wav"))
        except (OSError, Refusal) as error:
            log.warning("the sound could not be sent to the hub: %s", error)
        said = board.state.model_dump_json(include=_SAID)
        try:
            await self._database.write(lambda db: put(db, f"speaker/{board.state.id}", said))
        except StoreError as error:
            log.warning("what was said last could not be written: %s", error)


def put(db: sqlite3.Connection, key: str, value: str) -> None:
    """Write one thing to remember."""
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def put_order(db: sqlite3.Connection, items: Iterable[str]) -> None:
    """Write a person's order."""
    put(db, "order", json.dumps(list(items)))


def _open(job: Job) -> IO[bytes] | None:
    """The sound, if it is one file that is short enough; open, so that it may lose its name meanwhile."""
    pieces = job.sources.pieces or ()
    if len(pieces) != 1 or pieces[0].path is None or pieces[0].live:
        return None
    try:
        file = pieces[0].path.open("rb")
    except OSError as error:
        log.warning("the sound cannot be kept: %s", error)
        return None
    if file.seek(0, 2) > _KEEP_SOUND:
        file.close()
        return None
    file.seek(0)
    return file
