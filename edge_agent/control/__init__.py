"""The logic of switching: who wins, limits, interlocks, ramps, faults, usage. Pure: clock and facts are passed in."""
