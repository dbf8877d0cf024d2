"""Cameras that speak ONVIF: find them, ask for their streams, set their clock. For the installer, never for the agent.

By the library onvif-zeep-async. Nothing of it is imported unless it is called for: zeep and lxml take seconds and
tens of megabytes.
"""
