"""`python -m bench`: all of them."""

from bench import footprint, outbox, roundtrip

for part in (roundtrip, footprint, outbox):
    part.main()
    print()
