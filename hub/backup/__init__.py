"""Backups of the hub: one file with database, keys and media, and the way back from it."""
