"""Whole installations that are not there, to rehearse with."""
