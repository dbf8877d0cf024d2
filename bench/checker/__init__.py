"""Proves from a node's events that its calendar was broadcast as it should: a program of its own.

It shares no code with the planner: instants are computed by dateutil, lunar days by looking at each day.
"""
