"""Smaller catalogues out of a big one: drawn, filtered, or split into parts; copies of a photo stay together."""
