"""A small drawn catalogue, made on the spot: what `catalog demo` writes."""
