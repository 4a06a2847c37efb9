"""The shop's tree of categories, and its names."""
