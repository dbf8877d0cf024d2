"""A commune on a desk: broker, hub, two nodes and a camera, as separate processes of the real programs."""
