"""A node with a camera that has recorded a day: it answers what the contract asks of it, over the real broker."""

import hashlib
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from hub_rig import TOKEN, FakeNode

from edge_agent.contract.base import iso
from edge_agent.contract.commands import Command
from edge_agent.contract.errors import Fault
from edge_agent.contract.records import Event
from edge_agent.contract.watching import ClipCut, Moved, Recorded, RecordingList

FFMPEG = ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i"]
BASE = "/nodes/29401/tram-bom/cameras/cong"
VN = timedelta(hours=7)


def picture(text: str = "size=640x360") -> bytes:
    """A real JPEG."""
    made = subprocess.run(
        [*FFMPEG, f"testsrc2={text}", "-frames:v", "1", "-f", "mjpeg", "-"], capture_output=True, check=True
    )
    return made.stdout


def film(path: Path, seconds: int = 4) -> bytes:
    """A real fragmented MP4 of H.264, as a node cuts it."""
    source = f"testsrc2=size=320x180:rate=10:duration={seconds}"
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p"]
    subprocess.run(
        [*FFMPEG, source, *coded, "-movflags", "+frag_keyframe+empty_moov", "-y", str(path)],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return path.read_bytes()


def day(hour: float, minute: float = 0, second: float = 0, *, ago: int = 1) -> datetime:
    """A time of the day in Viet Nam, so many days ago, as UTC."""
    today = (datetime.now(UTC) + VN).replace(hour=0, minute=0, second=0, microsecond=0) - VN
    return today - timedelta(days=ago) + timedelta(hours=hour, minutes=minute, seconds=second)


def moved(id_: str, begin: datetime, seconds: float | None = 12, **more: Any) -> Moved:
    end = None if seconds is None else begin + timedelta(seconds=seconds)
    return Moved(id=id_, begin=begin, end=end, **{"zones": ("cong",), "score": 0.1, "picture": True, **more})


@dataclass
class Recording:
    """What the stand-in's camera has; installed on a node by `on`."""

    recorded: list[Recorded] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)
    listed_at_most: int = 500
    still: bytes = b""
    pictures: dict[str, bytes] = field(default_factory=dict)
    clip: bytes = b""
    refuse: dict[str, Fault] = field(default_factory=dict)

    def on(self, node: FakeNode) -> "Recording":
        """Let the node answer with this."""
        node.replies |= {
            "camera.recordings": self._recordings,
            "camera.snapshot": self._snapshot,
            "camera.clip": self._clip,
            "camera.keep": self._keep,
        }
        return self

    async def _refused(self, node: FakeNode, asked: Command) -> bool:
        fault = self.refuse.get(asked.do)
        if fault:
            await node.ack(asked, "failed", fault=fault)
        return fault is not None

    async def _recordings(self, node: FakeNode, asked: Command) -> None:
        if await self._refused(node, asked):
            return
        args: Any = asked.args
        inside = [m for m in self.moved if args.begin <= m.begin < args.end]
        listed = RecordingList(
            camera=args.camera,
            recorded=tuple(r for r in self.recorded if r.end > args.begin and r.begin < args.end),
            moved=tuple(inside[: self.listed_at_most]),
            more=len(inside) > self.listed_at_most,
            oldest=min((r.begin for r in self.recorded), default=None),
        )
        await node.ack(asked, "done", result=listed.model_dump(mode="json", exclude_none=True))

    async def _snapshot(self, node: FakeNode, asked: Command) -> None:
        if await self._refused(node, asked):
            return
        args: Any = asked.args
        jpeg = self.pictures.get(args.event or "", self.still)
        digest = await put(node, jpeg)
        at = (args.at or datetime.now(UTC)) - timedelta(seconds=1)
        await node.ack(asked, "done", result={"sha256": digest, "at": iso(at), "width": 640, "height": 360})

    async def _clip(self, node: FakeNode, asked: Command) -> None:
        await node.ack(asked, "accepted")
        if await self._refused(node, asked):
            return
        args: Any = asked.args
        digest = hashlib.sha256(self.clip).hexdigest()
        begin = args.begin - timedelta(seconds=2)
        cut = ClipCut(sha256=digest, bytes=len(self.clip), begin=begin, end=args.end, gap_s=3)
        await node.ack(asked, "done", result=cut.model_dump(mode="json"))

    async def _keep(self, node: FakeNode, asked: Command) -> None:
        if await self._refused(node, asked):
            return
        args: Any = asked.args
        inside = [r for r in self.recorded if r.begin <= args.begin and r.end >= args.end]
        for one in inside:
            self.recorded.remove(one)
            parts = (
                (one.begin, args.begin, one.kept),
                (args.begin, args.end, args.keep),
                (args.end, one.end, one.kept),
            )
            self.recorded += [Recorded(begin=b, end=e, bytes=one.bytes // 3, kept=k) for b, e, k in parts if e > b]
        self.recorded.sort(key=lambda r: r.begin)
        await node.ack(asked, "done")


async def put(node: FakeNode, body: bytes) -> str:
    """A file in one piece."""
    digest = hashlib.sha256(body).hexdigest()
    async with httpx.AsyncClient(timeout=30) as http:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = await http.put(f"{node.hub_url}/media/{digest}", content=body, headers=headers)
    assert answer.status_code in (200, 201), answer.text
    return digest


async def piece(node: FakeNode, body: bytes, first: int, last: int) -> int:
    """The bytes first..last of a file that is sent in pieces; the answer's status."""
    digest = hashlib.sha256(body).hexdigest()
    headers = {
        "Authorization": f"Bearer {TOKEN}",
        "Upload-Offset": str(first),
        "Upload-Length": str(len(body)),
        "Content-Type": "video/mp4",
    }
    async with httpx.AsyncClient(timeout=30) as http:
        answer = await http.patch(f"{node.hub_url}/media/{digest}", content=body[first:last], headers=headers)
    return answer.status_code


def told(seq: int, moved: Moved, sha256: str | None = None, camera: str = "cong") -> Event:
    """The event by which a node tells of motion: at its end where it has one."""
    data = moved.model_dump(mode="json", exclude_none=True)
    data["phase"] = "begin" if moved.end is None else "end"
    data.pop("picture")
    if sha256:
        data["picture"] = sha256
    return Event(seq=seq, at=datetime.now(UTC), type="motion", about=f"camera/{camera}", data=data)


def a_day() -> Recording:
    """Yesterday: recorded but for an hour in the morning and half an hour at night; eight times something moved."""
    recorded = [
        Recorded(begin=day(0), end=day(6, 10), bytes=600_000_000),
        Recorded(begin=day(7, 10), end=day(21), bytes=1_300_000_000),
        Recorded(begin=day(21, 30), end=day(24), bytes=200_000_000),
    ]
    at = [(5, 12), (7, 15), (8, 3), (11, 40), (13, 5), (16, 31), (17, 2), (19, 44)]
    zones = [("cong",), ("Cổng thôn", "Sân"), ()]
    events = [
        moved(f"e-{n}", day(*hm, n), 9 + 31 * n, zones=zones[n % 3], label="person" if n % 2 else None)
        for n, hm in enumerate(at)
    ]
    pictures = {m.id: picture(f"size=640x360:rate={n + 1}") for n, m in enumerate(events[:1])}
    return Recording(recorded, events, still=picture(), pictures=pictures)
