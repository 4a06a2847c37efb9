"""What the `ocr` command line calls: read, show and predict over whole catalogues, look after the cache."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from catalog.catalog import Catalog
from catalog.files.atomic import atomic_path
from catalog.files.progress import Progress
from catalog.probabilities import Probabilities, Silence, concatenate
from catalog.problem_places import name_files
from catalog.product import ProblemLog, Product
from catalog.runs.lookup import named_product
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from catalog.sources.address import Address
from catalog.sources.photo_file import read_photo
from ocr.cache import CacheError, TranscriptCache
from ocr.details import OcrDetails
from ocr.expert import Reading, read_products, unread_photos
from ocr.loading import config_here, load_branch, make_reader
from ocr.picture import drawn
from ocr.reader import PhotoReader
from ocr.route import category_leaves, routed

CHUNK = 64
"""Products between two steps of a progress bar."""


def read_files(reader: PhotoReader, paths: Sequence[Path]) -> Iterator[str]:
    """A line for people per photo file: its name and what was read on it, or why nothing could be."""
    # a wrong name is told before anything is read
    for path in paths:
        read_photo(path)
    for path in paths:
        yield f"{path}: {spoken(read_products(reader, [Product(0, (read_photo(path),))])[0])}"


def spoken(reading: Reading) -> str:
    """What was read, or why nothing was."""
    return reading.text or "".join(f"(not read: {why})" for why in reading.failures.values()) or "(no text)"


def write_readings(
    catalog: Catalog, reader: PhotoReader, output: Path, problems: ProblemLog, progress: Progress | None = None
) -> int:
    """Write one JSON line per product: `{product_id, text, photos}`, a photo `{words: [...]}` or `{failure: why}`.

    Returns:
        on how many products there is text; `problems` gets the photos that failed.

    Raises:
        ValueError: `output` is a folder.
    """
    if output.is_dir():
        raise ValueError(f"{output} is a folder: give --output the name of a file")
    n_read = 0
    with atomic_path(output) as temporary, temporary.open("w", encoding="utf-8") as file:
        for _, products in catalog.batches(CHUNK, progress):
            readings = dict(zip((p.product_id for p in products), read_products(reader, products), strict=True))
            problems.extend(unread_photos(readings))
            for product_id, reading in readings.items():
                n_read += bool(reading.text)
                photos = [photo.to_json() for photo in reading.photos]
                line = {"product_id": product_id, "text": reading.text, "photos": photos}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return n_read


def failures_text(problems: ProblemLog) -> str:
    """How many photos could not be read, and why the first few of them."""
    named = [f"    product {p.product_id}, {p.place}: {p.detail}" for p in problems.named[:5]]
    return "\n".join([f"{len(problems)} x photo that could not be read", *named])


def show(reader: PhotoReader, product: str, workspace: Workspace, file: Address | None, output: Path) -> Reading:
    """Draw what is read on a product: a picture of its photos with a box around every word.

    Args:
        product: id of a product in `file` (default: the training catalogue), or the path of a photo.

    Raises:
        ValueError: no such product.
    """
    wanted, _ = named_product(product, workspace, file)
    reading = read_products(reader, [wanted])[0]
    output.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(output) as temporary:
        drawn(wanted.images, reading.photos).save(temporary, "PNG")
    return reading


def cache_table(cache: TranscriptCache, current: str) -> str:
    """What the transcript cache holds, for people: a line per file and engine settings, the current ones marked.

    Files of other hosts stand below this one's.
    """
    lines = _file_lines(cache, current)
    for other in cache.others:
        try:
            lines += _file_lines(other, current)
        except CacheError as error:
            lines.append(str(error))
    return "\n".join(lines)


def _file_lines(cache: TranscriptCache, current: str) -> list[str]:
    if not cache.path.exists():
        return []
    lines = [f"{cache.path}: {cache.path.stat().st_size / 2**20:.1f} MiB"]
    for kept in cache.contents():
        mark = "*" if kept.settings == current else " "
        time = "" if math.isnan(kept.seconds_per_photo) else f", {1000 * kept.seconds_per_photo:.0f} ms per photo"
        lines.append(f"{mark} {kept.photos} photos, {kept.bytes / 2**20:.1f} MiB{time}: {kept.settings}")
    return lines


def left_alone(cache: TranscriptCache) -> str:
    """The files of other hosts, which are not pruned here, for people; empty where there are none."""
    names = ", ".join(file.path.name for file in cache.others)
    return names and f"left as they are: {names} (each host prunes its own)"


def predict_catalog(
    catalog: Catalog,
    photo: Probabilities,
    run: Run,
    workspace: Workspace,
    problems: ProblemLog,
    progress: Progress | None = None,
) -> Probabilities:
    """The text branch's probabilities for a catalogue, routed by the image branch's; `problems` gets what failed."""
    config = config_here(run)
    tree = run.taxonomy()
    branch = load_branch(run, make_reader(config, workspace))
    known = photo.aligned(catalog.product_ids)
    wanted = routed(known, category_leaves(tree, config.categories), tree, run.details_as(OcrDetails).route_threshold)
    parts = []
    for positions, products in catalog.batches(CHUNK, progress):
        probabilities, readings = branch.read(products, wanted[positions])
        parts.append(probabilities)
        problems.extend(unread_photos({products[row].product_id: reading for row, reading in readings.items()}))
    name_files(catalog, problems)
    return concatenate(parts)


def silence_text(text: Probabilities) -> str:
    """On how many products the text branch speaks, and why not on the others."""
    counts = Counter(text.silence.tolist())
    reasons = [f"{counts[int(s)]} {s.words}" for s in Silence if s and counts[int(s)]]
    return f"text on {counts[0]} of {len(text)} products" + (f" ({', '.join(reasons)})" if reasons else "")
