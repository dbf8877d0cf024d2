"""Sounds and pictures by their content: sent to the hub, fetched from it, kept on the node's disk."""

from edge_agent.media.upload import MediaStore

__all__ = ["MediaStore"]
