"""How programs on this machine reach the running agent: a socket in its own folder, for its own user and for root."""
