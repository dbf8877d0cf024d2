"""Something counts as true after it has lasted, and as over after it has been well for a while. Monotonic time."""
