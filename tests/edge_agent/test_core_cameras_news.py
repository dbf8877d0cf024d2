"""What cameras tell becomes events, in order, with pictures where there are any, and nothing is lost at the end."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core_rig import Store, store, until
from pydantic import TypeAdapter

from camera.model import CameraStatus, Deleted, MotionEvent
from camera.recordings.catalogue import Catalogue
from camera.recordings.library import Library
from edge_agent.cameras import Cameras
from edge_agent.cameras.entries import group_configs
from edge_agent.clock import SystemClock
from edge_agent.config.cameras import CameraEntry, Video
from edge_agent.contract.errors import Fault
from edge_agent.contract.reports import CameraState
from edge_agent.media import MediaStore
from edge_agent.media.outgoing import Outgoing

AT = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"picture" * 40
ENTRIES = TypeAdapter(tuple[CameraEntry, ...]).validate_python(
    [
        {"id": "cong", "name": "Cổng", "url": "rtsp://127.0.0.1:1/a", "motion": {}},
        {"id": "cho", "name": "Chợ", "url": "rtsp://127.0.0.1:1/b", "group": "second", "public": True},
        {"id": "mute", "name": "Câm", "url": "rtsp://127.0.0.1:1/c", "username": "a", "password": {"file": "/no/such"}},
        {"id": "long", "name": "Dài", "url": "rtsp://127.0.0.1:1/d", "username": "a:b"},
    ]
)


class Node:
    """The cameras of a node that are not started: what their processes tell is told by the test."""

    def __init__(self, folder: Path, kept: Store) -> None:
        self.kept = kept
        self.posted: list[CameraState] = []
        clock = SystemClock("assume")
        self.outgoing = Outgoing(folder / "clips", 10**9, "http://127.0.0.1:1", lambda: "", clock)
        media = MediaStore(None, lambda: "")
        self.cameras = Cameras(
            ENTRIES, Video(), folder, clock, kept.recorder, media, self.outgoing, post=self.posted.append
        )

    async def events(self, type_: str) -> list[dict[str, object]]:
        await self.kept.recorder.flush()
        return [{"about": event["about"], **event["data"]} for event in await self.kept.events(type_)]


@asynccontextmanager
async def node(folder: Path) -> AsyncIterator[Node]:
    async with store(folder) as kept:
        yield Node(folder, kept)


def motion(n: int, end: bool) -> MotionEvent:
    begin = AT + timedelta(seconds=20 * n)
    return MotionEvent(
        f"{n:06d}-cong", "cong", begin, begin + timedelta(seconds=7) if end else None, ("via-he",), 0.04217, "person"
    )


async def test_motion_is_told_in_its_order_and_its_picture_goes_on_its_way(tmp_path: Path) -> None:
    async with node(tmp_path) as told:
        catalogue = Catalogue(tmp_path / "video")
        await asyncio.to_thread(catalogue.note_event, motion(1, True), JPEG)
        running = asyncio.create_task(told.cameras.run())
        for n in (1, 2):
            told.cameras.motion(motion(n, False))
            told.cameras.motion(motion(n, True))
        await until(told.cameras._motions._queue.empty)
        await asyncio.sleep(0.2)
        events = await told.events("motion")
        assert [(event["id"], event["phase"]) for event in events] == [
            ("000001-cong", "begin"),
            ("000001-cong", "end"),
            ("000002-cong", "begin"),
            ("000002-cong", "end"),
        ]
        stored = Library(tmp_path / "video").picture("000001-cong")
        assert stored is not None
        digest = hashlib.sha256(stored.read_bytes()).hexdigest()
        assert [event.get("picture") for event in events] == [None, digest, None, None]
        assert events[1] == {
            "about": "camera/cong",
            "id": "000001-cong",
            "phase": "end",
            "begin": "2026-11-22T05:00:20.000+00:00",
            "end": "2026-11-22T05:00:27.000+00:00",
            "zones": ["via-he"],
            "places": ["via-he"],
            "score": 0.0422,
            "label": "person",
            "picture": digest,
        }
        assert [load.sha256 for load in told.outgoing._pictures] == [digest]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        catalogue.close()


async def test_at_the_end_of_the_node_no_motion_is_forgotten(tmp_path: Path) -> None:
    async with node(tmp_path) as told:
        running = asyncio.create_task(told.cameras.run())
        for n in range(30):
            told.cameras.motion(motion(n, True))
        await asyncio.sleep(0)
        await told.cameras.stop()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert sorted(str(event["id"]) for event in await told.events("motion")) == [f"{n:06d}-cong" for n in range(30)]


async def test_more_motion_than_can_wait_is_told_all_the_same(tmp_path: Path) -> None:
    async with node(tmp_path) as told:
        for n in range(1200):
            told.cameras.motion(motion(n, True))
        await told.cameras.stop()
        assert len(await told.events("motion")) == 1200


async def test_video_that_had_to_go_is_told(tmp_path: Path) -> None:
    async with node(tmp_path) as told:
        told.cameras.deleted(Deleted("cong", AT, AT + timedelta(hours=2), 123_456_789, "disk_bytes"))
        [event] = await told.events("recording")
    assert event == {
        "about": "camera/cong",
        "code": "camera.deleted_early",
        "begin": "2026-11-22T05:00:00.000+00:00",
        "end": "2026-11-22T07:00:00.000+00:00",
        "bytes": 123_456_789,
        "mb": 123.5,
        "reason": "disk_bytes",
    }
    assert "123.5 MB" in Fault.of("camera.deleted_early", begin="a", end="b", mb=123.5).en


async def test_states_carry_viewers_and_what_is_public(tmp_path: Path) -> None:
    async with node(tmp_path) as told:
        told.cameras.status("cho", CameraStatus("streaming", AT))
        told.cameras.watched = lambda camera: 2 if camera == "cho" else 0
        told.cameras.viewers_changed("cho")
        told.cameras.viewers_changed("cong")  # of which nothing is known yet
        assert [(state.id, state.watched, state.public) for state in told.posted] == [
            ("cho", 0, True),
            ("cho", 2, True),
        ]


def test_cameras_share_a_process_by_group_and_a_bad_entry_stops_no_other(tmp_path: Path) -> None:
    groups, broken = group_configs(ENTRIES, tmp_path, Video().disk)
    assert {group.id: [camera.id for camera in group.cameras] for group in groups} == {
        "cameras": ["cong"],
        "second": ["cho"],
    }
    assert {name: fault.code for name, fault in broken.items()} == {
        "mute": "camera.no_secret",
        "long": "camera.bad_setting",
    }


def test_more_cameras_than_a_process_takes_say_so(tmp_path: Path) -> None:
    entries = [ENTRIES[0].model_copy(update={"id": f"c{n}"}) for n in range(40)]
    groups, broken = group_configs(entries, tmp_path, Video().disk)
    assert groups == [] and len(broken) == 40
