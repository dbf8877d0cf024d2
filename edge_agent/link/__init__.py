"""The wire to the broker: a connection that comes back, and the outbox that flows through it."""
