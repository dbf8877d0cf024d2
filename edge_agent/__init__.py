"""The node: owns the hardware, and everything it needs to work for weeks without a network."""
