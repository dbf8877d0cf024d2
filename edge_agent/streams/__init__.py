"""What live voices and relays share: a child process, a FIFO in time, a gentle hand on the level."""
