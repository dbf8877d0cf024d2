"""`python -m bench`: all of them."""

from bench import footprint, outbox, reading, roundtrip, say

for part in (roundtrip, footprint, outbox, reading, say):
    part.main()
    print()
