"""What finds the same product best: MAR@k of networks, and of what may follow them, on groceries and on a clothes shop.

    catalog split DATA/shelf/train.bson --tree DATA/shelf/category_names.csv --workspace SHELF
    catalog split DATA/gallery/products.csv --folds 2 --workspace GALLERY
    mosaic train --n-images any --workspace ...; mosaic train --objective match --workspace ...        (in both)
    rayonnage demo DRAWN --draw-only --train 7600 --test 10 --seed 5
    python bench/search_quality.py DATA DRAWN KEPT --shelf SHELF --gallery GALLERY

Shelf: each photo of a package in val.bson is a query, every photo of its class in train.bson is a match; the index
holds all photos of train.bson, books and fruit too, each by itself. The networks have learnt these classes from
train.bson, or from its packages alone, which takes a fraction of the time; nothing has learnt from val.bson.

Gallery: the first photo of a product is a query, its other photos are matches. The index holds those, all photos of the
other products that the network has not learnt from, other colours of the same article among them, and 20,000
distractors: Cdiscount's example, photos of groceries, drawn books, drawn goods. Articles of one half are searched by
what has learnt from the other half: networks, whitening, the weights of texts.

A workspace may lack a network: its lines are left out then. Vectors are kept in KEPT. Photos are not shown
mirrored as well. Settings are the defaults of `search.ranking`, which were made while looking at the gallery with
ImageNet features: what is learnt here is learnt from the other half, but that it is learnt at all is no surprise.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from search_photos import Photos, Vectors, imagenet, networks_of_part, trained

from catalog.catalog import Catalog
from catalog.embeddings import EmbeddingOrigin, Embeddings
from catalog.files.id_lookup import positions_of
from catalog.ids.id_names import IdNames
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.sources.source import NO_CATEGORY
from catalog.tree.taxonomy import Taxonomy
from mosaic.inference.embedding import MATCH_SLOT
from mosaic.views import View
from search.contract import Entries, Filter, IndexIdentity
from search.evaluation.evaluation import SearchEvaluation, difference
from search.evaluation.measures import DEPTHS, Ranking, macro_average
from search.evaluation.truth import Truth
from search.index import LocalIndex
from search.ranking.expansion import AlphaExpansion
from search.ranking.products import RankedProducts
from search.ranking.rank import PLAIN, RankingOptions, rank
from search.ranking.reciprocal import ReciprocalNeighbours
from search.ranking.search_text import NOTHING_WRITTEN, SearchText
from search.ranking.text_channel import TextChannel, TextPairs, fit_channel
from search.ranking.text_store import TextStore
from search.ranking.whitening import Whitening
from text.title_encoder import TitleEncoder

IMAGENET, CLASSIFIER, LEARNT = "ImageNet features", "classifier embedding", "learnt to match"
NETWORKS = (IMAGENET, CLASSIFIER, LEARNT)
WHITENING, EXPANSION, RECIPROCAL, TEXT = "+ whitening", "+ expansion", "+ k-reciprocal", "+ text"
KNOWN, NEW = "(a quarter, known)", "(a quarter, new)"
"""What a whitening is learnt from: articles of which the network has learnt, or has not."""
WHITENED = 128
"""Numbers in a whitened vector."""
DEPTH = max(DEPTHS)
AT_10 = DEPTHS.index(10)
MAIN, FILLER = 10**6, 10**7
"""Added to a product's place: the id of its first photo in the gallery's index; added to a distractor's."""


@dataclass(frozen=True)
class Case:
    """Q queries of one photo each, and what they are searched among.

    Attributes:
        indexed: photos by the ids of what is found. queries: `(Q, D)`.
        own: `(Q,)` int64 what of the index is the query itself, and not looked at.
        titles: what the shop calls each query; of_id: and each thing of the index, where it has a title.
    """

    indexed: Photos
    queries: NDArray[np.float32]
    own: NDArray[np.int64]
    titles: list[str]
    of_id: dict[int, str]

    def whitened(self, whitening: Whitening) -> Case:
        """The same with whitened vectors, which are what the index holds."""
        indexed = replace(self.indexed, vectors=whitening.apply(self.indexed.vectors))
        return replace(self, indexed=indexed, queries=whitening.apply(self.queries))

    @contextmanager
    def searched(self) -> Iterator[Callable[..., list[RankedProducts]]]:
        """A function that gives the best products of each query, by ranking options, with its title or without."""
        with tempfile.TemporaryDirectory() as folder:
            index = index_of(Path(folder), self.indexed)

            def ranked(options: RankingOptions = PLAIN, *, with_title: bool = False) -> list[RankedProducts]:
                found = []
                for row, title in enumerate(self.titles):
                    query, where = self.queries[row : row + 1], Filter(without=self.own[row : row + 1])
                    hits = index.search(query, options.n_hits(DEPTH), where)
                    text = SearchText(title) if with_title else NOTHING_WRITTEN
                    found.append(rank(index, query, hits, DEPTH, options, text, where))
                return found

            yield ranked
            index.close()


def index_of(folder: Path, photos: Photos) -> LocalIndex:
    """An exact index of photos."""
    ids, places = IdNames.none(), photos.photos.astype(np.int8)
    origin = EmbeddingOrigin("bench", "bench", "", "", "photo")
    embeddings = Embeddings(photos.vectors.astype(np.float16), photos.product_ids, places, ids, origin)
    entries = Entries(photos.product_ids, places, photos.category_ids, np.ones(len(photos), np.int8), ids)
    identity = IndexIdentity("bench", "bench", photos.vectors.shape[1], "", "")
    return LocalIndex.create(folder, identity, embeddings, entries, kind="exact")


def ways(case: Case, whitening: Whitening) -> Iterator[tuple[str, list[RankedProducts]]]:
    """What is found by a network's vectors alone, and with each of what may follow."""
    with case.searched() as ranked:
        yield "", ranked()
        yield EXPANSION, ranked(RankingOptions(expansion=AlphaExpansion()))
        yield RECIPROCAL, ranked(RankingOptions(reciprocal=ReciprocalNeighbours()))
    with case.whitened(whitening).searched() as ranked:
        yield WHITENING, ranked()
        yield f"{WHITENING} {RECIPROCAL}", ranked(RankingOptions(reciprocal=ReciprocalNeighbours()))


def with_titles(case: Case, learn: list[tuple[Case, NDArray[np.int64]]], encoder: TitleEncoder) -> list[RankedProducts]:
    """What is found where the query's title is given too; `learn`: other queries with the match of each."""
    titles = {one: title for known, _ in learn for one, title in known.of_id.items()}
    found, asked, same = [], [], []
    for known, matches in learn:
        with known.searched() as ranked:
            found += ranked()
        asked += [SearchText(title) for title in known.titles]
        same += list(matches[:, None])
    with texts_of(titles, encoder) as store:
        weights = fit_channel(TextPairs.of(store, found, asked, same, PLAIN.visual_score))
    with case.searched() as ranked, texts_of(case.of_id, encoder) as store:
        return ranked(RankingOptions(text=TextChannel(store, weights)), with_title=True)


@contextmanager
def texts_of(titles: dict[int, str], encoder: TitleEncoder) -> Iterator[TextStore]:
    """Titles by the ids of what is indexed."""
    with tempfile.TemporaryDirectory() as folder:
        store = TextStore.create(Path(folder) / "texts", encoder)
        ids = np.array(sorted(titles), np.int64)
        store.add(ids, [SearchText(titles[one]) for one in ids.tolist()])
        yield store


def ranking_of(ranked: list[RankedProducts]) -> Ranking:
    """Rankings of any length as one."""
    ids = np.zeros((len(ranked), DEPTH), np.int64)
    scores = np.full((len(ranked), DEPTH), -np.inf, np.float32)
    for row, one in enumerate(ranked):
        ids[row, : len(one)], scores[row, : len(one)] = one.product_ids, -np.arange(len(one))
    return Ranking(ids, scores)


def runs_of(workspace: Workspace) -> dict[str, Run]:
    """The workspace's networks by what the table calls them."""
    found = {name: workspace.latest("mosaic", slot) for name, slot in ((CLASSIFIER, View().slot), (LEARNT, MATCH_SLOT))}
    return {name: run for name, run in found.items() if run is not None}


def shelf(data: Path, workspace: Workspace, kept: Vectors) -> None:
    """Packages of val.bson among the photos of train.bson."""
    train, val = (Catalog(data / "shelf" / name) for name in ("train.bson", "val.bson"))
    tree = Taxonomy.load(data / "shelf" / "category_names.csv")
    packages = train.category_ids[np.isin(train.leaves(tree), tree.leaves_below("PACKAGES"))]
    embedders = {IMAGENET: imagenet()} | {name: trained(run) for name, run in runs_of(workspace).items()}
    measured: dict[str, SearchEvaluation] = {}
    for network, embedder in embedders.items():
        known, asking = kept.of(train, embedder), kept.of(val, embedder)
        asking = asking.at(np.isin(asking.category_ids, packages))
        # each photo by itself: which photos of a class are one product was drawn by lot
        indexed = replace(known, product_ids=np.arange(len(known)), photos=np.zeros(len(known), np.int64))
        truth = Truth.of_pairs(*np.nonzero(asking.category_ids[:, None] == known.category_ids))
        case = Case(indexed, asking.vectors, np.full(len(asking), -1), [""] * len(asking), {})
        for way, ranked in ways(case, Whitening.fit(known.vectors, WHITENED, known.product_ids)):
            measured[f"{network} {way}".strip()] = SearchEvaluation(truth, ranking_of(ranked), asking.category_ids)
    table(f"shelf: packages of val.bson among the {len(known):,} photos of train.bson", measured, "class")


def gallery(data: Path, drawn: Path, n: int, only: int | None, workspace: Workspace, kept: Vectors) -> None:
    """First photos of products among others and distractors; each half by what has learnt from the other."""
    catalog, plan = workspace.training_catalog(), workspace.plan()
    groceries, example = data / "shelf", data / "cdiscount" / "train_example.bson"
    others = [Catalog(path) for path in (example, groceries / "val.bson", groceries / "train.bson", drawn)]
    titles = [text.partition("\n")[0] for text in catalog.titles()]
    article = np.unique(plan.linked(catalog, np.arange(len(catalog))), return_inverse=True)[1]
    encoder = TitleEncoder("use", remember=True)
    found: dict[str, list[RankedProducts]] = defaultdict(list)
    asked: dict[str, list[int]] = defaultdict(list)
    for part in plan.held_out_parts if only is None else [only]:
        for network, embedder in networks_of_part(runs_of(workspace), part):
            photos, fillers = kept.of(catalog, embedder), kept.distractors(others, n, embedder)
            place = positions_of(catalog.product_ids, photos.product_ids)
            is_held_out = np.isin(place, plan.held_out_positions(part))
            half = Half(photos, place, fillers, titles)
            case, matches = half.case(is_held_out)
            rankings = dict(ways(case, half.whitening(~is_held_out)))
            rankings[TEXT] = with_titles(case, [half.case(~is_held_out)], encoder)
            # a whitening knows the photos that it was learnt from too well to learn the weights of texts beside it
            is_odd = ~is_held_out & (article[place] % 2 == 1)
            is_even = ~is_held_out & ~is_odd
            learn = [half.case(one, half.whitening(other)) for one, other in ((is_odd, is_even), (is_even, is_odd))]
            whitened, _ = half.case(is_held_out, half.whitening(~is_held_out))
            rankings[f"{WHITENING} {TEXT}"] = with_titles(whitened, learn, encoder)
            rankings |= by_quarters(half, is_held_out, article[place] % 2 == 1)
            for way, ranked in rankings.items():
                found[f"{network} {way}".strip()] += ranked
                asked[f"{network} {way}".strip()] += matches.tolist()
    measured = {}
    for name, ranked in found.items():
        order = np.argsort(asked[name])
        truth = Truth.of_pairs(np.sort(asked[name]), np.sort(asked[name]))
        groups = article[truth.query_ids]
        measured[name] = SearchEvaluation(truth, ranking_of([ranked[row] for row in order.tolist()]), groups)
    table(f"gallery: first photos, each half among itself and {len(fillers):,} distractors", measured, "article")


@dataclass(frozen=True)
class Half:
    """The gallery's photos by a network that has not learnt from one half of its articles.

    Attributes:
        place: `(P,)` int64 of the photos' products. titles: by place.
        fillers: `(F, D)` vectors of distractors.
    """

    photos: Photos
    place: NDArray[np.int64]
    fillers: NDArray[np.float32]
    titles: list[str]

    def whitening(self, rows: NDArray[np.bool_]) -> Whitening:
        """Learnt from some photos."""
        return Whitening.fit(self.photos.vectors[rows], WHITENED, self.place[rows])

    def case(self, rows: NDArray[np.bool_], whitening: Whitening | None = None) -> tuple[Case, NDArray[np.int64]]:
        """First photos as queries among some photos and the distractors, and `(Q,)` the match of each."""
        photos, place, n = self.photos.at(rows), self.place[rows], len(self.fillers)
        is_main = photos.photos == 0
        ids = np.where(is_main, MAIN + place, place)
        indexed = Photos(
            np.concatenate([photos.vectors, self.fillers]),
            np.concatenate([ids, FILLER + np.arange(n)]),
            np.concatenate([photos.photos, np.zeros(n, np.int64)]),
            np.concatenate([photos.category_ids, np.full(n, NO_CATEGORY)]),
        )
        asks = is_main & np.isin(place, place[~is_main])
        of_id = {one: self.titles[one % MAIN] for one in np.unique(ids).tolist()}
        case = Case(indexed, photos.vectors[asks], ids[asks], [self.titles[one] for one in place[asks]], of_id)
        return case if whitening is None else case.whitened(whitening), place[asks]


def by_quarters(
    half: Half, is_held_out: NDArray[np.bool_], is_odd: NDArray[np.bool_]
) -> dict[str, list[RankedProducts]]:
    """By whitenings of as many articles: such as the network has learnt from, and such as it has not."""
    known, _ = half.case(is_held_out, half.whitening(~is_held_out & is_odd))
    with known.searched() as ranked:
        found = {f"{WHITENING} {KNOWN}": ranked()}
    # those of odd articles are searched by what even ones teach, and the other way round
    parts = []
    for quarter in (is_held_out & ~is_odd, is_held_out & is_odd):
        case, _ = half.case(is_held_out, half.whitening(quarter))
        with case.searched() as ranked:
            parts.append(ranked())
    asks = is_held_out & (half.photos.photos == 0)
    asks &= np.isin(half.place, half.place[is_held_out & (half.photos.photos > 0)])
    chosen = [even if odd else of_odd for even, of_odd, odd in zip(*parts, is_odd[asks].tolist(), strict=True)]
    return found | {f"{WHITENING} {NEW}": chosen}


def table(title: str, measured: dict[str, SearchEvaluation], group: str) -> None:
    """A line for each way: MAR@k, and how far it is ahead at 10, its queries drawn one by one or by group.

    `measured`: by way; the label of a query is the group that it is drawn with.
    """
    first = next(iter(measured.values()))
    n_groups = len(np.unique(first.category_ids))
    print(f"\n{title}: {len(first)} queries, of {n_groups} {group}{'es' if group.endswith('s') else 's'}")
    print("MAR@k in %; differences at 10 in points: to the network alone, and to the same with the networks before it")
    print(
        f"{'':48}" + "".join(f"{f'@{k}':>7}" for k in DEPTHS) + f"  {'@10, 95 %':>16}  to, drawn by query; by {group}"
    )
    for name, evaluation in measured.items():
        network = next(one for one in NETWORKS if name.startswith(one))
        _, low, high = 100 * macro_average(evaluation.recalls)[AT_10]
        cells = "".join(f"{100 * value:7.1f}" for value in evaluation.recalls.mean(axis=0))
        print(f"{name:48}{cells}  {f'{low:.1f} to {high:.1f}':>16}")
        others = [f"{one}{name.removeprefix(network)}" for one in (IMAGENET, CLASSIFIER)]
        # each way beside the network alone, and beside the same way with the networks before it
        others = [network, *others[: NETWORKS.index(network)], name.replace(NEW, KNOWN)]
        for other in dict.fromkeys(others):
            if other != name and other in measured:
                print(f"{'':50}{_ahead(evaluation, measured[other])}  to {other}")


def _ahead(one: SearchEvaluation, other: SearchEvaluation) -> str:
    spans = (100 * difference(one, other, group)[AT_10] for group in (None, one.category_ids))
    (mean, *by_query), (_, *by_group) = spans
    intervals = "; ".join(f"{low:+.1f} to {high:+.1f}" for low, high in (by_query, by_group))
    return f"{mean:+.1f} ({intervals})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("drawn", type=Path)
    parser.add_argument("kept", type=Path)
    parser.add_argument("--shelf", type=Path)
    parser.add_argument("--gallery", type=Path)
    parser.add_argument("--distractors", type=int, default=20_000)
    parser.add_argument("--part", type=int, help="of the gallery, held out, alone")
    options = parser.parse_args()
    kept = Vectors(options.kept)
    if options.shelf:
        shelf(options.data, Workspace(options.shelf), kept)
    if options.gallery:
        room, drawn = Workspace(options.gallery), options.drawn / "train.bson"
        gallery(options.data, drawn, options.distractors, options.part, room, kept)


if __name__ == "__main__":
    main()
