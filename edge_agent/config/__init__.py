"""The node's configuration: one YAML file, declared once, strict, with every mistake told at once."""

from edge_agent.config.load import Loaded, load
from edge_agent.config.model import NodeConfig
from edge_agent.config.problems import ConfigProblem

__all__ = ["ConfigProblem", "Loaded", "NodeConfig", "load"]
