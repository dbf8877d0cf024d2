"""What hub and node say to each other: messages, topics, units, error codes, signatures.

Nothing here knows how a node or a hub works inside, and nothing of ours is imported.
"""
