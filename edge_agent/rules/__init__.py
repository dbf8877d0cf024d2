"""Rules on sensors: when something is beyond a limit for so long, a thing runs, but not for ever."""
