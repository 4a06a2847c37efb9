"""`fusion predict` against a reference that a competent user would write; single products; copied photos; in one run.

Usage: python bench/predict.py RUNS FILE.bson [--products 300] [--repeats 3] [--singles 30]

RUNS is a workspace with a fusion run, FILE a labelled BSON file of readable photos. The reference (`Reference`) has the
same networks, text model and head: it decodes with Pillow, runs PyTorch as it comes in batches of 32 photos and calls
pytesseract once for each photo of the same routed products, enlarged three times (and as it is). Both take turns on the
same products, with nothing read before; rates are medians. Both are loaded and have seen other photos before they are
timed; then each is timed once as a whole process, from its start to its end.
"""

from __future__ import annotations

import argparse
import io
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import bson
import cv2
import numpy as np
import pytesseract
from inference import Eager
from PIL import Image

from catalog.catalog import Catalog
from catalog.chunk import Chunk, Picture
from catalog.experts import Opinion
from catalog.photos.photo_index import photo_md5
from catalog.product import MAX_IMAGES, Product
from catalog.recent_rows import RecentRows
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from fusion.experts.all_experts import AllExperts
from fusion.experts.images import ImageExperts
from fusion.prediction.predict_catalog import CHUNK, predict_file
from fusion.prediction.predictor import Predictor
from mosaic.inference.expert import MosaicExpert
from mosaic.networks.network import load_network
from ocr.cache import TranscriptCache
from ocr.expert import TextExpert
from ocr.reader import PhotoReader
from ocr.transcript import Transcript, Word

PHOTOS_PER_BATCH = 32
COPIED = 0.3
N_WARM_UP = 20
"""Products at the end of the file that are shown before anything is measured, and never after."""
LANGUAGES = "fra+eng"
ENLARGE = 3
MIN_CONFIDENCE = 60
_FUSION = "from fusion.cli import main; main()"


class Pytesseract:
    """Reads photo after photo as pytesseract's documentation shows it.

    `enlarge`: factor; small photos read far better enlarged, with the page mode for sparse text (as the naive way of
    `bench/ocr_engines.py`); 1 hands them over as they are.
    """

    def __init__(self, enlarge: int) -> None:
        self.enlarge = enlarge
        self.seconds = 0.0
        self.photos: dict[bytes, bytes] = {}

    def read(self, photos: Mapping[bytes, bytes]) -> dict[bytes, Transcript]:
        """The words of each encoded photo."""
        start = time.perf_counter()
        found = {md5: self._words(Image.open(io.BytesIO(photo))) for md5, photo in photos.items()}
        self.seconds += time.perf_counter() - start
        self.photos |= photos
        return found

    def _words(self, picture: Image.Image) -> Transcript:
        grey = picture.convert("L").resize((picture.width * self.enlarge, picture.height * self.enlarge))
        found = pytesseract.image_to_data(
            grey if self.enlarge > 1 else picture,
            lang=LANGUAGES,
            config="--psm 11" if self.enlarge > 1 else "",
            output_type=pytesseract.Output.DICT,
        )
        rows = zip(found["text"], found["conf"], found["line_num"], strict=True)
        box = (0.0, 0.0, float(picture.width), float(picture.height))
        words = ((part, c / 100, box, n) for t, c, n in rows if c >= MIN_CONFIDENCE for part in t.split())
        return Transcript(tuple(Word(*word) for word in words))


def pillow_resize(picture: Image.Image, size: int) -> Picture:
    """The way to shrink that Pillow's documentation shows."""
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))


def trained_resize(picture: Image.Image, size: int) -> Picture:
    """The way that the networks were trained with."""
    return np.asarray(cv2.resize(np.asarray(picture), (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def in_groups(items: Iterable, size: int) -> Iterator[tuple]:
    """Tuples of `size` items, the last may be shorter."""
    left = iter(items)
    while group := tuple(islice(left, size)):
        yield group


class Reference:
    """The reference; how products are grouped by image count and probabilities averaged is lent to it."""

    def __init__(self, predictor: Predictor, resize: Callable[[Image.Image, int], Picture]) -> None:
        self.predictor, self.resize = predictor, resize
        [images] = [kind for kind in AllExperts.inside(predictor.run, predictor.tree).kinds
                    if isinstance(kind, ImageExperts)]  # fmt: skip
        self.experts = [self._plain(e, images) if isinstance(e, MosaicExpert) else e for e in predictor.experts]

    def _plain(self, expert: MosaicExpert, images: ImageExperts) -> MosaicExpert:
        """The expert with the same networks in PyTorch as it comes."""
        ways = 2 if expert.config.inference.flip else 1
        config = expert.config.model_copy(update={"photos_per_batch": PHOTOS_PER_BATCH // ways})
        networks = {
            view: replace(deployed, backend=Eager(load_network(images.networks.views[view], config)))
            for view, deployed in expert.networks.items()
        }
        return MosaicExpert(
            expert.name, networks, config, k=expert.k, taxonomy=expert.taxonomy, plan=expert.plan
        )  # fmt: skip

    def predict_file(self, path: Path, reader: PhotoReader | Pytesseract) -> dict[int, int]:
        """The leaf of each product of a BSON file."""
        predictor, leaves, recent = self.predictor, {}, RecentRows()
        asked = [replace(e, branch=replace(e.branch, reader=reader)) if isinstance(e, TextExpert) else e
                 for e in self.experts]  # fmt: skip
        with path.open("rb") as file:
            for documents in in_groups(bson.decode_file_iter(file), CHUNK):
                products = [Product(d["_id"], tuple(i["picture"] for i in d["imgs"][:MAX_IMAGES])) for d in documents]
                chunk = self._decoded(products, recent)
                opinions: list[Opinion] = []
                for expert in asked:
                    opinions.append(expert.predict(chunk, opinions))
                experts = [opinion.probabilities for opinion in opinions]
                fused = predictor.head.predict_proba(experts, chunk.n_readable)
                best = predictor.tree.leaf_ids[fused.argmax(axis=1)].tolist()
                leaves.update(zip([p.product_id for p in products], best, strict=True))
        return leaves

    def _decoded(self, products: Sequence[Product], recent: RecentRows) -> Chunk:
        size = self.experts[0].photo_side
        keys, pictures = [], {}
        for product in products:
            own = tuple(photo_md5(photo) for photo in product.images)
            keys.append(own)
            for md5, photo in zip(own, product.images, strict=True):
                pictures[md5] = self.resize(Image.open(io.BytesIO(photo)).convert("RGB"), size)
        return Chunk(products, pictures, keys, recent=recent)


class Bench:
    """What the measurements share: the predictor, and products to show it."""

    def __init__(self, runs: Path, file: Path, repeats: int) -> None:
        self.run = Workspace(runs).require("fusion")
        self.runs, self.repeats = runs, repeats
        self.catalog = Catalog(file)
        self.folder = Path(tempfile.mkdtemp(prefix="rayonnage-bench-"))
        self.n_rooms = 0
        self.predictor = Predictor(self.run, self.room())
        self.leaves = self.predictor.tree.leaf_index(self.catalog.category_ids)
        [self.text] = [expert for expert in self.predictor.experts if isinstance(expert, TextExpert)]
        self.is_read = np.isin(self.leaves, self.text.route.leaves)
        # programs are made and readers started on photos that nothing else shows
        photos = [
            photo for i in range(len(self.catalog) - N_WARM_UP, len(self.catalog)) for photo in self.catalog[i].images
        ]
        some = [tuple(photos[start : start + n]) for n in range(1, MAX_IMAGES + 1) for start in range(5)]
        self.predictor.predict([Product(number, own) for number, own in enumerate(some)])
        self.predictor.predict([Product(0, tuple(photos[-2:]))])
        self.text.branch.reader.engine.read([np.zeros((64, 64, 3), np.uint8)] * 8)

    def room(self) -> Workspace:
        """A workspace in which nothing was read."""
        self.n_rooms += 1
        return Workspace(self.folder / f"room-{self.n_rooms}")

    def forget(self) -> None:
        """What was read in another measurement."""
        self.text.branch.reader.cache = TranscriptCache(self.folder / f"transcripts-{time.time_ns()}.sqlite")

    def rows(self, wanted: np.ndarray, n: int) -> list[int]:
        """`n` products evenly from the file among those wanted."""
        found = np.flatnonzero(wanted[:-N_WARM_UP])
        return found[np.linspace(0, len(found) - 1, min(n, len(found))).astype(int)].tolist()

    def write(self, name: str, photos: Sequence[tuple[bytes, ...]]) -> Path:
        """A BSON file of products with these photos."""
        path = self.folder / f"{name}.bson"
        with path.open("wb") as file:
            for number, own in enumerate(photos):
                file.write(bson.encode({"_id": number, "imgs": [{"picture": photo} for photo in own]}))
        return path

    def ours(self, path: Path) -> tuple[float, dict[int, int]]:
        """Seconds of `predict_file` with nothing known, and leaves."""
        self.forget()
        room = self.room()
        start = time.perf_counter()
        done = predict_file(self.predictor, Catalog(path), room, room.folder / "out")
        seconds = time.perf_counter() - start
        lines = done.files.submission.read_text().splitlines()[1:]
        return seconds, {int(i): int(leaf) for i, leaf in (line.split(",") for line in lines)}


def against_reference(bench: Bench, n: int) -> None:
    """Products per second of both, and how often they give the same leaf."""
    rows = bench.rows(np.ones(len(bench.catalog), bool), n)
    path = bench.write("sample", [bench.catalog[i].images for i in rows])
    print(f"{len(rows)} products, {bench.is_read[rows].mean():.0%} of them on shelves that are read", flush=True)
    processes = {
        "fusion predict, whole process": [
            sys.executable, "-c", _FUSION, "predict", str(path), "--run", str(bench.run.folder),
            "--workspace", str(bench.room().folder),
        ],
        "reference, whole process": [
            sys.executable, __file__, str(bench.runs), str(path), "--reference-alone", str(bench.run.folder),
        ],
    }  # fmt: skip
    seconds: dict[str, list[float]] = {}
    known = bench.text.branch.reader
    reference = Reference(Predictor(bench.run, bench.room()), pillow_resize)
    for _ in range(bench.repeats):
        spent, ours = bench.ours(path)
        seconds.setdefault("fusion predict", []).append(spent)
        start = time.perf_counter()
        reader, plain = Pytesseract(ENLARGE), Pytesseract(1)
        own_text = reference.predict_file(path, reader)
        spent = time.perf_counter() - start
        plain.read(reader.photos)
        seconds.setdefault("reference", []).append(spent)
        seconds.setdefault("reference, photos not enlarged", []).append(spent - reader.seconds + plain.seconds)
        seconds.setdefault("  of the reference: pytesseract", []).append(reader.seconds)
    for name, command in processes.items():
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seconds[name] = [time.perf_counter() - start]
    rates = {name: len(rows) / statistics.median(spent) for name, spent in seconds.items()}
    for name, spent in seconds.items():
        each = ", ".join(f"{s:.1f}" for s in spent)
        print(f"  {name:<32}{rates[name]:8.2f} products/s   ({each} s)")
    print(f"  ratio {rates['fusion predict'] / rates['reference']:.2f}, photos not enlarged", end=" ")
    print(f"{rates['fusion predict'] / rates['reference, photos not enlarged']:.2f}, whole processes", end=" ")
    print(f"{rates['fusion predict, whole process'] / rates['reference, whole process']:.2f}")
    for name, resize in (("pixels as the networks were trained", trained_resize), ("Pillow's resize", pillow_resize)):
        reference.resize = resize
        lent = reference.predict_file(path, known)
        print(f"  same leaf, {name}, text lent: {same(ours, lent):.2%}")
    print(f"  same leaf, Pillow's resize, pytesseract's own text: {same(ours, own_text):.2%}", flush=True)


def same(ours: dict[int, int], theirs: dict[int, int]) -> float:
    """Share of products with the same leaf."""
    return float(np.mean([leaf == theirs[product_id] for product_id, leaf in ours.items()]))


def single_products(bench: Bench, n: int) -> None:
    """Median time of one product of four photos that were never seen, by whether it was read."""
    bench.forget()
    spent: dict[bool, list[float]] = {False: [], True: []}
    for wanted in (~bench.is_read, bench.is_read):
        # the four photos of a product are of one leaf
        rows = sorted(bench.rows(wanted, len(wanted)), key=lambda i: bench.leaves[i])
        photos = [photo for i in rows for photo in bench.catalog[i].images]
        for number, own in enumerate(in_groups(photos, MAX_IMAGES)):
            if len(own) < MAX_IMAGES or number == n + 5:
                break
            start = time.perf_counter()
            found = bench.predictor.predict([Product(number, own)])
            seconds = time.perf_counter() - start
            if number >= 5:
                spent[found.quote(0) is not None].append(seconds)
    for read, times in spent.items():
        low, median, high = np.percentile(times, [25, 50, 75]) * 1000
        name = "with reading" if read else "without reading"
        print(f"  one product, four photos, {name:<16}{median:6.0f} ms, median of {len(times)}", end=" ")
        print(f"(quartiles {low:.0f} and {high:.0f})", flush=True)


def copied_photos(bench: Bench, n: int) -> None:
    """Time saved where 30 % of the products show another product's photos."""
    for name, wanted in (("all products", np.ones(len(bench.is_read), bool)), ("none read", ~bench.is_read)):
        rng = np.random.default_rng(0)
        distinct = [bench.catalog[i].images for i in bench.rows(wanted, n)]
        order = rng.permutation(len(distinct))
        n_copies = round(COPIED * len(distinct))
        copied = list(distinct)
        for copy_at, source in zip(order[:n_copies], rng.choice(order[n_copies:], n_copies), strict=True):
            copied[copy_at] = distinct[source]
        # as many photos in both: what is saved is not that copies have fewer
        scale = sum(map(len, distinct)) / sum(map(len, copied))
        files = {"distinct": bench.write("distinct", distinct), "copied": bench.write("copied", copied)}
        spent: dict[str, list[float]] = {key: [] for key in files}
        for _ in range(bench.repeats):
            for key, path in files.items():
                spent[key].append(bench.ours(path)[0])
        plain, with_copies = (statistics.median(times) for times in spent.values())
        print(
            f"  {COPIED:.0%} copied, {name} (n = {len(distinct)}): {plain:.1f} s distinct, {with_copies:.1f} s copied, "
            f"saved {1 - with_copies / plain:.1%} ({1 - scale * with_copies / plain:.1%} at equal numbers of photos)",
            flush=True,
        )


def main() -> None:
    """Run the three measurements and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--products", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--singles", type=int, default=30)
    parser.add_argument("--reference-alone", type=Path, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reference_alone is not None:
        with tempfile.TemporaryDirectory() as folder:
            reference = Reference(Predictor(Run.load(options.reference_alone), Workspace(folder)), pillow_resize)
            reference.predict_file(options.file, Pytesseract(ENLARGE))
        return
    bench = Bench(options.runs, options.file, options.repeats)
    print(f"{options.file.name}, {cv2.getNumberOfCPUs()} cores, median of {options.repeats}")
    single_products(bench, options.singles)
    against_reference(bench, options.products)
    copied_photos(bench, options.products)


if __name__ == "__main__":
    main()
