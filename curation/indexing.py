"""Both sidecars of a catalogue, its index and its photos' MD5s, made in one reading by all cores."""

from pathlib import Path

from catalog.catalog import Catalog
from catalog.files.cores import n_cores
from catalog.files.progress import Progress
from catalog.files.sidecar import read_sidecar
from catalog.kept_index import MD5, KeptIndex
from catalog.sources.bson.file import BsonFile
from catalog.sources.opening import open_source
from catalog.sources.source import Source


def open_indexed(
    source: Source | str | Path, progress: Progress | None = None, n_workers: int | None = None
) -> Catalog:
    """A catalogue whose index and MD5s lie in their sidecars; what is missing is made by `n_workers` processes.

    Raises:
        FileNotFoundError: nothing lies there.
        ValueError: not one usable product in it.
    """
    source = open_source(source) if isinstance(source, str | Path) else source
    n_workers = n_workers or n_cores()
    if isinstance(source, BsonFile):
        stamp = source.stamp()
        md5s = read_sidecar(source.sidecar(".md5"), stamp, MD5)
        if md5s is None or KeptIndex.read(source, stamp) is None:
            KeptIndex.keep(source, stamp, source.index(progress, with_md5s=True, n_workers=n_workers))
    catalog = Catalog(source, progress)
    catalog.md5s(progress, n_workers)
    return catalog
