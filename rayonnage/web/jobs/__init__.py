"""Catalogues that are sent, predicted in the background and fetched as sheets."""
