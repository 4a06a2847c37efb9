"""Catalogues as tables of photo paths."""
