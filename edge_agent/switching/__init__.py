"""Switched things: decided, driven, watched, reported."""
