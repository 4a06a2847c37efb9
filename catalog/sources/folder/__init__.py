"""Catalogues as folders of photos."""
