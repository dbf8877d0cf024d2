"""Looking through a camera: live leases, what was recorded, clips; and the pieces of a live stream on the wire."""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from edge_agent.contract.base import Instant, Name, Report, Strict

VideoStream = Literal["main", "sub"]
LEASE_S = 15.0
"""How long a live stream is sent after the last request for it."""
LONGEST_CLIP = timedelta(hours=1)
LONGEST_LOOK = timedelta(days=2)
MOST_LISTED = 500


class TakeSnapshot(Strict):
    """Take a picture and hand it to the hub's media store; the ack carries its SHA-256.

    Without `at` and `event` the newest picture; `at`: the recorded key frame before that instant; `event`: the picture
    of a motion event with what moved marked.
    """

    do: Literal["camera.snapshot"] = "camera.snapshot"
    camera: Name
    at: Instant | None = None
    event: str | None = Field(default=None, min_length=1, max_length=64)

    @model_validator(mode="after")
    def _one(self) -> "TakeSnapshot":
        if self.at is not None and self.event is not None:
            raise PydanticCustomError("invalid.two_pictures", "give either at or event")
        return self


class WatchCamera(Strict):
    """Send a camera live for `seconds` from now, to the topic `live/{camera}`; 0 ends it. Renewed, it goes on unbroken.

    The ack says which stream is sent: {"stream": ..., "seconds": ...}.
    """

    do: Literal["camera.watch"] = "camera.watch"
    camera: Name
    stream: VideoStream = Field(default="sub", description="A camera without a sub stream sends its main one")
    seconds: float = Field(default=LEASE_S, ge=0, le=60)
    viewer: str = Field(
        default="", max_length=40, description="Tells viewers apart: a stream ends when the last one's lease does"
    )


class _Span(Strict):
    camera: Name
    begin: Instant
    end: Instant

    @model_validator(mode="after")
    def _ordered(self) -> "_Span":
        if self.end <= self.begin:
            raise PydanticCustomError("invalid.span", "end is not after begin")
        return self


class ListRecordings(_Span):
    """Say what was recorded and what moved; the ack carries a `RecordingList`."""

    do: Literal["camera.recordings"] = "camera.recordings"

    @model_validator(mode="after")
    def _short(self) -> "ListRecordings":
        if self.end - self.begin > LONGEST_LOOK:
            raise PydanticCustomError("invalid.look_long", "ask for two days at most")
        return self


class CutClip(_Span):
    """Cut a clip out of the recording, by copy; the ack carries a `ClipCut`, then the node sends it to the hub's media
    store, however long that takes; an event `clip` tells when it is there.
    """

    do: Literal["camera.clip"] = "camera.clip"

    @model_validator(mode="after")
    def _short(self) -> "CutClip":
        if self.end - self.begin > LONGEST_CLIP:
            raise PydanticCustomError("invalid.clip_long", "a clip is an hour at most")
        return self


class KeepRecording(_Span):
    """Keep this part of a recording whatever its age, or no longer."""

    do: Literal["camera.keep"] = "camera.keep"
    keep: bool = True


class Recorded(Report):
    """Video without a break."""

    begin: Instant
    end: Instant
    bytes: int = Field(ge=0)
    kept: bool = Field(default=False, description="Kept by hand, whatever its age")


class Moved(Report):
    """A motion event."""

    id: str
    begin: Instant
    end: Instant | None = Field(default=None, description="Absent: it still moves")
    zones: tuple[str, ...] = ()
    score: float = Field(ge=0, le=1, description="Largest part of the picture that moved, or the detector's best score")
    label: str | None = None
    picture: bool = Field(default=False, description="Whether there is a picture of it")


class RecordingList(Report):
    """What a camera recorded and saw between two instants, first to last."""

    camera: Name
    recorded: tuple[Recorded, ...] = ()
    moved: tuple[Moved, ...] = Field(default=(), max_length=MOST_LISTED)
    more: bool = Field(default=False, description="There were more events than are listed: ask for a shorter time")
    oldest: Instant | None = Field(default=None, description="Where the recording begins at all")


class ClipCut(Report):
    """A clip that is on its way to the hub: it begins at a key frame and may hold gaps."""

    sha256: str
    bytes: int
    begin: Instant
    end: Instant
    gap_s: float = Field(default=0, description="Seconds within it that were not recorded")


PIECE_VERSION = 1
PieceKind = Literal["init", "key", "delta"]
_KINDS: tuple[PieceKind, ...] = ("init", "key", "delta")
_STREAMS: tuple[VideoStream, ...] = ("main", "sub")
_HEAD = struct.Struct(">BBBBIIQHH")
PIECE_LIMIT = 9 * 1024 * 1024
"""Longest body that is taken: a key frame of 4K at worst."""


class BadPiece(ValueError):
    """A body on the live topic that is no piece of video."""


@dataclass(frozen=True, slots=True)
class VideoPiece:
    """A body of the topic `live/{camera}`: 24 bytes of header, the codec's name, then fMP4.

    Header, big-endian: version, kind (0 init, 1 key, 2 delta), stream (0 main, 1 sub), length of the codec's name,
    epoch (32 bit), number (32 bit), arrival in ms since 1970 (64 bit), width, height (16 bit each).
    A viewer that has missed a number waits for the next `key`, or `init` when the epoch is new.
    """

    stream: VideoStream
    kind: PieceKind
    epoch: int
    number: int
    at: datetime
    codec: str
    width: int
    height: int
    data: bytes

    def pack(self) -> bytes:
        """Return the bytes to send."""
        codec = self.codec.encode("ascii")
        ms = round(self.at.timestamp() * 1000)
        kind, stream = _KINDS.index(self.kind), _STREAMS.index(self.stream)
        head = (PIECE_VERSION, kind, stream, len(codec), self.epoch, self.number, ms, self.width, self.height)
        return _HEAD.pack(*head) + codec + self.data

    @classmethod
    def parse(cls, body: bytes) -> "VideoPiece":
        """Raises BadPiece."""
        if not _HEAD.size <= len(body) <= PIECE_LIMIT:
            raise BadPiece("its length is not that of a piece")
        version, kind, stream, length, epoch, number, ms, width, height = _HEAD.unpack_from(body)
        if version != PIECE_VERSION or kind >= len(_KINDS) or stream >= len(_STREAMS):
            raise BadPiece("its header is not known")
        try:
            codec = body[_HEAD.size : _HEAD.size + length].decode("ascii")
            at = datetime.fromtimestamp(ms / 1000, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise BadPiece("its header is not understood") from error
        data = body[_HEAD.size + length :]
        return cls(_STREAMS[stream], _KINDS[kind], epoch, number, at, codec, width, height, data)
