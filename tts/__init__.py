"""Text to clear outdoor speech. Usable alone; knows nothing of the agent."""
