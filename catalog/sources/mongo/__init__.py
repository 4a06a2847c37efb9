"""Catalogues in MongoDB collections."""
