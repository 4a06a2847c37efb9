"""The page of a search: the photos that were asked with, and those of what was found."""

from __future__ import annotations

from catalog.files.wording import plural
from catalog.photos.thumbnails import strip
from catalog.reports.page import Card, Example, Gallery, Page, Section
from search.query.answer import SAME_PHOTO, AnswerProduct, SearchAnswer

HEIGHT = 130
"""Of a strip of photos, in pixels of the page."""


def page_of(answer: SearchAnswer) -> Page:
    """The page; its photos are small ones, encoded anew."""
    query = Example([strip(answer.photos, HEIGHT)], list(answer.remarks))
    found = [_example(place, product) for place, product in enumerate(answer.products, start=1)]
    without = sum(product.product is None for product in answer.products)
    sentences = [
        "The most alike first. The score is the cosine of the photos' vectors, between -1 and 1: the mean over the "
        "query's photos of the best over the product's photos, unless an option orders anew."
    ]
    if not found:
        sentences = ["No product was found."]
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


def _example(place: int, shown: AnswerProduct) -> Example:
    found = shown.found
    lines = [f"score {found.score:.3f}, most alike: photo {found.photo + 1}"]
    lines += [f"{SAME_PHOTO}, byte for byte"] if shown.same_photo else []
    lines += [f"“{shown.title}”"] if shown.title else []
    lines += [shown.category] if shown.category else []
    photos = [] if shown.product is None else [strip(shown.product.images, HEIGHT)]
    return Example(photos, lines, f"{place}. {found.product_id}")
