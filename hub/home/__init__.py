"""The first page, for each what their role needs."""
