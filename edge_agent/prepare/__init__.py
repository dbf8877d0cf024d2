"""Ahead of air: everything that a bulletin needs ends as a sound on the node's own disk."""
