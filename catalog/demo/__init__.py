"""A small drawn catalogue, made on the spot: what `catalog sample` writes."""
