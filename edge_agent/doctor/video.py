"""For how long the node's disk has room for video, before its cameras have sent any."""

import shutil
from pathlib import Path

from camera.recordings.library import Library
from edge_agent.config.model import NodeConfig
from edge_agent.config.video_room import MBIT_S, amount, days_of, span
from edge_agent.words import Both, both, say


def room_for_video(config: NodeConfig) -> tuple[bool, Both]:
    """Whether the days that are asked for fit, and a sentence. At least one camera is recorded. Blocks.

    Raises CameraFault (camera.disk_error) where the index of recordings cannot be read.
    """
    folder, disk = config.video.folder(config.storage.path), config.video.disk
    recorded = [camera.retention for camera in config.cameras if camera.record]
    room = max(0, Library(folder).used() + shutil.disk_usage(_existing(folder)).free - disk.free_bytes)
    room = room if disk.bytes is None else min(room, disk.bytes)
    share = room // len(recorded)
    days = min(days_of(min(share, each.most_bytes)) for each in recorded)
    asked = min(each.days for each in recorded)
    key = "doctor.video_ok" if days >= asked else "doctor.video_short"

    def words() -> str:
        figures = {"count": len(recorded), "rate": MBIT_S, "days": f"{asked:g}"}
        return say(key, amount=amount(room), span=span(days), **figures)

    return days >= asked, both(words)


def _existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.absolute().parents) if each.exists())
