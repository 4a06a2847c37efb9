"""One vector per photo by a network that nobody has trained: whose each is, and that no other photo changes it."""

from __future__ import annotations

import numpy as np

from catalog.catalog import Catalog
from catalog.ids.shop_id import id_number
from catalog.runs.config import load_config
from catalog.runs.workspace import Workspace
from mosaic.config import MosaicConfig
from mosaic.inference.photo_vectors import embed_photos
from tests.support.products import make_product

CONFIG = load_config(MosaicConfig, "mosaic", "debug")


def test_every_photo_has_a_row_of_its_own(write_bson, tmp_path):
    documents = [make_product(7, 11, 3), make_product(5, 11), {"_id": 6, "category_id": 11, "imgs": []}]
    documents.append({**make_product(9, 11, 2), "imgs": [{"picture": b"broken"}, documents[0]["imgs"][1]]})
    catalog = Catalog(write_bson(*documents))
    config = CONFIG.model_copy(update={"inference": CONFIG.inference.model_copy(update={"backend": "torch"})})
    paths, problems = embed_photos(catalog, Workspace(tmp_path / "runs"), tmp_path / "out", config=config)
    vectors, ids = (np.load(path) for path in paths)
    assert ids.tolist() == [7, 7, 7, 5, 9, 9]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 1, 1, 1, 0, 1], atol=1e-5)
    np.testing.assert_array_equal(vectors[5], vectors[1])
    assert not np.allclose(vectors[0], vectors[1], atol=1e-4)
    assert [problem.product_id for problem in problems.named if "decoded" in str(problem)] == [9]


def test_text_ids_stand_beside_their_numbers(write_bson, tmp_path):
    ids = ["=1+1", 7, "../x", "caf\u00e9 \N{BALLOON}"]
    catalog = Catalog(write_bson(*({**make_product(i, 11, 2), "_id": one} for i, one in enumerate(ids))))
    config = CONFIG.model_copy(update={"inference": CONFIG.inference.model_copy(update={"backend": "torch"})})
    room, out = Workspace(tmp_path / "runs"), tmp_path / "out"
    (_, numbers, texts), _ = embed_photos(catalog, room, out, config=config)
    assert texts.read_text(encoding="utf-8").split("\n") == [*(str(one) for one in ids for _ in range(2)), ""]
    assert np.load(numbers).tolist() == [id_number(one) for one in ids for _ in range(2)]
    # integers need no such file, and none of another catalogue is left beside them
    written, _ = embed_photos(Catalog(write_bson(make_product(7, 11))), room, out, config=config)
    assert [path.name for path in written] == ["vectors.npy", "product_ids.npy"]
    assert not texts.exists()
