"""Who is on air, and who waits: one `Air` for each loudspeaker, all of them in a `Station`."""
