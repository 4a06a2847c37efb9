"""How many photos of a Cat I the sample reads that finds out where reading pays."""

from ocr.shelves.choice import MIN_PRODUCTS

MAX_PHOTOS = 50_000
"""Of all categories together: more of them get fewer photos each. On two cores 40 minutes, once."""
MAX_SCORES = 5_000_000
"""Products times leaves of what is measured together, whose scores by four models are held at once."""


def photos_of_each(wanted: int, n_categories: int, n_leaves: int, n_together: int) -> int:
    """Photos of each of `n_together` categories that are measured together, of `n_categories` in all.

    0 where a share of the bounds is next to nothing, and where there is nothing to read for.

    Args:
        wanted: `sample_photos` of the configuration. n_leaves: of those that are measured together.
    """
    if n_leaves < 2:
        return 0
    photos = min(wanted, MAX_PHOTOS // n_categories, MAX_SCORES // (n_leaves * n_together))
    return photos if photos >= MIN_PRODUCTS else 0
