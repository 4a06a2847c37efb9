"""Zips of strangers."""

from __future__ import annotations

import contextlib
import io
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rayonnage.web.jobs.archive import ArchiveRefused, unpack
from rayonnage.web.jobs.limits import JobLimits

LIMITS = JobLimits(job_bytes=2**20, files=50, depth=3)


def zipped(folder: Path, *entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    path = folder / "upload.zip"
    with zipfile.ZipFile(path, "w", method) as packed:
        for name, data in entries:
            packed.writestr(name, data)
    return path


def entry(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def test_files_lie_where_the_zip_has_them(tmp_path: Path):
    packed = zipped(
        tmp_path, ("a/1/1.jpg", b"one"), ("a\\2\\1.jpg", b"two"), ("./a/3.jpg", b"three"), ("__MACOSX/._1.jpg", b"no"),
        (".hidden/1.jpg", b"no"), ("b/", b""),
    )  # fmt: skip
    assert unpack(packed, tmp_path / "to", LIMITS) == 11
    files = {str(path.relative_to(tmp_path / "to")) for path in (tmp_path / "to").rglob("*") if path.is_file()}
    assert files == {"a/1/1.jpg", "a/2/1.jpg", "a/3.jpg"}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../out.jpg", "leads out"), ("a/../../out.jpg", "leads out"), ("/etc/passwd", "leads out"),
        ("..\\out.jpg", "leads out"), ("C:\\out.jpg", "leads out"), ("\\\\server\\out.jpg", "leads out"),
        ("a/b/c/d/e.jpg", "folders deep"), ("a" * 300 + ".jpg", "255 bytes"),
        (entry("link.jpg", stat.S_IFLNK | 0o777), "symbolic link"), (entry("pipe", stat.S_IFIFO), "neither a file"),
    ],
)  # fmt: skip
def test_entries_that_lead_elsewhere(tmp_path: Path, name: str | zipfile.ZipInfo, why: str):
    packed = zipped(tmp_path, ("fine.jpg", b"fine"), (name, b"/etc/passwd"))
    with pytest.raises(ArchiveRefused, match=why):
        unpack(packed, tmp_path / "to", LIMITS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["upload.zip"]


def test_bombs(tmp_path: Path):
    with pytest.raises(ArchiveRefused, match="60 entries"):
        unpack(zipped(tmp_path, *((f"{n}.jpg", b"x") for n in range(60))), tmp_path / "to", LIMITS)
    with pytest.raises(ArchiveRefused, match=r"unpacks to 3.0 MB, at most 2.1 MB"):
        unpack(zipped(tmp_path, ("zeros", bytes(3_000_000))), tmp_path / "to", LIMITS)
    with pytest.raises(ArchiveRefused, match="do not shrink"):
        unpack(zipped(tmp_path, ("zeros", bytes(80 * 2**20))), tmp_path / "to", JobLimits(job_bytes=2**30))
    with pytest.raises(ArchiveRefused, match="holds nothing"):
        unpack(zipped(tmp_path, ("a/", b"")), tmp_path / "to", LIMITS)
    with pytest.raises(ArchiveRefused, match="a file and a folder"):
        unpack(zipped(tmp_path, ("a", b"x"), ("a/b.jpg", b"x")), tmp_path / "to", LIMITS)
    with pytest.raises(ArchiveRefused, match="deflate"):
        unpack(zipped(tmp_path, ("a.jpg", b"x"), method=zipfile.ZIP_LZMA), tmp_path / "to", LIMITS)


def test_an_entry_that_says_less_than_it_holds(tmp_path: Path):
    packed = zipped(tmp_path, ("a.jpg", bytes(100_000)))
    # the size of the one file, in its own header and in the list at the end
    packed.write_bytes(packed.read_bytes().replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(ArchiveRefused, match="damaged"):
        unpack(packed, tmp_path / "to", LIMITS)
    assert not (tmp_path / "to").exists()


def test_an_entry_without_a_name(tmp_path: Path):
    packed = zipped(tmp_path, ("a", b"x"))
    data = bytearray(packed.read_bytes())
    # in the list at the end, the one letter of the name counts as what may come behind a name
    lengths = data.index(b"PK\x01\x02") + 28
    data[lengths : lengths + 4] = b"\x00\x00\x01\x00"
    packed.write_bytes(data)
    with pytest.raises(ArchiveRefused, match="damaged"):
        unpack(packed, tmp_path / "to", LIMITS)


def test_encrypted(tmp_path: Path):
    packed = zipped(tmp_path, ("a.jpg", b"x"), method=zipfile.ZIP_STORED)
    data = bytearray(packed.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    packed.write_bytes(data)
    with pytest.raises(ArchiveRefused, match="without a password"):
        unpack(packed, tmp_path / "to", LIMITS)


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_unpacked_or_refused(tmp_path: Path, data: st.DataObject):
    """A zip with some bytes changed: nothing but the refusal comes out, and nothing lies outside of its folder."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in ("a/1.jpg", "a/2.jpg", "b.csv"):
            packed.writestr(name, name.encode() * 50)
    changed = bytearray(whole.getvalue())
    for _ in range(data.draw(st.integers(0, 6))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "upload.zip").write_bytes(changed)
    with contextlib.suppress(ArchiveRefused):
        unpack(tmp_path / "upload.zip", tmp_path / "to", LIMITS)
    assert {path.name for path in tmp_path.iterdir()} <= {"upload.zip", "to"}


def test_the_disk_keeps_its_room(tmp_path: Path):
    packed = zipped(tmp_path, ("p/1.jpg", b"x" * 1000))
    with pytest.raises(ArchiveRefused, match="no room"):
        unpack(packed, tmp_path / "to", replace(LIMITS, free_bytes=2**62))
    assert list(tmp_path.iterdir()) == [packed]


def test_a_directory_that_lies_about_its_place(tmp_path: Path):
    """Its entries then begin before the file, where nothing can be read."""
    packed = zipped(tmp_path, ("p/1.jpg", b"x"))
    data = packed.read_bytes()
    place = int.from_bytes(data[-6:-2], "little")
    packed.write_bytes(data[:-6] + (place + 9).to_bytes(4, "little") + data[-2:])
    with pytest.raises(ArchiveRefused, match="damaged"):
        unpack(packed, tmp_path / "to", LIMITS)
