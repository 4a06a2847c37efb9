"""One product named on the command line: by its _id, or as a photo file."""

import os
import re
from pathlib import Path

from catalog.catalog import Catalog
from catalog.files.csv_rows import id_in
from catalog.files.sheet_ids import id_among, likely_ids
from catalog.ids.shop_id import id_number
from catalog.product import Product
from catalog.runs.workspace import Workspace
from catalog.sources.address import Address
from catalog.sources.photo_file import formats_text, is_named_as_photo, is_photo, no_photo, read_photo

ID = re.compile(r"-?[0-9]+")


def named_product(name: str, workspace: Workspace, file: Address | None = None) -> tuple[Product, Catalog | None]:
    """A product of `file` (default: the training catalogue) by its _id, with that catalogue; or the photo at that path.

    A name of digits is an _id, even where a file is called so: `./123` is the file. Any other text is a photo where
    there is one of that name, else an _id.

    Raises:
        ValueError: no such product, a file that is no photo, or a photo over 64 MiB.
        FileNotFoundError: no such photo or catalogue.
    """
    path, is_id = Path(name), ID.fullmatch(name) is not None
    # pathlib would not hear of an id that is longer than a file's name may be
    is_file, named_as_photo = os.path.isfile(name), is_named_as_photo(os.fsencode(path.name))
    if not is_id and ((is_file and is_photo(path)) or (named_as_photo and file is None)):
        return Product(0, (read_photo(path),)), None
    wanted = id_in(name)
    # a name with folders in it is a file's; another one may be a product's as well
    if wanted is None or (not is_id and is_file and path.name != name):
        raise ValueError(f"{no_photo(path)}: give a product's _id, or a photo ({formats_text()})")
    catalog = workspace.training_catalog() if file is None else workspace.open(file)
    # `12.0` may be an id to the letter
    wanted = id_among(name, catalog.product_ids) or wanted
    rows = (catalog.product_ids == id_number(wanted)).nonzero()[0]
    if not len(rows) and named_as_photo:
        raise FileNotFoundError(f"{path} does not exist, and {catalog} has no product of that name")
    if not len(rows) and is_file:
        raise ValueError(f"{catalog} has no product {name}, and {no_photo(path)}: give a product's _id, or a photo")
    if not len(rows):
        likely = likely_ids([wanted], catalog.shop_ids() if len(catalog.ids) else ())
        hint = "".join(f", but {one}" for one in likely.values())
        raise ValueError(
            f"{catalog} has no product {name}{hint}: give one of its _id, the catalogue that holds it, or a photo"
        )
    return catalog[int(rows[0])], catalog
