"""The first boot of a box: what stands on its card becomes a working, trusted node, and the card tells how it went."""
