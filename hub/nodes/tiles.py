"""The extract of a map below a commune's nodes: which file it is, and its pieces for whom may see the commune."""

import asyncio
import logging
import re
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from hub.nodes.map_settings import MapExtract, MapSettings
from hub.nodes.pmtiles import BadExtract, Extract, look

logger = logging.getLogger(__name__)

MOST_BYTES = 4_000_000
"""Of one piece; tiles and directories are smaller by far."""
AT_ONCE = 4
"""Pieces that are read from the disk at the same time."""
_RANGE = re.compile(r"bytes=([0-9]{1,15})-([0-9]{1,15})")


@dataclass(frozen=True, slots=True)
class Ground:
    """What the page needs to draw it."""

    url: str
    extract: Extract
    credit: str


class Tiles:
    """The files of the configuration. One that cannot be used is left out, and said in the log."""

    def __init__(self, settings: MapSettings) -> None:
        self._settings = settings
        self._looked: dict[Path, tuple[tuple[int, int], Extract | None]] = {}
        self._missing: set[Path] = set()
        self._reading = asyncio.Semaphore(AT_ONCE)

    async def of(self, commune: str) -> Ground | None:
        """The extract that lies below a commune."""
        for each in self._fitting(commune):
            extract = await asyncio.to_thread(self._look, each.file)
            if extract is not None:
                return Ground(f"/map/{commune}/ground.pmtiles", extract, each.credit or extract.credit)
        return None

    async def piece(self, commune: str, request: Request) -> Response:
        """A range of the file that `of` names; never the whole of a large one."""
        for each in self._fitting(commune):
            if await asyncio.to_thread(self._look, each.file) is not None:
                async with self._reading:
                    return await asyncio.to_thread(_piece, each.file, request.headers.get("range", ""))
        return Response(status_code=404)

    def _fitting(self, commune: str) -> list[MapExtract]:
        return [each for each in self._settings.extracts if not each.communes or commune in each.communes]

    def _look(self, file: Path) -> Extract | None:
        """Looked at anew when the file was exchanged."""
        try:
            stat = file.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            known = self._looked.get(file)
            if known is not None and known[0] == stamp:
                return known[1]
            extract = look(file)
        except OSError as error:
            if file not in self._missing:  # once, not at each look of each page
                self._missing.add(file)
                logger.warning("the map %s cannot be read: %s", file, error)
            return None
        except BadExtract as error:
            logger.warning("the map %s cannot be used: %s", file, error.key)
            extract = None
        self._missing.discard(file)
        self._looked[file] = (stamp, extract)
        return extract


def _piece(path: Path, asked: str) -> Response:
    found = _RANGE.fullmatch(asked)
    try:
        with path.open("rb") as file:
            stat = path.stat()
            first, last = (int(found[1]), min(int(found[2]), stat.st_size - 1)) if found else (0, -1)
            if not 0 <= last - first < MOST_BYTES:
                return Response(status_code=416, headers={"Content-Range": f"bytes */{stat.st_size}"})
            file.seek(first)
            body = file.read(last - first + 1)
    except OSError:
        return Response(status_code=404)
    headers = {
        "Content-Range": f"bytes {first}-{last}/{stat.st_size}",
        "ETag": f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"',
        "Cache-Control": "private, no-cache",
    }
    return Response(body, 206, headers, "application/octet-stream")
