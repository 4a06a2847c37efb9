"""What systems, shop servers and this program leave in folders of photos: nobody's products, so not looked into."""

SYSTEM_FOLDERS = frozenset(
    b"@eadir/@tmp/@recycle/@recently-snapshot/#recycle/#snapshot/__macosx/lost+found/$recycle.bin/recycler/"
    b"system volume information/network trash folder/temporary items".split(b"/")
)
"""Thumbnails, notes and bins of Synology, QNAP, macOS, Linux and Windows, in small letters; hidden ones besides."""
KEPT_BESIDE = (b".index", b".ids", b".manifest", b".md5", b".texts", b".layout", b".product_ids.csv")
"""Endings of the files that are kept, the last by earlier versions, beside a catalogue: a folder above holds them."""
OWN_MARK = b".rayonnage.json"
"""Hidden file in the folders that `catalog convert` writes."""


def is_systems(name: bytes, *, is_folder: bool) -> bool:
    """Whether a folder or file is the system's own, or hidden: `@eaDir`, `__MACOSX`, `._1.jpg`, `.thumbnails`."""
    return name.startswith(b".") or (is_folder and name.lower() in SYSTEM_FOLDERS)


def is_kept_beside(name: bytes) -> bool:
    """Whether a file is one that this program has left beside a catalogue."""
    return name.endswith(KEPT_BESIDE)
