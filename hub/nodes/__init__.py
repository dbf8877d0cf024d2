"""Nodes on their pages: the list, the card of each, the map."""
