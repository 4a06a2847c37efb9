"""Products of one title as the page shows them: some of each category."""

from collections.abc import Sequence

from catalog.files.wording import plural
from catalog.photos.photo_index import Ints
from catalog.photos.thumbnails import strip
from catalog.reports.page import Example, Gallery
from curation.duplicates.findings import Findings
from curation.duplicates.group_gallery import HEIGHT, category_name, ids_line, labelled
from curation.shown_titles import shortened

SHOWN_CATEGORIES = 6


def title_gallery(findings: Findings, title: int) -> Gallery:
    """The products of one of the shared titles, each category once, that of most products first."""
    titles, photos = findings.titles, findings.photos
    assert titles is not None, "a title of these findings"
    products = titles.products_of(title)
    categories = labelled(findings, products)
    shown = categories.most_common(SHOWN_CATEGORIES)
    examples = [
        Example(
            _pictures(findings, of_category := products[photos.category_ids[products] == category]),
            [category_name(findings, category), f"{plural(n, 'product')} {ids_line(findings, of_category)}"],
        )
        for category, n in shown
    ]
    level = int(titles.parts_at[title])
    parting = f", parting at {findings.tree.level_names[level]}" if findings.tree is not None else ""
    name = shortened(photos.titles(products[:1])[0])
    n_left = len(categories) - len(shown)
    more = f"and {plural(n_left, 'more category', 'more categories')}" if n_left else ""
    return Gallery(
        f"“{name}”: {plural(len(products), 'product')}, {len(categories)} categories{parting}", examples, more=more
    )


def _pictures(findings: Findings, products: Ints) -> Sequence[bytes]:
    """The first photo of these `(n,)` products; none where they have none."""
    photos = findings.photos
    first = products[photos.n_images[products] > 0][:1]
    return [strip([photos.read(int(photos.start[first[0]]))], HEIGHT)] if len(first) else []
