"""What decoding JPEGs at 1/2, 1/4, 1/8 does to categories, against decoding them whole and then averaging areas.

    python bench/scaled_decoding.py SHELF.bson GALLERY_FOLDER [--shelf-photos 2000]

Frozen EfficientNet-Lite0 features and a logistic regression, five folds: of a shop's real photos (360 px, grouped by
article: its colours share a shape) and of the shelf benchmark's, enlarged to 1200 px and saved as JPEGs of quality 90.
The same classifier, fitted on photos that were decoded whole, sees held-out photos decoded either way.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from catalog.catalog import Catalog
from catalog.metrics.intervals import paired_difference
from catalog.photos.headers.read import read_header
from catalog.photos.limits import FINER, scale_for
from catalog.photos.opencv import decode_plain
from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.networks.network import MosaicNetwork
from mosaic.photos import Picture, squared

SIZE = 180
ENLARGED = 1200


def decoded(photo: bytes, scale: int) -> Picture:
    header = read_header(photo)
    pixels = decode_plain(photo, header, scale, SIZE)
    assert pixels is not None
    return squared(pixels, SIZE)


WAYS: dict[str, Callable[[bytes], Picture]] = {
    "whole": lambda photo: decoded(photo, 1),
    "at least the size": lambda photo: decoded(photo, scale_for(read_header(photo), SIZE // FINER)),
    "at least twice (as shipped)": lambda photo: decoded(photo, scale_for(read_header(photo), SIZE)),
}


def features(photos: Sequence[bytes], way: Callable[[bytes], Picture]) -> NDArray[np.float32]:
    """`(P, 1280)` frozen features."""
    network = MosaicNetwork(load_config(MosaicConfig, "mosaic").backbone, np.arange(2), np.ones(2) / 2).eval()
    rows = []
    with torch.inference_mode():
        for start in range(0, len(photos), 32):
            batch = torch.from_numpy(np.stack([way(photo) for photo in photos[start : start + 32]]))
            rows.append(network.features(batch).numpy())
    return np.concatenate(rows)


def enlarged(photo: bytes) -> bytes:
    picture = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    large = cv2.resize(picture, (ENLARGED, ENLARGED), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", large, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def gallery(folder: Path) -> tuple[list[bytes], list[str], list[str]]:
    """Photos, their leaves and their articles."""
    photos, leaves, articles = [], [], []
    with (folder / "products.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for name in row["photos"].split("|"):
                photos.append((folder / name).read_bytes())
                leaves.append(row["category_path"])
                articles.append(row["product_id"].rsplit("-", 1)[0])
    return photos, leaves, articles


def shelf(file: Path, n: int) -> tuple[list[bytes], list[str], list[str]]:
    catalog = Catalog(file)
    chosen = np.random.default_rng(0).permutation(len(catalog))
    photos, leaves, products = [], [], []
    for product in catalog.take(chosen[:n]):
        photos.append(enlarged(product.images[0]))
        leaves.append(str(product.category_id))
        products.append(str(product.product_id))
    return photos, leaves, products


def compare(title: str, photos: list[bytes], leaves: list[str], groups: list[str]) -> None:
    truth = np.array(leaves)
    x = {name: features(photos, way) for name, way in WAYS.items()}
    right = {name: np.zeros(len(truth), bool) for name in WAYS}
    said = {name: np.empty(len(truth), object) for name in WAYS}
    for fit, test in GroupKFold(5, shuffle=True, random_state=0).split(truth, groups=groups):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
        model.fit(x["whole"][fit], truth[fit])
        for name in WAYS:
            said[name][test] = model.predict(x[name][test])
            right[name][test] = said[name][test] == truth[test]
    print(f"\n{title}: {len(photos)} photos, {len(set(leaves))} leaves")
    for name in WAYS:
        gain, low, high = paired_difference(right[name], right["whole"])
        same = np.mean(said[name] == said["whole"])
        change = f"{100 * gain:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})"
        print(f"  {name:<32}{100 * right[name].mean():6.2f} % right   {change:<26} same leaf {100 * same:.1f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shelf", type=Path)
    parser.add_argument("gallery", type=Path)
    parser.add_argument("--shelf-photos", type=int, default=2000)
    options = parser.parse_args()
    print(f"photos at {SIZE} px; paired differences to 'whole' with their 95 % interval")
    compare("a shop's photos of 360 px", *gallery(options.gallery))
    compare(f"shelf photos enlarged to {ENLARGED} px", *shelf(options.shelf, options.shelf_photos))


if __name__ == "__main__":
    main()
