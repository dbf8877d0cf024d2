"""One live stream of one camera in the hub: what a new viewer needs at once, and who looks."""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from edge_agent.contract.sentences import Language
from edge_agent.contract.watching import PieceKind, VideoPiece, VideoStream
from hub.cameras.outgoing import Outgoing

GROUP_BYTES = 6_000_000
GROUP_PIECES = 2000
"""A longer group of pictures is not kept: a new viewer waits for the next key frame."""
_HEAD = struct.Struct(">BxxxIQ")
_KINDS: tuple[PieceKind, ...] = ("init", "key", "delta")
MOST_EARLY = 100
"""Pieces kept until the node has answered; that is a moment."""
Words = Callable[[Language], dict[str, object]]


@dataclass(eq=False)
class Viewer:
    """Somebody who looks; `out` is what waits for this one."""

    who: str
    language: Language
    out: Outgoing
    pieces: int = 0
    bytes: int = 0


@dataclass(eq=False)
class Channel:
    """A stream that somebody asked for. `sent` is the stream that the node really sends."""

    address: str
    camera: str
    wanted: VideoStream
    monotonic: Callable[[], float]
    sent: VideoStream | None = None
    """Set by `settle`."""
    viewers: set[Viewer] = field(default_factory=set)
    heard: float | None = None
    """When the last piece came."""
    _init: VideoPiece | None = None
    _group: list[VideoPiece] = field(default_factory=list)
    _bytes: int = 0
    _number: int = -1
    _whole: bool = False
    _early: list[VideoPiece] = field(default_factory=list)
    """Pieces of the main stream that came before the node said that it has no other."""
    _why: Words | None = None
    """Why there is no picture now: whoever comes is told as well."""

    @property
    def stream(self) -> VideoStream:
        """Which pieces of the topic belong here."""
        return self.sent or self.wanted

    def join(self, viewer: Viewer) -> None:
        """Add a viewer, who gets the newest group of pictures at once."""
        self.viewers.add(viewer)
        if self._why is not None:
            viewer.out.note(_said(self._why, viewer))
        if self._init is not None:
            viewer.out.note(self._told(self._init))
            for piece in (self._init, *(() if self._why else self._group)):
                viewer.out.put(piece)

    def take(self, piece: VideoPiece) -> bool:
        """Hand a piece on. False: it fits nothing that came before, the description is needed again."""
        if piece.kind == "init":
            return self._begin(piece)
        if self._init is None or piece.epoch != self._init.epoch:
            return False
        self.heard = self.monotonic()
        if piece.kind == "key":
            if piece.number <= self._number and self._whole:
                return True  # sent again for another hub's viewer
            self._whole, self._group, self._bytes = True, [], 0
        elif piece.number <= self._number:
            return True
        elif not self._whole or piece.number != self._number + 1:
            self._whole = False  # something was left out on the way: nothing fits up to the next key frame
            self._number = piece.number
            return True
        self._number = piece.number
        self._why = None
        self._keep(piece)
        for viewer in self.viewers:
            viewer.out.put(piece)
        return True

    def hold(self, piece: VideoPiece) -> None:
        """Keep a piece of the main stream until it is known whether that is what this channel gets."""
        if self.sent is None and self.wanted == "sub":
            if piece.kind == "init":
                self._early.clear()
            if len(self._early) < MOST_EARLY and len(piece.data) + sum(len(p.data) for p in self._early) <= GROUP_BYTES:
                self._early.append(piece)

    def settle(self, sent: VideoStream) -> None:
        """The node has said which stream it sends."""
        self.sent = sent
        early, self._early = self._early, []
        for piece in early if sent == "main" else ():
            self.take(piece)

    def forget(self) -> None:
        """The node begins anew: what is kept here fits no more."""
        self._init, self._group, self._bytes, self._number, self._whole = None, [], 0, -1, False

    def tell(self, words: Words) -> None:
        """Say why there is no picture to all who look, each in their language, and to who comes before there is one."""
        same = self._why is not None and self._why("vi") == words("vi")
        self._why = words
        for viewer in () if same else self.viewers:
            viewer.out.note(_said(words, viewer))

    def _begin(self, piece: VideoPiece) -> bool:
        self.heard = self.monotonic()
        if self._init is not None and self._init.epoch == piece.epoch and self._init.data == piece.data:
            return True
        self.forget()
        self._init, self._number = piece, piece.number
        note = self._told(piece)
        for viewer in self.viewers:
            viewer.out.note(note)
            viewer.out.put(piece)
        return True

    def _keep(self, piece: VideoPiece) -> None:
        """Keep the newest group, from its key frame on; one that is too long goes, and nothing more of it is kept."""
        if piece.kind != "key" and not self._group:
            return
        self._bytes += len(piece.data)
        self._group.append(piece)
        if self._bytes > GROUP_BYTES or len(self._group) > GROUP_PIECES:
            self._group = []

    def _told(self, init: VideoPiece) -> str:
        about = {"codec": init.codec, "width": init.width, "height": init.height, "stream": init.stream}
        return json.dumps({"say": "stream", "wanted": self.wanted, "epoch": init.epoch, **about})


def _said(words: Words, viewer: Viewer) -> str:
    return json.dumps(words(viewer.language), ensure_ascii=False)


def framed(number: int, piece: VideoPiece) -> bytes:
    """A piece as the page gets it: kind, running number, arrival in ms since 1970 (16 bytes), then fMP4."""
    return _HEAD.pack(_KINDS.index(piece.kind), number, round(piece.at.timestamp() * 1000)) + piece.data
