"""One product named on the command line: by its _id, or as a photo file."""

from pathlib import Path

from catalog.catalog import Catalog
from catalog.product import Product
from catalog.runs.workspace import Workspace
from catalog.sources.address import Address
from catalog.sources.photo_file import is_photo, read_photo


def named_product(name: str, workspace: Workspace, file: Address | None = None) -> tuple[Product, Catalog | None]:
    """A product of `file` (default: the training catalogue) by its _id, with that catalogue; or the photo at that path.

    Raises:
        ValueError: no such product, or a photo over 64 MiB.
        FileNotFoundError: no such photo or catalogue.
    """
    if is_photo(Path(name)):
        return Product(0, (read_photo(Path(name)),)), None
    catalog = workspace.training_catalog() if file is None else workspace.open(file)
    rows = (catalog.product_ids == int(name)).nonzero()[0] if name.lstrip("-").isdecimal() else []
    if not len(rows):
        raise ValueError(
            f"{catalog} has no product {name}: give one of its _id, the catalogue that holds it, or a photo"
        )
    return catalog[int(rows[0])], catalog
