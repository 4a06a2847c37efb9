"""`rayonnage search`."""

from __future__ import annotations

from catalog.cli_options import command_line


@command_line()
def main(verbose: bool) -> None:
    """Find the same or a similar product among millions, by its photos and the text on them."""
