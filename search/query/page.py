"""The page of a search: the photos that were asked with, and those of what was found."""

from __future__ import annotations

from catalog.files.wording import plural
from catalog.photos.thumbnails import strip
from catalog.reports.page import Card, Example, Gallery, Page, Section
from search.query.answer import SAME_PHOTO, AnswerProduct, SearchAnswer

HEIGHT = 130
"""Of a strip of photos, in pixels of the page."""
BY_PHOTOS = (
    "How alike photos are is the cosine of their vectors, 1 for the same picture: the mean over the photos that were "
    "asked with, each beside the product's photo that is most like it."
)
BY_TEXT = (
    "The score is of photos and text: log-odds, above 0 where a product is more likely the one that was asked for than "
    "another one."
)


def page_of(answer: SearchAnswer) -> Page:
    """The page; its photos are small ones, encoded anew."""
    query = Example([strip(answer.photos, HEIGHT)], list(answer.remarks))
    counts = answer.counts_text
    found = [_example(place, product, counts_text=counts) for place, product in enumerate(answer.products, start=1)]
    without = sum(product.product is None for product in answer.products)
    sentences = [*([BY_TEXT] if counts else []), BY_PHOTOS] if found else ["No product was found."]
    if without:
        sentences.append(f"{plural(without, 'product')} of these cannot be shown: the catalogue has changed, or moved.")
    sections = [
        Section("query", "Asked with", parts=[Gallery("", [query])]),
        Section("found", "Found", sentences, [Gallery("", found)] if found else []),
    ]
    return Page(answer.asked, cards=_cards(answer), sections=sections)


def _cards(answer: SearchAnswer) -> list[Card]:
    cards = [Card("Products", str(len(answer.products)))]
    if answer.products:
        best = answer.products[0]
        cards.append(Card("Best score", f"{best.found.score:.3f}", f"product {best.found.product_id}"))
    return cards


def _example(place: int, shown: AnswerProduct, *, counts_text: bool) -> Example:
    found = shown.found
    alike = f", photos alike {found.similarity:.3f}" if counts_text else ""
    lines = [f"score {found.score:.3f}{alike}, most alike: photo {found.photo + 1}"]
    lines += [f"{SAME_PHOTO}, byte for byte"] if shown.same_photo else []
    lines += [f"“{shown.title}”"] if shown.title else []
    lines += [shown.category] if shown.category else []
    photos = [] if shown.product is None else [strip(shown.product.images, HEIGHT)]
    return Example(photos, lines, f"{place}. {found.product_id}")
