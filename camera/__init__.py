"""Camera pulling, recording and pictures. Usable alone; knows nothing of the agent.

`CameraGroup` is the way in, `Camera` the same for one camera. Importing this package imports neither PyAV nor OpenCV
nor numpy: those live in processes of their own.
"""

from camera.client import Camera
from camera.group import CameraGroup, GroupListener
from camera.model import CameraConfig, CameraFault, CameraStatus, GroupConfig, Snapshot

__all__ = [
    "Camera",
    "CameraConfig",
    "CameraFault",
    "CameraGroup",
    "CameraStatus",
    "GroupConfig",
    "GroupListener",
    "Snapshot",
]
