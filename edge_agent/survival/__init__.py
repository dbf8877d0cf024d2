"""Staying alive for years: which loops turn, starts that fail again and again, and the safe core that is left then."""
