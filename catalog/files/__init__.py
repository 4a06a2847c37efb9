"""How files are written, read, looked up and told about."""
