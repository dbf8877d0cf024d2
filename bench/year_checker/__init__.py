"""Says of each second whether a light was as it had to be: from the configuration and from what was asked and done.

Written from what is promised in prose (docs/lights.md, docs/switching.md, docs/rules.md) and shares no code with the
agent: the sun and the moon are PyEphem's, calendars, overrides, limits and interlocks are reckoned again.
"""
