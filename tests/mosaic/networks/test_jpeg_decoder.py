"""JPEGs decoded on a device are the ordinary decoder's pictures, and the same is told of those that are not."""

from __future__ import annotations

import io
import logging
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from catalog.catalog import Catalog
from catalog.chunk import Chunk
from catalog.photos.batch import decode_in_threads
from catalog.photos.decode import header_for_device
from catalog.product import Product
from catalog.runs.config import load_config
from mosaic.config import MosaicConfig
from mosaic.inference import loading
from mosaic.networks import jpeg_decoder
from mosaic.networks.jpeg_decoder import MOST_FAILURES, JpegDecoder
from tests.support import forged_jpegs
from tests.support.photo_kinds import colours, photo_of
from tests.support.products import make_photo

pytestmark = pytest.mark.filterwarnings("ignore:The image decoding and encoding capabilities:DeprecationWarning")
CPU = torch.device("cpu")
SIDE = 40
ADOBE = 0xEE


def jpeg(
    size: tuple[int, int], mode: str = "RGB", sampling: int = 0, orientation: int = 1, seed: int = 0, **options: object
) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    picture = colours(size, seed).convert(mode)
    picture.save(out, "JPEG", subsampling=sampling, exif=exif, quality=90, **options)
    return out.getvalue()


@pytest.fixture
def asked(monkeypatch) -> list[bytes]:
    """The photos that the device is asked for."""
    photos: list[bytes] = []

    def recorded(some, device):
        photos.extend(some)
        return jpeg_decode(some, device)

    jpeg_decode = jpeg_decoder._decode
    monkeypatch.setattr(jpeg_decoder, "_decode", recorded)
    return photos


def same(ours: list[object], theirs: list[object]) -> bool:
    """Whether pictures are alike within a grey level on average, and errors and remarks equal."""
    for mine, other in zip(ours, theirs, strict=True):
        if isinstance(other, Exception):
            alike = str(mine) == str(other)
        else:
            alike = mine[1:] == other[1:] and mine.pixels.shape == other.pixels.shape
            alike = alike and np.abs(mine.pixels.astype(int) - other.pixels).mean() <= 1
        if not alike:
            return False
    return True


@settings(max_examples=30, deadline=None)
@given(
    st.tuples(st.integers(1, 150), st.integers(1, 150)), st.sampled_from(["RGB", "L"]), st.integers(0, 2),
    st.integers(1, 8), st.booleans(),
)  # fmt: skip
def test_sizes_samplings_and_orientations_give_the_ordinary_picture(size, mode, sampling, orientation, restarts):
    photo = jpeg(size, mode, sampling, orientation, restart_marker_blocks=3 * restarts)
    # grey of two blocks to a unit is read in two ways
    qualifies = max(size) < 4 * SIDE and (mode == "RGB" or sampling == 0)
    assert (header_for_device(photo, SIDE) is not None) == qualifies
    assert same(JpegDecoder(CPU)([photo], SIDE), decode_in_threads([photo], SIDE))


def test_only_what_every_decoder_takes_for_the_same_picture_is_asked_of_the_device(asked):
    rgb = jpeg((30, 20), "RGB")
    frame = rgb.index(b"\xff\xc0")
    adobe_rgb = forged_jpegs.with_segments(forged_jpegs.segment(ADOBE, b"Adobe\0\x64\0\0\0\0\0"), rgb)
    others = {
        "progressive": jpeg((30, 20), progressive=True),
        "CMYK": jpeg((30, 20), "CMYK"),
        "breaks off": rgb[: len(rgb) // 2],
        "without its end": rgb[:-2],
        "extended": rgb[: frame + 1] + b"\xc1" + rgb[frame + 2 :],
        "colours that are no YCbCr": adobe_rgb,
        "components of other names": rgb[: frame + 10] + b"\0" + rgb[frame + 11 :],
        "far larger than wanted": jpeg((4 * SIDE, 10)),
        "huge": forged_jpegs.huge(),
        "PNG": photo_of("PNG", "RGB", (30, 20)),
        "no photo": b"none",
        "nothing": b"",
    }
    ycbcr = forged_jpegs.with_segments(forged_jpegs.segment(ADOBE, b"Adobe\0\x64\0\0\0\0\1"), rgb)
    decoder = JpegDecoder(CPU)
    asked.clear()
    photos = [*others.values(), rgb, ycbcr]
    assert same(decoder(photos, SIDE), decode_in_threads(photos, SIDE))
    assert asked == [rgb, ycbcr]


def test_a_photo_that_the_device_refuses_is_the_ordinary_decoders(monkeypatch):
    photos = [make_photo(seed) for seed in range(5)]
    decode, given = jpeg_decoder._decode, []
    decoder = JpegDecoder(CPU)

    def refusing(some, device):
        if photos[3] in some:
            raise RuntimeError("Error while decoding JPEG images: Failed to get image info: 3")
        given.extend(some)
        return decode(some, device)

    monkeypatch.setattr(jpeg_decoder, "_decode", refusing)
    assert same(decoder(photos, 48), decode_in_threads(photos, 48))
    assert given == photos[:3] + photos[4:]


def test_a_device_whose_pictures_are_wrong_is_found_out_and_left(monkeypatch, caplog):
    calls = []

    def black(some, device):
        calls.append(len(some))
        return [torch.zeros(3, 48, 48, dtype=torch.uint8) for _ in some]

    decoder = JpegDecoder(CPU)
    monkeypatch.setattr(jpeg_decoder, "_decode", black)
    photos = [make_photo(seed) for seed in range(3)]
    for _ in range(MOST_FAILURES + 2):
        assert same(decoder(photos, 48), decode_in_threads(photos, 48))
    assert calls == [3] * MOST_FAILURES
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * MOST_FAILURES
    assert "and so are all that follow" in caplog.text


def test_a_device_that_gives_nothing_is_left(monkeypatch):
    decoder, calls = JpegDecoder(CPU), []

    def broken(some, device):
        calls.append(some)
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(jpeg_decoder, "_decode", broken)
    for _ in range(MOST_FAILURES + 2):
        assert same(decoder([make_photo(1)], 48), decode_in_threads([make_photo(1)], 48))
    assert len(calls) == MOST_FAILURES


def test_calls_are_bounded(monkeypatch, asked):
    monkeypatch.setattr(jpeg_decoder, "MAX_PHOTOS", 3)
    monkeypatch.setattr(jpeg_decoder, "MAX_PIXELS", 2 * 48 * 48)
    sizes = []
    decode = jpeg_decoder._decode
    monkeypatch.setattr(jpeg_decoder, "_decode", lambda some, device: sizes.append(len(some)) or decode(some, device))
    large, small = [make_photo(k) for k in range(3)], [make_photo(k, (16, 16)) for k in range(5)]
    huge = [make_photo(9, (90, 90))]
    photos = large + small + huge
    decoder = JpegDecoder(CPU)
    sizes.clear()
    assert same(decoder(photos, 90), decode_in_threads(photos, 90))
    assert sizes == [2, 3, 3, 1]


def test_a_chunk_tells_the_same_of_its_photos_whatever_decodes_them():
    good, other = make_photo(1), make_photo(2)
    products = [Product(1, (good, good[:300])), Product(2, (good, good[:-2], other, b"none")), Product(3, ())]
    ours, theirs = Chunk.of(products, 32, decoder=JpegDecoder(CPU)), Chunk.of(products, 32)
    assert ours.problems == theirs.problems
    assert len(ours.problems) == 3
    assert ours.readable == theirs.readable
    assert all((ours.pictures[md5] == picture).all() for md5, picture in theirs.pictures.items())


def test_real_photos_are_the_ordinary_decoders(shared_data):
    catalog = Catalog(shared_data / "cdiscount" / "train_example.bson")
    photos = [photo for product in catalog.take(np.arange(len(catalog))) for photo in product.images]
    assert all(header_for_device(photo, 180) is not None for photo in photos)
    assert same(JpegDecoder(CPU)(photos, 180), decode_in_threads(photos, 180))


def test_prediction_without_a_gpu_says_so_and_goes_on(monkeypatch, caplog):
    config = load_config(MosaicConfig, "mosaic", "debug")
    assert loading.photo_decoder(config) is decode_in_threads
    monkeypatch.setattr(loading, "has_gpu", lambda: False)
    loading._gpu_decoder.cache_clear()
    for _ in range(2):
        assert loading.photo_decoder(config.model_copy(update={"decode": "gpu"})) is decode_in_threads
    loading._gpu_decoder.cache_clear()
    assert caplog.messages == ["decode is gpu, and PyTorch finds no GPU here: photos are decoded on the CPU"]


def test_a_gpu_that_computes_is_not_waited_for_nor_its_memory_written_to(monkeypatch):
    """torchvision's writes without waiting (pytorch/vision#9606): its memory comes from a stream that is at rest."""
    events: list[str] = []

    class Stream:
        def synchronize(self):
            events.append("at rest")

        def wait_stream(self, other):
            assert other is own
            events.append("waited for")

    @contextmanager
    def entered(stream):
        assert stream is own
        events.append("in its stream")
        yield
        events.append("left")

    own, using, decode = Stream(), Stream(), jpeg_decoder._decode
    decoder = JpegDecoder(CPU)
    decoder._stream = own
    monkeypatch.setattr(torch.cuda, "stream", entered)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: using)
    monkeypatch.setattr(torch.Tensor, "record_stream", lambda _, stream: events.append(f"kept {stream is using}"))
    monkeypatch.setattr(jpeg_decoder, "_decode", lambda some, device: events.append("decoded") or decode(some, device))
    copied = torch.Tensor.cpu
    monkeypatch.setattr(torch.Tensor, "cpu", lambda tensor: events.append("copied") or copied(tensor))
    pictures = torch.zeros(2, 48, 48, 3, dtype=torch.uint8)
    decoder.fill(pictures, [1], [make_photo(1)], lambda photo: pytest.fail("the device decodes it"))
    assert events == ["in its stream", "at rest", "decoded", "copied", "left", "waited for", "kept True"]
    assert (pictures[1].numpy() == decode_in_threads([make_photo(1)], 48)[0].pixels).all()
