"""When things are on: programmes by the sun and the clock, and calendars that choose among them. Pure."""
