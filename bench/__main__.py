"""`python -m bench`: all of them."""

from bench import calendar, footprint, outbox, reading, roundtrip, say

for part in (roundtrip, footprint, outbox, reading, say, calendar):
    part.main()
    print()
