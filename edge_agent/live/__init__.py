"""A person speaks now, on many nodes in step: sessions of the node, the worker that decodes, and the sender."""
