"""New versions of the agent: fetched, proven, put beside the old one, switched to, and left again when they fail."""
