"""`python -m bench`: all of them."""

from bench import footprint, outbox, reading, roundtrip

for part in (roundtrip, footprint, outbox, reading):
    part.main()
    print()
