"""Figures, each printed with its limit measured in the same run: `make bench`."""
