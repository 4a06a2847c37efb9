"""Catalogues in BSON files."""
