"""Hardware drivers: relay lines and loudspeakers. Usable alone; knows nothing of the agent.

From a Python prompt::

    from drivers.clock import standalone_context
    from drivers.registry import load

    Relay = load("simulated-relay")
    relay = Relay(Relay.Config(lines={"lamp": {}}), standalone_context("desk"))
"""
