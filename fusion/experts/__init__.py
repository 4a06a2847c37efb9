"""The sources of evidence, a class for each kind."""
