"""What is taken as a photo on a command line."""

import os
import re
from pathlib import Path

import pytest

from catalog.photos.formats import PhotoFormat
from catalog.sources.photo_file import (
    first_bytes,
    formats_text,
    is_named_as_photo,
    is_photo,
    photo_files,
    without_photo_ending,
)
from tests.support.products import make_photo


@pytest.mark.parametrize("name", ["1.jpg", "1.JFIF", "1.jpe", "1.pjpeg", "cam.mpo", "1.avif", "1.heic", "1.jpg.webp"])
def test_a_photos_ending_is_enough(tmp_path, name):
    (tmp_path / name).write_bytes(b"what it holds is told when it is decoded")
    assert is_named_as_photo(name.encode())
    assert is_photo(tmp_path / name)


@pytest.mark.parametrize("name", ["photo", "1.jpg!d", "image.php", "notes.txt", "1.5"])
@pytest.mark.parametrize("kind", ["JPEG", "AVIF"])
def test_the_first_bytes_are_enough(tmp_path, name, kind):
    path = tmp_path / name
    path.write_bytes(make_photo(1, kind=kind))
    assert not is_named_as_photo(name.encode())
    assert is_photo(path)
    path.write_bytes(b"%PDF-1.7 and more")
    assert not is_photo(path)


def test_what_is_no_file_is_no_photo(tmp_path):
    (tmp_path / "shop.jpg").mkdir()
    (tmp_path / "shop").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert not any(is_photo(tmp_path / name) for name in ("shop.jpg", "shop", "pipe", "absent"))
    # nobody writes into the pipe: it is not waited for
    assert first_bytes(tmp_path / "pipe") == b""


@pytest.mark.parametrize("name", ["train.bson", "train.csv", "train.parquet"])
def test_a_catalogue_is_one_whatever_its_first_bytes(tmp_path, name):
    # the length of a first document of 2,771,273 bytes
    (tmp_path / name).write_bytes(b"II*\0\x10_id\0")
    assert not is_photo(tmp_path / name)
    assert photo_files([tmp_path / name]) is None


def test_photos_are_not_mixed_with_anything_else(tmp_path):
    photos = [tmp_path / "a.jpg", tmp_path / "b"]
    for number, path in enumerate(photos):
        path.write_bytes(make_photo(number))
    (tmp_path / "notes").write_bytes(b"%PDF-1.7")
    (tmp_path / "train.bson").write_bytes(b"")
    (tmp_path / "text").write_bytes(b"text")
    (tmp_path / "shop").mkdir()
    assert photo_files(photos) == photos
    for others in (["train.bson"], ["shop", "notes"], ["absent"]):
        assert photo_files([tmp_path / other for other in others]) is None
    assert photo_files(["mongodb://localhost/shop.products"]) is None
    for other, why in (
        (tmp_path / "notes", f"{tmp_path}/notes is no photo, but a PDF document: give photos alone, or one catalogue"),
        (tmp_path / "text", f"{tmp_path}/text is no photo: give photos alone"),
        (tmp_path / "shop", f"{tmp_path}/shop is no photo: give photos alone"),
        ("mongodb://user:secret@localhost/shop.products", "mongodb://localhost/shop.products is no photo: give photos"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(why)}"):
            photo_files([*photos, other])


@pytest.mark.parametrize(
    ("name", "root"),
    [
        (b"12.jpg", b"12"),
        (b"12.JPG!d", b"12"),
        (b"12.jpg.webp", b"12.jpg"),
        (b"bottle 1.5 l", b"bottle 1.5 l"),
        (b"photo", b"photo"),
    ],
)
def test_an_unknown_ending_is_a_part_of_the_name(name, root):
    assert without_photo_ending(name) == root


def test_messages_name_every_format():
    assert formats_text() == "JPEG, PNG, WEBP, GIF, AVIF, BMP, TIFF, HEIC"
    assert {PhotoFormat(name) for name in formats_text().split(", ")} == set(PhotoFormat)


def test_first_bytes_of_what_is_not_there(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        first_bytes(tmp_path / "absent")
