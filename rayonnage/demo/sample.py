"""Writes the drawn catalogue: `train.bson`, `test.bson`, `category_names.csv`, `names.csv`, `truth.csv`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import bson

from catalog.files.atomic import atomic_path, write_text
from catalog.files.csv_rows import write_rows
from catalog.files.progress import Progress, counted, part_of
from catalog.tree.leaf_rows import columns_of
from catalog.tree.taxonomy import NAMES_FILE
from rayonnage.demo.categories import LEAVES
from rayonnage.demo.copies import Picture
from rayonnage.demo.draw import draw_picture
from rayonnage.demo.plan import DemoPlan, PlannedProduct, plan_sample

ENGLISH_NAMES = resources.files("rayonnage.demo") / NAMES_FILE
"""Names of every node of the demo's tree, as `Names.from_csv` reads them."""

TRUTH_COLUMNS = ("product_id", "split", "category_id", "label", "wrong_label", "kind", "n_images", "copied_photos")


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """What was written, and how hard it is; shares in [0, 1].

    Attributes:
        train: labelled products, as BSON.
        test: unlabelled products, as BSON.
        category_names: the tree, as CSV.
        names: English names of its nodes, as CSV.
        truth: true leaf of every product, as CSV.
        n_train: training products.
        n_test: test products.
        n_photos: photos of both.
        n_leaves: leaves of the tree.
        n_books: books in both.
        n_cds: discs in both.
        wrong_labels: share of training products.
        copied_photos: share of photos that another product has too, byte for byte.
        largest_component: share of products in the largest set linked by shared photos.
    """

    train: Path
    test: Path
    category_names: Path
    names: Path
    truth: Path
    n_train: int
    n_test: int
    n_photos: int
    n_leaves: int
    n_books: int
    n_cds: int
    wrong_labels: float
    copied_photos: float
    largest_component: float

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything that is written."""
        return self.train, self.test, self.category_names, self.names, self.truth

    def __str__(self) -> str:
        return (
            f"{self.train}: {self.n_train} products with labels, {self.wrong_labels:.0%} of them wrong\n"
            f"{self.test}: {self.n_test} products without\n"
            f"{self.n_leaves} leaves, {self.n_books} books, {self.n_cds} CDs, {self.n_photos} photos, "
            f"{self.copied_photos:.0%} of them copies; largest linked group {self.largest_component:.1%}\n"
            f"the truth: {self.truth}"
        )


def write_sample(
    folder: Path,
    *,
    n_train: int = 1500,
    n_test: int = 400,
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> SampleSummary:
    """Draw and write the demo catalogue; the same settings give the same bytes.

    Args:
        folder: made when missing.
        n_train: labelled products, 20 or more.
        n_test: unlabelled products, 10 or more.
        seed: 0 or more.
        overwrite: replace files of the same names, which may be somebody's own.
        progress: called with (products written, all products) after each product.

    Raises:
        FileExistsError: a file of one of the names lies there, and `overwrite` is off.
        ValueError: too few products, or a negative seed.
    """
    plan = plan_sample(n_train, n_test, seed)
    summary = _summarise(folder, plan)
    taken = [path.name for path in summary.files if path.exists()]
    if taken and not overwrite:
        raise FileExistsError(
            f"{folder} already holds {', '.join(taken)}: give another folder, or --overwrite to replace them"
        )
    folder.mkdir(parents=True, exist_ok=True)
    draw, done = _drawer(plan), 0
    for path, split in ((summary.train, "train"), (summary.test, "test")):
        products = [product for product in plan.products if product.split == split]
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            for product in counted(products, len(products), part_of(progress, done, len(plan.products)), every=1):
                file.write(_document(product, draw))
        done += len(products)
    write_rows(summary.category_names, columns_of(3), [(leaf.category_id, *leaf.path) for leaf in LEAVES])
    write_text(summary.names, ENGLISH_NAMES.read_text(encoding="utf-8"))
    write_rows(summary.truth, TRUTH_COLUMNS, _truth(plan))
    return summary


def _drawer(plan: DemoPlan) -> Callable[[Picture], bytes]:
    """What draws each picture once, and keeps those alone that will be needed again: a large sample fills no memory."""
    leaf = {product.product_id: product.leaf for product in plan.products}
    shared = {group.picture for group in plan.groups}

    def draw(picture: Picture) -> bytes:
        return draw_picture(plan.seed, leaf[picture.owner], picture)

    draw_once = cache(draw)
    return lambda picture: draw_once(picture) if picture in shared else draw(picture)


def _document(product: PlannedProduct, draw: Callable[[Picture], bytes]) -> bytes:
    document: dict[str, object] = {"_id": product.product_id}
    if product.label is not None:
        document["category_id"] = product.label.category_id
    document["imgs"] = [{"picture": draw(picture)} for picture in product.pictures]
    return bytes(bson.encode(document))


def _truth(plan: DemoPlan) -> Iterator[tuple[object, ...]]:
    copied = plan.copied_photos()
    for p in plan.products:
        label = "" if p.label is None else p.label.category_id
        wrong = int(p.label is not None and p.label is not p.leaf)
        n_copied = copied[p.product_id]
        yield p.product_id, p.split, p.leaf.category_id, label, wrong, p.leaf.kind, len(p.pictures), n_copied


def _summarise(folder: Path, plan: DemoPlan) -> SampleSummary:
    train = [product for product in plan.products if product.split == "train"]
    n_photos = sum(len(product.pictures) for product in plan.products)
    kinds = [product.leaf.kind for product in plan.products]
    return SampleSummary(
        train=folder / "train.bson",
        test=folder / "test.bson",
        category_names=folder / "category_names.csv",
        names=folder / NAMES_FILE,
        truth=folder / "truth.csv",
        n_train=len(train),
        n_test=len(plan.products) - len(train),
        n_photos=n_photos,
        n_leaves=len(LEAVES),
        n_books=kinds.count("book"),
        n_cds=kinds.count("cd"),
        wrong_labels=sum(product.label is not product.leaf for product in train) / len(train),
        copied_photos=sum(plan.copied_photos().values()) / n_photos,
        largest_component=plan.largest_component() / len(plan.products),
    )
