"""A small drawn catalogue, made on the spot, and the whole job on it: what `rayonnage demo` does."""
