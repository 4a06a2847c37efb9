"""A folder of photos: `class/.../product/1.jpg`."""

import os
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from catalog.files.progress import Progress
from catalog.ids.shop_id import ShopId
from catalog.product import Problem, ProblemKind, ProblemLog
from catalog.sources.folder.folder_names import CategoryFolders, id_of_name
from catalog.sources.folder.id_folders import called_by, read_category, read_name
from catalog.sources.folder.layout import (
    LaidOut,
    Layout,
    Survey,
    is_empty_category,
    read_layout,
    survey,
    write_layout,
)
from catalog.sources.folder.walk import Folder, NoPhotoYet, Walk, below
from catalog.sources.photo_file import without_photo_ending
from catalog.sources.photo_files import PhotoFiles, shown
from catalog.sources.photo_manifest import Listed, Manifest
from catalog.tree.taxonomy import Taxonomy

TREE_NAMES = ("category_names.csv", "tree.csv")
LAYOUT = ".layout"
"""Ending of the file that keeps how the folder is laid out, where somebody has said it."""
CategoryOf = Callable[[tuple[bytes, ...]], ShopId | None]
"""From the names of folders, outermost first, to a category_id."""


def _category_of(categories: CategoryFolders, problems: ProblemLog) -> CategoryOf:
    """The category that the folders above products name."""

    # a walk comes to the products below one folder in a row: it is looked up, and told, once
    @lru_cache(maxsize=1)
    def category_of(parents: tuple[bytes, ...]) -> ShopId | None:
        category_id, why = categories.category_of(parents) if parents else (None, "")
        if why:
            problems.add(Problem(ProblemKind.UNKNOWN_FOLDER, shown(*parents), detail=why))
        return category_id

    return category_of


class PhotoFolder(PhotoFiles):
    """The deepest folders are products, their photos in natural order; the folders above name the category.

    Or each photo is a product, and the folders that it lies in name the category: see `Layout`. With a tree, most of
    whose folders are categories then, this is recognised; without one, somebody must have said so: `keep_layout`.

    A class folder is named by its category_id, or some of them by the names of the tree, which then lies in the folder
    as `category_names.csv` or `tree.csv`; without a tree, their path is the category: `Men > Tops`. The name of a
    product's folder is its product_id. Photos that lie in the catalogue's folder itself, without any folder, are
    products of one photo each. What a photo is, and what is passed over: `Walk`. A folder that `catalog convert` wrote
    is called by ids throughout, see `id_folders`.
    """

    def __init__(self, path: Path, tree: Path | None = None) -> None:
        """`tree`: CSV of the category tree; default: the one in the folder, where there is one.

        Raises:
            ValueError: the root of the file system.
        """
        super().__init__(path, path)
        if path.resolve().parent == path.resolve():
            raise ValueError(f"{path} is a folder that holds everything: give the one with the photos")
        self.tree = tree or tree_in(path)
        self._called_by = called_by(path)
        self._walk = self._new_walk()

    def keep_layout(self, layout: Layout) -> None:
        """Keep beside the folder how it is laid out, for this and all later looks at it, whatever it looks like."""
        write_layout(self.sidecar(LAYOUT), layout)

    def kept_layout(self) -> Layout | None:
        """The layout that was kept, None where nobody has said one."""
        return read_layout(self.sidecar(LAYOUT))

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    def __reduce__(self) -> tuple[Any, ...]:
        return PhotoFolder, (self.path.absolute(), self.tree and self.tree.absolute())

    def stamp(self) -> dict[str, Any]:
        """Digest of all names, sizes and times of the last change; empty where nothing was kept to compare with."""
        try:
            listed = Manifest(self.sidecar(".manifest")).header
        except (OSError, ValueError):
            return {}
        if listed != self.header() or not self.sidecar(".index").is_file():
            return {}
        self._walk = self._new_walk(looks_into_files=False)
        for folder in self._walk.folders(ProblemLog()):
            for photo in folder.photos:
                self._walk.state_of(folder.path, photo)
        return self.listing_stamp()

    def listing_stamp(self) -> dict[str, Any]:
        """The stamp of the walk just done."""
        return {"listing": self._walk.digest(), **self.header()}

    def header(self) -> dict[str, Any]:
        """What the tree says, not how its file is written: a workspace keeps a copy of its own."""
        tree = self._taxonomy()
        called_by = {} if self._called_by is None else {"called_by": self._called_by}
        return {"tree": tree.fingerprint if tree else "", "layout": self.kept_layout() or "", **called_by}

    def many(self, product: Listed) -> str:
        """Say how many there are; below no category, the folder may be one itself, and each photo a product."""
        is_known = isinstance(product.category_id, int) or self.tree is not None or self._called_by is not None
        hint = "" if is_known and product.category_id is not None else "; if each is a product: --layout photo"
        return f"{len(product.photos)} photos{hint}"

    def nothing(self, problems: ProblemLog) -> str:
        """Say what a folder should hold."""
        bson_files = sorted(path.name for path in self.path.iterdir() if path.suffix == ".bson")
        way_out = f"give the file in it, {', '.join(bson_files[:5])}" if bson_files else "give one with photos"
        text = f"{self.path} is a folder without photos (class/.../product/1.jpg): {way_out}"
        return f"{text}\n{problems.summary()}" if len(problems) else text

    def list_products(self, problems: ProblemLog, progress: Progress | None) -> Iterator[Listed]:
        """One product per deepest folder, or per photo; and per photo that lies in no folder.

        Raises:
            ValueError: no photo, or nothing tells which of the two it is.
        """
        categories = CategoryFolders(self._taxonomy())
        laid_out = self._laid_out(categories, problems)
        by = self._called_by
        category_of = _category_of(categories, problems) if by is None else partial(read_category, called_by=by)
        n_photos = 0
        self._walk = self._new_walk(problems)
        for folder in self._walk.folders(problems, progress):
            self._name_others(folder, problems)
            if laid_out.layout is Layout.PRODUCT and folder.folders:
                self._name_strays(folder, problems)
            elif is_empty_category(folder, laid_out.layout, categories):
                problems.add(Problem(ProblemKind.EMPTY_CATEGORY, shown(folder.path)))
            else:
                for product in self._products_in(folder, laid_out, category_of, problems):
                    n_photos += len(product.photos)
                    yield product
        if not n_photos:
            raise ValueError(self.nothing(problems))

    def _laid_out(self, categories: CategoryFolders, problems: ProblemLog) -> LaidOut:
        """What a product is: as somebody has said, else as the tree shows.

        Raises:
            ValueError: nothing tells; the message shows both readings.
        """
        kept = self.kept_layout()
        if kept is Layout.PRODUCT or (kept is None and self._called_by is not None):
            return LaidOut(Layout.PRODUCT)
        try:
            seen = self._survey(categories, whole=kept is not None)
            if kept is None and seen.is_unsure(categories):
                # files whose names say nothing are opened twice only where their number is told
                seen = self._survey(categories, whole=True, looks_into_files=True)
        except NoPhotoYet:
            # the walk that lists products says so, with all that it has found instead
            return LaidOut(Layout.PRODUCT)
        if kept is None and seen.is_unsure(categories):
            raise ValueError(seen.question(str(self.path)))
        if kept is None and not seen.is_by_category:
            return LaidOut(Layout.PRODUCT)
        problems.add(Problem(ProblemKind.EACH_PHOTO, self.title, detail="" if kept else seen.reason))
        return LaidOut(Layout.PHOTO, named_by_path=seen.has_namesakes)

    def _survey(self, categories: CategoryFolders, *, whole: bool, looks_into_files: bool = False) -> Survey:
        walk = self._new_walk(looks_into_files=looks_into_files)
        return survey(walk.folders(ProblemLog()), categories, whole=whole)

    def _name_others(self, folder: Folder, problems: ProblemLog) -> None:
        """Files that are no photos."""
        for other, what in folder.others:
            if folder.path or os.fsdecode(other) not in TREE_NAMES:
                problems.add(Problem(ProblemKind.STRAY_FILE, shown(folder.path, other), detail=what))

    def _name_strays(self, folder: Folder, problems: ProblemLog) -> None:
        """Photos beside folders: they are no product's."""
        for photo in folder.photos:
            # looked at nevertheless: the stamp is of all photos
            self._walk.state_of(folder.path, photo)
            problems.add(Problem(ProblemKind.STRAY_PHOTO, shown(folder.path, photo)))

    def _products_in(
        self, folder: Folder, laid_out: LaidOut, category_of: CategoryOf, problems: ProblemLog
    ) -> Iterator[Listed]:
        path = tuple(folder.path.split(b"/")) if folder.path else ()
        if path and laid_out.layout is Layout.PRODUCT:
            product_id = (id_of_name if self._called_by is None else read_name)(os.fsdecode(path[-1]))
            category_id = category_of(path[:-1])
            yield self._product(folder.path, folder.photos, product_id, category_id, problems)
            return
        category_id = category_of(path) if folder.photos else None
        for photo in folder.photos:
            name = without_photo_ending(below(folder.path, photo) if laid_out.named_by_path else photo)
            yield self._product(folder.path, [photo], id_of_name(os.fsdecode(name)), category_id, problems)

    def _taxonomy(self) -> Taxonomy | None:
        # which folders are categories does not depend on how many products these have
        return Taxonomy.from_csv(self.tree).whole() if self.tree else None

    def _product(
        self, folder: bytes, names: list[bytes], product_id: ShopId, category_id: ShopId | None, problems: ProblemLog
    ) -> Listed:
        product = Listed(product_id, category_id, shown(folder or names[0]))
        for name in names:
            path, state = below(folder, name), self._walk.state_of(folder, name)
            if state.fault is None:
                product.photos.append(path)
                product.sizes.append(state.size)
            else:
                product.missing.append(path)
                problems.add(Problem(state.fault[0], shown(path), product_id, state.fault[1]))
        return product

    def _new_walk(self, problems: ProblemLog | None = None, *, looks_into_files: bool = True) -> Walk:
        """`problems`: those that the message about a folder without photos names."""
        log = ProblemLog() if problems is None else problems
        return Walk(self.base, lambda: self.nothing(log), looks_into_files=looks_into_files)


def tree_in(folder: Path) -> Path | None:
    """CSV of the category tree in a folder of photos, where there is one."""
    return next((folder / name for name in TREE_NAMES if (folder / name).is_file()), None)
