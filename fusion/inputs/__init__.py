"""What users of the Python API have, a photo in memory, a list, a table, as products."""
