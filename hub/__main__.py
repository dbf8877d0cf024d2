"""`python -m hub`."""

from hub.cli import main

main(prog_name="edge-hub")
