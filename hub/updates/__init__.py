"""New versions of the agent: offered to nodes, and rolled out step by step."""
