"""One vector per photo by a backbone before any training: for what comes before the first run, a plan above all."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from catalog.catalog import Catalog
from catalog.chunk import Chunk
from catalog.files.atomic import atomic_path
from catalog.files.progress import Progress
from catalog.problem_places import name_files
from catalog.product import ProblemLog
from catalog.recent_rows import RecentRows
from catalog.runs.config import load_config
from catalog.runs.saved_probabilities import predictions_folder
from catalog.runs.workspace import Workspace
from mosaic.config import MosaicConfig
from mosaic.inference.embedding import PRODUCT_IDS, SHOP_IDS, VECTORS, Embedder, write_shop_ids
from mosaic.inference.loading import load_start

CHUNK = 128
FOLDER = "photos"
"""In the folder of a catalogue's predictions, where none is given: beside lie vectors of products."""


def embed_photos(
    catalog: Catalog,
    workspace: Workspace,
    folder: Path | None = None,
    progress: Progress | None = None,
    config: MosaicConfig | None = None,
) -> tuple[list[Path], ProblemLog]:
    """Write `vectors.npy`, `(P, D)` float32 of length 1, and `product_ids.npy`, `(P,)` int64: whose each photo is.

    In catalogue order, a product's photos in the seller's; ids that are texts as `embed_catalog` has them. One that
    cannot be read has a row of zeros and is named in the log. No run is needed: the network is the one that a training
    starts from.

    Args:
        config: whose backbone, with the weights it starts from, and size of photos; None: the default recipe's.
    """
    config = config or load_config(MosaicConfig, "mosaic")
    embedder = Embedder(load_start(config), config)
    folder = folder or predictions_folder(workspace, catalog) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    vectors, ids = folder / VECTORS, folder / PRODUCT_IDS
    problems, recent = ProblemLog(), RecentRows()
    problems.merge(catalog.problems)
    start = np.append(0, np.cumsum(catalog.n_images, dtype=np.int64))
    with atomic_path(ids) as new_ids, atomic_path(vectors) as new_vectors:
        shape = (int(start[-1]), embedder.network.width)
        rows = np.lib.format.open_memmap(new_vectors, mode="w+", dtype=np.float32, shape=shape)
        for positions, products in catalog.batches(CHUNK, progress):
            chunk = Chunk.of(products, config.photo_size, recent=recent)
            problems.extend(chunk.problems)
            # each photo as a product of its own: the network is shown no two of them together
            md5s = [(md5,) for of_product in chunk.md5s for md5 in of_product]
            first = np.repeat(start[positions], [len(of_product) for of_product in chunk.md5s])
            place = first + [k for of_product in chunk.md5s for k in range(len(of_product))]
            rows[place] = embedder.embed(replace(chunk, md5s=md5s))
        rows.flush()
        of_photo = np.repeat(catalog.product_ids, catalog.n_images)
        with new_ids.open("wb") as file:
            np.save(file, of_photo)
        # between the renames that follow no ids lie beside vectors of another network
        ids.unlink(missing_ok=True)
        shop_ids = write_shop_ids(folder / SHOP_IDS, catalog, of_photo)
    name_files(catalog, problems)
    return [vectors, ids, *shop_ids], problems
