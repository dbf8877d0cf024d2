"""The installer's acceptance of a box at its pole: step by step, on a phone or in the terminal, to a birth record."""
