"""From the node's configuration to what the cameras' processes get to know."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import SecretStr, ValidationError

from camera.model import CameraConfig, CameraFault, GroupConfig
from camera.settings import Disk
from edge_agent.config.cameras import CameraEntry
from edge_agent.config.secrets import SecretFault, reveal


def camera_config(entry: CameraEntry) -> CameraConfig:
    """What the puller gets to know. Raises CameraFault where the secret or a setting is wrong."""
    try:
        password = SecretStr(reveal(entry.password)) if entry.password else None
        return CameraConfig(
            id=entry.id,
            url=entry.url,
            username=entry.username,
            password=password,
            record=entry.record,
            sub_url=entry.sub_url,
            transport=entry.transport,
            timeout_s=entry.timeout_s,
            keep=entry.keep,
            retention=entry.retention,
            motion=entry.motion,
        )
    except SecretFault as fault:
        raise CameraFault("camera.no_secret", str(fault)) from fault
    except ValidationError as error:
        raise CameraFault("camera.bad_setting", error.errors(include_input=False)[0]["msg"]) from error


def group_configs(
    entries: Sequence[CameraEntry], directory: Path, disk: Disk
) -> tuple[list[GroupConfig], dict[str, CameraFault]]:
    """Cameras by the process that they share, and why some cannot be started: these stop no other."""
    groups: dict[str, list[CameraConfig]] = {}
    broken: dict[str, CameraFault] = {}
    for entry in entries:
        try:
            groups.setdefault(entry.group, []).append(camera_config(entry))
        except CameraFault as fault:
            broken[entry.id] = fault
    made = []
    for name, cameras in groups.items():
        try:
            if cameras:
                made.append(GroupConfig(id=name, cameras=tuple(cameras), directory=directory, disk=disk))
        except ValidationError as error:
            wrong = CameraFault("camera.bad_setting", error.errors(include_input=False)[0]["msg"])
            broken.update({camera.id: wrong for camera in cameras})
    return made, broken
