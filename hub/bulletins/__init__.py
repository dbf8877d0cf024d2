"""Bulletins of the commune: written, planned, approved, sent to nodes, proven."""
