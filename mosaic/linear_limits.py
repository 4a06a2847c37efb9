"""Of how many products a head on frozen features is made, and chosen; this module loads no network."""

MAX_PRODUCTS = 50_000
"""Whose features, of 1,280 numbers and mirrored, take half a gigabyte, and as much again while a head is fitted."""
MAX_LEAVES_OF_PRODUCTS = 40_000_000
"""Products times leaves: each of these is a number of the fit."""

MAX_JUDGED = 1500
"""Products by which a head's strength is chosen, at most: it depends little on their number, the time for it a lot."""


def is_small_enough(n_products: int, n_leaves: int) -> bool:
    """Whether a head is made of so many products in so many leaves."""
    return n_products <= MAX_PRODUCTS and n_products * n_leaves <= MAX_LEAVES_OF_PRODUCTS
