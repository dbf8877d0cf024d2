from collections.abc import Iterator
from pathlib import Path

import pytest
from camera_rig import FPS, RtspCamera, rtsp_camera

from camera.clip import make_clip


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds of the gate, a key frame every two seconds."""
    return make_clip(tmp_path_factory.mktemp("clip") / "gate clip.mp4", seconds=12, width=320, height=180, fps=FPS)


@pytest.fixture(scope="session")
def camera_host(clip: Path) -> Iterator[RtspCamera]:
    """An RTSP camera that stays up for all tests."""
    with rtsp_camera(clip) as camera:
        yield camera
