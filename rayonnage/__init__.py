"""Put every product of a shop on its shelf, from Python.

`fit` trains a `Model` on a labelled catalogue, `load` gives a trained one that predicts, `answers_to_table` its answers
as an Arrow table, `open_catalog` any catalogue as products, `Taxonomy` a tree of categories.
What a name needs is imported when it is first used, so that `import rayonnage` costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import catalog as _catalog  # noqa: F401 - settles what libraries ask when they are loaded: before all of them

__all__ = ["Model", "Taxonomy", "answers_to_table", "fit", "load", "open_catalog"]

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.tree.taxonomy import Taxonomy
    from fusion.model import Model
    from fusion.prediction.answers import answers_to_table
else:
    _MODULES = {
        "Model": "fusion.model",
        "Taxonomy": "catalog.tree.taxonomy",
        "answers_to_table": "fusion.prediction.answers",
    }

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module 'rayonnage' has no attribute {name!r}: it has {', '.join(__all__)}")
        return getattr(import_module(_MODULES[name]), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


def fit(  # noqa: PLR0913 - an argument for every option of the command, all but two by name
    catalog: str | Path,
    tree: str | Path | None = None,
    *,
    names: str | Path | None = None,
    time: str | float | None = None,
    quality: Literal["fast", "balanced", "best"] = "balanced",
    workspace: str | Path = "runs",
    memory: str | int | None = None,
    recipe: str | Path | None = None,
    group: str | None = None,
) -> Model:
    """A model of a labelled catalogue: looks at it, chooses what pays, trains, and shows how far it is.

    Called again with the same it goes on with what was stopped, and does nothing that is done. What `rayonnage fit`
    writes lies in the workspace afterwards: `fit.html`, `fit.log`, and `recipe.yaml`, which says what was decided.

        model = rayonnage.fit("train.bson", "category_names.csv", time="30m")

    Args:
        catalog: see `open_catalog`; products without a category are left out.
        tree: CSV of the category tree, None where the labels are the tree.
        names: CSV of category names in other languages.
        time: how long it may take: `30m`, `1h30`, or seconds. None: as long as what pays takes.
        quality: how much is done where time is not what limits it.
        workspace: folder of all that is kept.
        memory: that may be used: `4GB`, or bytes. None: what is free.
        recipe: obey this: an earlier `recipe.yaml`, changed or not, or any configuration.
        group: column that names products which must stay together when some are set aside to be tested on; None: one
            that seems to name the article, else titles.

    Raises:
        FileNotFoundError: nothing lies there.
        ValueError: nothing can be learnt from it, a workspace of another catalogue, or a stage that failed; the message
            says what to do.
        OSError: another fit is at work in the workspace.
    """
    from rayonnage.fitting.amounts import bytes_of, seconds_of
    from rayonnage.fitting.fit import fit_catalog
    from rayonnage.fitting.request import FitRequest

    request = FitRequest(
        catalog if isinstance(catalog, str) and "://" in catalog else Path(catalog),
        tree=None if tree is None else Path(tree),
        names=None if names is None else Path(names),
        group=group,
        time_s=seconds_of(time) if isinstance(time, str) else time,
        quality=quality,
        memory_bytes=bytes_of(memory) if isinstance(memory, str) else memory,
        recipe=None if recipe is None else str(recipe),
        workspace=Path(workspace),
    )
    fit_catalog(request)
    return load(workspace)


def load(
    folder: str | Path = "runs",
    *,
    lang: str | None = None,
    precision: float | None = None,
    workspace: str | Path = "runs",
) -> Model:
    """A trained model that predicts products.

    >>> import rayonnage
    >>> with rayonnage.load("runs", lang="en") as model:
    ...     [answer] = model.predict([["front.jpg", "back.jpg"]])
    >>> answer.decision.value in ("accept", "parent", "review")
    True
    >>> cat1, cat2, cat3 = answer.best.path
    >>> 0 < answer.best.probability <= 1
    True

    Args:
        folder: the folder of a fusion run, which is enough to predict, or a workspace: its latest fusion run.
        lang: language of the category names in answers, such as `en`; None: as the tree has them.
        precision: share of what is given without review that must be right; None: as trained.
        workspace: keeps what was read on photos, so that none is read twice; of no account where `folder` is one.

    Raises:
        FileNotFoundError: no run there; the message names the command that trains one.
        ValueError: a damaged run, or no names in that language.
    """
    from catalog.runs.workspace import Workspace

    model = import_module("fusion.model").Model
    if (Path(folder) / "workspace.json").is_file():
        folder, workspace = Workspace(folder).require("fusion").folder, folder
    return model.load(folder, workspace, precision, lang)


def open_catalog(
    address: str | Path,
    tree: str | Path | None = None,
    layout: Literal["product", "photo"] | None = None,
    text_columns: Sequence[str] | None = None,
) -> Catalog:
    """Any catalogue as a sequence of products, read when they are asked for.

    >>> import rayonnage
    >>> catalog = rayonnage.open_catalog("train.bson")
    >>> len(catalog)
    240
    >>> product = catalog[0]
    >>> 1 <= len(product.images) <= 4
    True
    >>> tree = rayonnage.Taxonomy.from_csv("category_names.csv")
    >>> product.category_id in tree.leaf_ids
    True

    Args:
        address: a BSON file, a folder of photos, a CSV or Parquet table of photo paths, or a collection's URI
            `mongodb://HOST/DATABASE.COLLECTION`.
        tree: CSV of the category tree, for a folder whose class folders are named by the tree's names; None:
            `category_names.csv` where the folder holds one.
        layout: of a folder: `product` for class/product/1.jpg, `photo` for class/photo.jpg; kept beside it. None: as
            was kept, else as the tree shows.
        text_columns: of a table: its column of titles, and perhaps that of descriptions; kept beside it. None: as was
            kept, else those that are called `title` and `description`.

    Raises:
        FileNotFoundError: nothing lies there.
        ValueError: it is nothing that holds products, or not one of them can be used; a folder without a tree of which
            nothing tells its layout; a table without these columns.
    """
    from catalog.catalog import Catalog
    from catalog.sources.folder.layout import Layout
    from catalog.sources.opening import keep_layout, keep_text_columns, open_source, tree_for

    if layout is not None:
        keep_layout(address, Layout(layout))
    if text_columns is not None:
        keep_text_columns(address, text_columns)
    return Catalog(open_source(address, tree_for(address, None if tree is None else Path(tree))))
