"""A walk over a folder of photos: which files are photos, and a digest that tells whether anything has changed."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from catalog.files.progress import Progress
from catalog.photos.formats import NOTHING_KNOWN, format_of, what_else
from catalog.product import Problem, ProblemKind, ProblemLog
from catalog.sources.folder.folder_names import natural_key
from catalog.sources.folder.passed_over import OWN_MARK, is_kept_beside, is_systems
from catalog.sources.photo_file import first_bytes, is_named_as_photo
from catalog.sources.photo_files import PhotoState, photo_state, shown

NOT_YET = 20_000
"""Files and folders looked at before a folder without one photo is taken for something else."""
NEVER_OPENED = frozenset(
    b".txt .md .log .csv .tsv .json .jsonl .ndjson .xml .xmp .aae .yaml .yml .toml .ini .cfg .conf .html .htm .css .js "
    b".py .sh .bat .lnk .url .webloc .db .sqlite .bson .parquet .pq .index .manifest .md5 .sha1 .sha256 "
    b".pdf .doc .docx .odt .rtf .xls .xlsx .ods .ppt .pptx .zip .rar .7z .tar .gz .tgz .bz2 .xz .zst "
    b".mp4 .m4v .mov .avi .mkv .webm .mpg .mpeg .wmv .flv .mp3 .m4a .wav .ogg .flac .exe .dll .so".split()
)
"""Endings of what often lies beside photos and never is one: on a network drive, opening each would cost a ms."""


class NoPhotoYet(ValueError):
    """Nothing of the first `NOT_YET` files and folders is a photo."""


@dataclass(slots=True)
class Folder:
    """One folder: its path below the catalogue's, and the names in it, in natural order.

    Attributes:
        photos: named as photos, or photos by their first bytes.
        unsure: neither named as photos nor as something else, not looked into; empty where the walk looks into files.
        others: files that are no photos, each with what it is where that is known.
        links: those of `folders` that are symbolic links.
    """

    path: bytes
    folders: list[bytes]
    photos: list[bytes]
    unsure: list[bytes]
    others: list[tuple[bytes, str]]
    links: frozenset[bytes]


class Walk:
    """Goes through all folders once, depth first, in natural order.

    A file is a photo by its ending, without being opened; one with an ending that says nothing by its first bytes. The
    digest is of all folders' paths, and of the paths, sizes and times of the last change of photos and of files that
    were, or would be, looked into. So it is the same whether the walk looks into files or not, and a catalogue that has
    not changed is opened again without opening one of them.
    """

    def __init__(self, root: bytes, nothing: Callable[[], str], *, looks_into_files: bool) -> None:
        """`nothing`: the message where `NOT_YET` files and folders hold no photo."""
        self._root, self._nothing, self._looks = root, nothing, looks_into_files
        self._digest = hashlib.blake2b(digest_size=16)
        self._n_looked, self._photo_seen = 0, False

    def digest(self) -> str:
        """Of all that the walk has gone through so far, in hexadecimal digits."""
        return self._digest.hexdigest()

    def state_of(self, folder: bytes, name: bytes) -> PhotoState:
        """Look at a photo, without opening it; each must be looked at once, in order, for the digest."""
        path = below(folder, name)
        state = photo_state(self._absolute(path))
        # files without a photo's ending were looked at when they were listed
        if is_named_as_photo(name):
            self._add(path, state)
        return state

    def folders(self, problems: ProblemLog, progress: Progress | None = None) -> Iterator[Folder]:
        """Every folder; only names are held, and only those on the way down.

        Raises:
            NoPhotoYet: nothing of the first `NOT_YET` files and folders is a photo.
        """
        top = self._list(b"", problems)
        yield top
        trail = [(b"", iter(top.folders), top.links)]
        n_top = 0
        while trail:
            parent, names, links = trail[-1]
            name = next(names, None)
            if name is None:
                trail.pop()
                continue
            path = below(parent, name)
            if name in links and self._is_above(path, [folder for folder, _, _ in trail]):
                problems.add(Problem(ProblemKind.UNREADABLE_FOLDER, shown(path), detail="a link to a folder above it"))
                continue
            self._digest.update(path + b"\0\0")
            folder = self._list(path, problems)
            yield folder
            if folder.folders:
                trail.append((path, iter(folder.folders), folder.links))
            n_top += parent == b""
            if progress is not None and (parent == b"" or self._n_looked % 1000 == 0):
                progress(n_top, len(top.folders))

    def _list(self, path: bytes, problems: ProblemLog) -> Folder:
        folder = Folder(path, [], [], [], [], frozenset())
        links, passed_over = set[bytes](), list[bytes]()
        try:
            with os.scandir(self._absolute(path)) as entries:
                for entry in entries:
                    is_folder = entry.is_dir()
                    if is_systems(entry.name, is_folder=is_folder):
                        passed_over.append(entry.name)
                    elif is_folder:
                        folder.folders.append(entry.name)
                        if entry.is_symlink():
                            links.add(entry.name)
                    else:
                        _put(entry, folder)
        except OSError as error:
            where = shown(path) if path else os.fsdecode(self._root)
            problems.add(Problem(ProblemKind.UNREADABLE_FOLDER, where, detail=error.strerror or ""))
        folder.links = frozenset(links)
        _name_passed_over(path, passed_over, problems)
        self._count(1 + len(folder.others), bool(folder.photos))
        folder.unsure.sort(key=natural_key)
        for name in folder.unsure:
            self._add(below(path, name), photo_state(self._absolute(below(path, name))))
        if self._looks:
            self._look_into(folder)
        else:
            self._count(len(folder.unsure), bool(folder.unsure))
        for names in (folder.folders, folder.photos):
            if len(names) > 1:
                names.sort(key=natural_key)
        folder.others.sort(key=lambda other: natural_key(other[0]))
        return folder

    def _look_into(self, folder: Folder) -> None:
        """Put each unsure file among the photos or the others."""
        for name in folder.unsure:
            what = self._what_else(below(folder.path, name))
            if what is None:
                folder.photos.append(name)
            else:
                folder.others.append((name, what))
            # counted one by one: a folder of a million files that are no photos is not opened to its end
            self._count(1, what is None)
        folder.unsure = []

    def _what_else(self, path: bytes) -> str | None:
        """None for a photo; else what a file is, empty where nothing tells."""
        try:
            start = first_bytes(self._absolute(path))
        except OSError as error:
            return error.strerror or "cannot be opened"
        if format_of(start) is not None:
            return None
        what = what_else(start)
        return "" if what == NOTHING_KNOWN else what

    def _count(self, n_looked: int, photo_seen: bool) -> None:
        self._n_looked += n_looked
        self._photo_seen = self._photo_seen or photo_seen
        if self._n_looked > NOT_YET and not self._photo_seen:
            raise NoPhotoYet(self._nothing())

    def _add(self, path: bytes, state: PhotoState) -> None:
        self._digest.update(b"%s\0%d %d\0" % (path, state.size, state.mtime_ns))

    def _absolute(self, path: bytes) -> bytes:
        return self._root + b"/" + path

    def _is_above(self, path: bytes, above: list[bytes]) -> bool:
        return any(map(partial(os.path.samefile, self._absolute(path)), map(self._absolute, above)))


def _name_passed_over(folder: bytes, names: list[bytes], problems: ProblemLog) -> None:
    """Count what is not looked into; of what this program has left there itself, nothing is said."""
    for name in sorted(names, key=natural_key):
        if name != OWN_MARK:
            problems.add(Problem(ProblemKind.PASSED_OVER, shown(folder, name)))


def _put(entry: os.DirEntry[bytes], folder: Folder) -> None:
    """Put a file where its name says that it belongs."""
    if is_kept_beside(entry.name):
        return
    if is_named_as_photo(entry.name):
        folder.photos.append(entry.name)
    elif os.path.splitext(entry.name)[1].lower() in NEVER_OPENED or not entry.is_file():
        # also pipes, devices and broken links
        folder.others.append((entry.name, ""))
    else:
        folder.unsure.append(entry.name)


def below(folder: bytes, name: bytes) -> bytes:
    """`os.path.join` for names that are never absolute, at a third of its time."""
    return folder + b"/" + name if folder else name
