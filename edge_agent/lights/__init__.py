"""Lights: what decides their level (pure), and the service that makes it so."""
