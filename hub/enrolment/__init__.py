"""Nodes become trusted here: the hub's own CA, one-time tokens, certificates, their renewal and their end."""
