"""Cameras that speak ONVIF: find them, ask for their streams, set their clock. For the installer, never for the agent.

Needs the extra `onvif` (onvif-zeep-async). Nothing here is imported unless it is called for: zeep and lxml take
seconds and tens of megabytes.
"""
