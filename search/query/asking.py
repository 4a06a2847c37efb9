"""A request of the command line becomes an answer: the index is opened, asked, and what it finds looked up."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from catalog.ids.shop_id import ShopId
from catalog.product import MAX_IMAGES, Problem, ProblemKind, ProblemLog
from catalog.runs.workspace import Workspace
from catalog.sources.photo_file import read_photo
from catalog.tree.taxonomy import Taxonomy
from search.contract import Filter
from search.indexing.embedders import embedder_of
from search.indexing.opening import OpenIndex
from search.indexing.photo_words import photo_words
from search.indexing.place import IndexPlace
from search.query.answer import SearchAnswer
from search.query.conditions import filter_of, product_named, tree_of, unknown_products
from search.query.index_search import FoundProduct
from search.query.request import SearchRequest
from search.query.searcher import Searcher
from search.query.showcase import Showcase


def answer_photos(request: SearchRequest) -> SearchAnswer:
    """What is found by photos.

    Raises:
        FileNotFoundError: no index, no network, or no such photo.
        ValueError: more than four photos, one over 64 MiB, or none that can be decoded; a filter that means nothing.
    """
    if len(request.photos) > MAX_IMAGES:
        raise ValueError(f"{len(request.photos)} photos given: a product has at most {MAX_IMAGES}")
    photos = [read_photo(path) for path in request.photos]
    room, place = _place(request)
    # what is wrong with a filter is told before the network is loaded, which takes seconds
    with OpenIndex.at(place) as opened:
        tree, where = _filter(opened, room, request)
        remarks = unknown_products(opened, request.without, "--without")
    embedder = embedder_of(room, is_trained=place.is_trained)
    problems = ProblemLog()
    with closing(Searcher(place, embedder)) as searcher:
        compares = (request.title != "" or request.read) and searcher.opened.text is not None
        unread = ProblemLog()
        with photo_words(room, wanted=compares and request.read) as words:
            read = "" if words is None else words.of_photos(photos, unread)
        found = searcher.by_photos(photos, request.k, where, request.title, problems, read)
        remarks += [_remark(request, problem) for problem in problems.named]
        undecoded = {problem.photo for problem in problems.named}
        remarks += [_remark(request, problem) for problem in unread.named if problem.photo not in undecoded]
        remarks += _remarks_on_text(request, read, compares=compares)
        if problems.counts[ProblemKind.UNREADABLE_PHOTO] == len(photos):
            raise ValueError("\n".join(remarks))
        asked = "Products like " + ", ".join(path.name for path in request.photos)
        return _answer(searcher.opened, room, tree, asked, photos, found, None, remarks)


def answer_product(request: SearchRequest) -> SearchAnswer:
    """What is found by a product of the index; no network is loaded.

    Raises:
        FileNotFoundError: no index.
        ValueError: the index has no such product, or no photo of it; a filter that means nothing.
    """
    room, place = _place(request)
    with closing(Searcher(place)) as searcher:
        opened = searcher.opened
        tree, where = _filter(opened, room, request)
        product_id = product_named(opened, request.product)
        found = searcher.by_product(product_id, request.k, where)
        itself = Showcase(room, opened.known, tree).product(product_id)
        photos = () if itself is None else itself.images
        remarks = unknown_products(opened, request.without, "--without")
        return _answer(opened, room, tree, f"Products like {product_id}", photos, found, product_id, remarks)


def _place(request: SearchRequest) -> tuple[Workspace, IndexPlace]:
    room = Workspace(request.workspace)
    place = IndexPlace.of(room, request.folder)
    place.require()
    return room, place


def _remarks_on_text(request: SearchRequest, read: str, *, compares: bool) -> list[str]:
    if compares:
        return [f"read on the photos: {read or 'no words'}"] if request.read else []
    given = " and ".join(["the title"] * bool(request.title) + ["what stands on photos"] * request.read)
    why = "not compared: the index has learnt nothing of texts, see `rayonnage search learn`"
    return [f"{given} {'are' if request.title and request.read else 'is'} {why}"] if given else []


def _filter(opened: OpenIndex, room: Workspace, request: SearchRequest) -> tuple[Taxonomy | None, Filter]:
    tree = tree_of(opened, room, request.lang)
    return tree, filter_of(
        opened, tree, categories=request.category, n_images=request.n_images, without=request.without
    )


def _answer(
    opened: OpenIndex, room: Workspace, tree: Taxonomy | None, asked: str, photos: Sequence[bytes],
    found: Sequence[FoundProduct], query_id: ShopId | None, remarks: Sequence[str],
) -> SearchAnswer:  # fmt: skip
    return SearchAnswer.of(asked, photos, found, Showcase(room, opened.known, tree), query_id, remarks)


def _remark(request: SearchRequest, problem: Problem) -> str:
    """What is wrong with a photo, by its file."""
    photo = request.photos[problem.photo or 0]
    what = "cannot be decoded" if problem.kind is ProblemKind.UNREADABLE_PHOTO else problem.kind.value
    return f"{photo}: {what}" + (f": {problem.detail}" if problem.detail else "")
