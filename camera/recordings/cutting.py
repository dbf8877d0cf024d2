"""The process that reads recordings: `python -m camera.recordings.cutting`, one question, one answer, the end.

A JSON object on standard input: {"do": "clip", "directory", "camera", "begin", "end", "target"} or {"do": "still",
"directory", "camera", "at", "masks"}; times in ms since 1970. The answer is a line of JSON on standard output, with
`code`, `detail` and `retry` when it failed; a picture follows its line.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from camera.model import CameraFault
from camera.recordings.boxes import Entry
from camera.recordings.footage import Footage, Piece, open_footage
from camera.recordings.library import Library

MEMORY_BYTES = 512 * 1024 * 1024
_NICE = 10
_STILL_BEFORE_MS = 60_000
_GAP_MS = 1000
"""Shorter breaks between two files are jitter of arrivals."""


def cut(request: dict[str, Any]) -> dict[str, Any]:
    """Cut a clip. Raises `CameraFault`, `OSError`."""
    library, target = Library(Path(request["directory"])), Path(request["target"])
    begin, end = int(request["begin"]), int(request["end"])
    files = library.segments(str(request["camera"]), begin, end)
    if shutil.disk_usage(target.parent).free < 2 * sum(one.bytes for one in files):
        raise CameraFault("camera.no_room", "there is no room for the clip")
    part = target.with_name(target.name + ".part")
    cutter = _Cutter(begin, end)
    with open_footage(files) as footage:
        cutter.write(footage, part)
    with part.open("rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    part.replace(target)
    return {"bytes": target.stat().st_size, "sha256": digest, **cutter.told()}


class _Cutter:
    """Copies pictures from the key frame at or before `begin` up to `end`."""

    def __init__(self, begin: int, end: int) -> None:
        self._begin, self._end = begin, end
        self._first: int | None = None
        self._last = 0
        self._gap_ms = 0
        self._cut_short = False

    def told(self) -> dict[str, Any]:
        """Return what the clip turned out to be."""
        return {
            "begin": self._first,
            "end": self._last,
            "gap_s": self._gap_ms / 1000,
            "cut_short": self._cut_short,
        }

    def write(self, footage: list[Footage], part: Path) -> None:
        """Write the file. Raises `CameraFault` when nothing was recorded then."""
        import av

        first = next((one for one in footage if self._pieces(one)), None)
        if first is None:
            raise CameraFault("camera.not_recorded", "nothing was recorded at that time", retry=False)
        with (
            av.open(first.sample()) as template,
            av.open(str(part), "w", format="mp4", options={"movflags": "faststart"}) as out,
        ):
            stream = out.add_stream_from_template(template.streams.video[0])
            stream.time_base = first.time_base
            if template.streams.video[0].codec_context.name == "hevc":
                stream.codec_context.codec_tag = "hvc1"  # Apple plays no hev1
            for file, entry, dts in self._entries(footage, first):
                packet = av.Packet(file.read(entry))
                packet.time_base, packet.stream = first.time_base, stream
                packet.dts, packet.pts, packet.duration = dts, dts + entry.offset, entry.duration
                packet.is_keyframe = entry.is_key
                out.mux_one(packet)

    def _entries(self, footage: list[Footage], first: Footage) -> Iterator[tuple[Footage, Entry, int]]:
        """Yield the pictures with their times in the clip."""
        position = reached = 0
        for file in footage[footage.index(first) :]:
            if file.format != first.format:
                self._cut_short = True
                return
            pieces = self._pieces(file)
            if self._first is None:
                pieces = self._from_key(file)
                self._first = pieces[0].at
            elif pieces and pieces[0].at - reached > _GAP_MS:
                self._gap_ms += pieces[0].at - reached
            for piece in pieces:
                yield file, piece.entry, position
                position += max(1, piece.entry.duration)
                self._last = max(self._last, piece.until)
            reached = max(self._last, file.end)

    def _pieces(self, file: Footage) -> list[Piece]:
        """Return the pictures of a file that begin before the end of the clip and are not over before its begin."""
        pieces = [piece for piece in file.pieces() if piece.at < self._end]
        return pieces if pieces and pieces[-1].until > self._begin else []

    def _from_key(self, file: Footage) -> list[Piece]:
        pieces = self._pieces(file)
        keys = [number for number, piece in enumerate(pieces) if piece.entry.is_key]
        before = [number for number in keys if pieces[number].at <= self._begin]
        start = before[-1] if before else keys[0] if keys else 0
        return pieces[start:]


def still(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Decode one recorded key frame. Raises `CameraFault`, `OSError`."""
    from camera.eye.still import snapshot_of
    from camera.eye.words import Coded

    library, at = Library(Path(request["directory"])), int(request["at"])
    files = library.segments(str(request["camera"]), at - _STILL_BEFORE_MS, at + 1)
    masks = tuple(tuple((float(x), float(y)) for x, y in mask) for mask in request["masks"])
    with open_footage(files) as footage:
        for file in reversed(footage):
            keys = [piece for piece in file.pieces() if piece.entry.is_key and piece.at <= at]
            if not keys:
                continue
            codec, extradata, width, height = file.description()
            coded = Coded(codec, extradata, width, height, file.read(keys[-1].entry))
            taken = datetime.fromtimestamp(keys[-1].at / 1000, UTC)
            picture = snapshot_of(coded, taken, masks)
            return {"at": keys[-1].at, "width": picture.width, "height": picture.height}, picture.jpeg
    raise CameraFault("camera.not_recorded", "nothing was recorded at that time", retry=False)


def _answer(request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    import av

    try:
        return (cut(request), b"") if request["do"] == "clip" else still(request)
    except CameraFault as fault:
        return {"code": fault.code, "detail": fault.detail, "retry": fault.retry}, b""
    except (av.FFmpegError, ValueError, MemoryError) as error:
        detail = f"the recording cannot be read ({type(error).__name__})"
        return {"code": "camera.disk_error", "detail": detail, "retry": False}, b""
    except OSError as error:
        code = "camera.disk_full" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "camera.disk_error"
        return {"code": code, "detail": error.strerror or "the disk failed", "retry": True}, b""


def main() -> None:
    """Answer the question on standard input."""
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    answer, body = _answer(json.load(sys.stdin))
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + body)


if __name__ == "__main__":
    main()
