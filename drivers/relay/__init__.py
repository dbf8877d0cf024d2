"""Lines that are on or off: simulated ones, and those on the GPIO header of a Raspberry Pi."""
