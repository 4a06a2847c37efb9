"""`python -m rayonnage`."""

from rayonnage.cli import main

main(prog_name="rayonnage")
