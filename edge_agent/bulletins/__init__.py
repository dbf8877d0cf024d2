"""Bulletins: when they are due (pure), and the service that makes their sound ahead of air and airs them."""
