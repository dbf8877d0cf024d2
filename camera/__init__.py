"""Camera pulling, recording and pictures. Usable alone; knows nothing of the agent.

`Camera` is the way in. Importing this package imports neither PyAV nor OpenCV nor numpy: those live in the camera's own
process.
"""

from camera.client import Camera
from camera.model import CameraConfig, CameraFault, CameraStatus, Snapshot

__all__ = ["Camera", "CameraConfig", "CameraFault", "CameraStatus", "Snapshot"]
