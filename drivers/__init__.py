"""Hardware drivers: relay lines and loudspeakers. Usable alone; knows nothing of the agent."""
