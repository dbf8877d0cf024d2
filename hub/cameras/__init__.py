"""Cameras on the console: live, and what they recorded."""
