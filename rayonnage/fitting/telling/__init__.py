"""What came of a fit, in words and on a page, and what would help most."""
