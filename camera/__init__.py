"""Camera pulling, recording and pictures. Usable alone; knows nothing of the agent."""
