"""The node's configuration: one YAML file, declared once, strict, with every mistake told at once."""
