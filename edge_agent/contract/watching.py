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
    fresh: bool = Field(
        default=True,
        description="A new viewer of a stream that is on: send its beginning and newest key frame again; "
        "false: who asks has them, for other viewers",
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
    places: tuple[str, ...] = Field(default=(), description="The same zones, as people call them")
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
PART_VERSION = 2
PieceKind = Literal["init", "key", "delta"]
_KINDS: tuple[PieceKind, ...] = ("init", "key", "delta")
_STREAMS: tuple[VideoStream, ...] = ("main", "sub")
_HEAD = struct.Struct(">BBBBIIQHH")
_PART = struct.Struct(">BBHHI")
_EPOCH, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
PIECE_LIMIT = 9 * 1024 * 1024
"""Longest piece that is taken: a key frame of 4K at worst."""
MOST_PARTS = 4096


class BadPiece(ValueError):
    """A body on the live topic that is no piece of video."""


@dataclass(frozen=True, slots=True)
class VideoPiece:
    """What the topic `live/{camera}` carries: 24 bytes of header, the codec's name, then fMP4.

    Header, big-endian: version, kind (0 init, 1 key, 2 delta), stream (0 main, 1 sub), length of the codec's name,
    epoch (32 bit), number (32 bit), arrival in ms since 1970 (64 bit), width, height (16 bit each).
    Before each key frame its init is sent again, so that a viewer can begin there: an init of the epoch that is playing
    is passed over, and so is a number that was seen. A viewer that has missed a number waits for the next `key`.
    The times in the fMP4 run on from picture to picture within an epoch; where pictures are missing there is a hole.

    A long piece goes out in parts, so that an answer to a command need not wait for all of a key frame: `split` and
    `Joiner`.
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
        """Return the piece as one body."""
        codec = self.codec.encode("ascii")
        ms = (self.at - _EPOCH) // _MS
        kind, stream = _KINDS.index(self.kind), _STREAMS.index(self.stream)
        head = (PIECE_VERSION, kind, stream, len(codec), self.epoch, self.number, ms, self.width, self.height)
        return _HEAD.pack(*head) + codec + self.data

    @classmethod
    def parse(cls, body: bytes) -> "VideoPiece":
        """Read a whole piece. Raises BadPiece."""
        if not _HEAD.size <= len(body) <= PIECE_LIMIT:
            raise BadPiece("its length is not that of a piece")
        version, kind, stream, length, epoch, number, ms, width, height = _HEAD.unpack_from(body)
        if version != PIECE_VERSION or kind >= len(_KINDS) or stream >= len(_STREAMS):
            raise BadPiece("its header is not known")
        if len(body) < _HEAD.size + length:
            raise BadPiece("it ends within its header")
        try:
            codec = body[_HEAD.size : _HEAD.size + length].decode("ascii")
            at = _EPOCH + ms * _MS
        except (ValueError, OverflowError) as error:
            raise BadPiece("its header is not understood") from error
        data = body[_HEAD.size + length :]
        return cls(_STREAMS[stream], _KINDS[kind], epoch, number, at, codec, width, height, data)


def split(body: bytes, serial: int, size: int) -> list[bytes]:
    """Cut a packed piece into bodies of about `size` bytes; a short one stays as it is.

    A part, big-endian: version 2, stream as in the piece, number of the part, how many there are (16 bit each), a
    serial number (32 bit) that the parts of a piece share; then its share of the packed piece.
    """
    if len(body) <= size:
        return [body]
    count = min(-(-len(body) // size), MOST_PARTS)
    each = -(-len(body) // count)
    shares = [body[begin : begin + each] for begin in range(0, len(body), each)]
    head = (PART_VERSION, body[2])
    return [_PART.pack(*head, place, len(shares), serial & 0xFFFFFFFF) + share for place, share in enumerate(shares)]


@dataclass(slots=True)
class _Unfinished:
    serial: int
    count: int
    shares: list[bytes]
    size: int = 0


class Joiner:
    """Puts the bodies of one camera's topic together again. Holds no more than one unfinished piece per stream."""

    def __init__(self) -> None:
        self._open: dict[int, _Unfinished] = {}

    def take(self, body: bytes) -> VideoPiece | None:
        """Return the piece that this body completes. Raises BadPiece.

        A piece of which a part is missing never comes: its number is missing too then.
        """
        if not body or body[0] != PART_VERSION:
            return VideoPiece.parse(body)
        if len(body) <= _PART.size:
            raise BadPiece("its length is not that of a part")
        _, stream, place, count, serial = _PART.unpack_from(body)
        if not place < count <= MOST_PARTS or stream >= len(_STREAMS):
            raise BadPiece("its header is not known")
        piece = self._open.pop(stream, None) if place else _Unfinished(serial, count, [])
        if piece is None or (piece.serial, piece.count, len(piece.shares)) != (serial, count, place):
            return None
        piece.shares.append(body[_PART.size :])
        piece.size += len(body) - _PART.size
        if piece.size > PIECE_LIMIT:
            raise BadPiece("its parts are longer than a piece can be")
        if place + 1 == count:
            return VideoPiece.parse(b"".join(piece.shares))
        self._open[stream] = piece
        return None
