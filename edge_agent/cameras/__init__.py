"""The node's cameras: pulled in processes of their own; told, photographed and looked back through from here."""

from edge_agent.cameras.entries import camera_config
from edge_agent.cameras.service import Cameras

__all__ = ["Cameras", "camera_config"]
