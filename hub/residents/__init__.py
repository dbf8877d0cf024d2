"""What residents see without an account, what they report, and how the commune answers."""
