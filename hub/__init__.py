"""The people's side: the web console. Knows nodes only through edge_agent.contract."""
