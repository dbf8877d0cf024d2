"""What people call the zones of cameras."""

from collections.abc import Iterable, Sequence

from edge_agent.config.cameras import CameraEntry


class Places:
    """Names of the zones of all cameras, as configured."""

    def __init__(self, entries: Iterable[CameraEntry]) -> None:
        zones = ((entry.id, zone) for entry in entries if entry.motion for zone in entry.motion.zones)
        self._names = {(camera, zone.id): zone.name for camera, zone in zones if zone.name}

    def of(self, camera: str, zones: Sequence[str]) -> tuple[str, ...]:
        """The names of these zones; of one that has none, or is not configured any more, its id."""
        return tuple(self._names.get((camera, zone), zone) for zone in zones)
