"""People of the hub: who they are, what they may do and where, and what they did."""
