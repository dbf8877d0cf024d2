"""Sensors: polled or heard, checked, reported."""
