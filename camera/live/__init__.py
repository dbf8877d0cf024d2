"""Compressed pictures as pieces for Media Source in a browser, one per picture, while somebody watches."""
