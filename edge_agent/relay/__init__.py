"""A radio from the Internet, passed on: main source, backup, stand-in."""
