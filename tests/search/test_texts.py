"""Titles and words on photos as the second channel of `rayonnage search`: kept where it finds more."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import bson
import numpy as np
import pytest
from PIL import Image

from catalog.catalog import Catalog
from catalog.product import ProblemKind, ProblemLog
from catalog.runs.config import load_config
from catalog.runs.run import Run
from catalog.runs.workspace import Workspace
from ocr.config import OcrConfig
from ocr.transcript import PhotoReading
from search.cli import main
from search.indexing.photo_words import photo_words
from tests.support.command_line import call, invoke, refused
from tests.support.products import TREE
from tests.support.readable_shop import UNREADABLE, NumberEngine
from text.title_encoder import TitleEncoder

TITLES = [
    f"{kind} {colour} {model}"
    for kind in ("lamp", "mug", "chair", "kettle", "novel", "drum", "scarf", "boots", "puzzle", "tent")
    for colour in ("red", "blue")
    for model in ("a1", "b2")
]


class CornerEngine(NumberEngine):
    """Reads what stands for the value of a photo's first pixel."""

    def read(self, photos: Sequence[np.ndarray]) -> list[PhotoReading]:
        self.n_read += len(photos)
        if self.stops_after is not None and self.n_read > self.stops_after:
            raise KeyboardInterrupt
        return [self._one(int(photo[0, 0, 0])) for photo in photos]


def noise(number: int, seed: int) -> bytes:
    """A PNG of which a network learns nothing, and an engine the words of a number."""
    pixels = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    pixels[0, 0] = number
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def readable(product_id: int, number: int, category_id: int = 11) -> dict:
    """A product of two photos with the words of a number on them."""
    photos = [{"picture": noise(number, 2 * product_id + one)} for one in range(2)]
    return {"_id": product_id, "category_id": category_id, "imgs": photos}


def write(path: Path, documents: list[dict]) -> None:
    path.write_bytes(b"".join(map(bson.encode, documents)))


def found(*arguments: object) -> list[tuple[int, float]]:
    """Ids and scores of the products that a command finds."""
    answer = json.loads(call(main, *arguments, "--json", "-"))
    return [(one["product_id"], one["score"]) for one in answer["products"]]


@pytest.fixture
def engine(monkeypatch) -> CornerEngine:
    """What photos are read by: number i carries title i."""
    engine = CornerEngine(dict(enumerate(TITLES)))
    monkeypatch.setattr("ocr.loading.make_engine", lambda config: engine)
    return engine


@pytest.fixture
def shop(tmp_path, monkeypatch, use_colours, engine) -> Path:
    """A folder to work in, with forty products of two photos: words tell them apart, pictures do not."""
    use_colours()
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "shop.bson", [readable(i, i) for i in range(len(TITLES))])
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "tree.csv").write_text(TREE, encoding="utf-8")
    (tmp_path / "new.png").write_bytes(noise(17, 9_999))
    return tmp_path


@pytest.mark.slow
def test_words_on_photos_find_a_product_that_pictures_do_not(shop, engine):
    said = call(main, "index", "shop.bson")
    assert "words" not in said
    assert "titles" not in said
    plain = found("query", "new.png", "-k", 3)
    said = invoke(main, "query", "new.png", "--read").stderr
    assert "what stands on photos is not compared: the index has learnt nothing of texts" in said
    assert engine.n_read == 0
    assert "its photos are not read: --overwrite makes it anew" in refused(main, "index", "shop.bson", "--read")
    said = call(main, "index", "shop.bson", "--read", "--overwrite")
    assert "words on photos, tried on 40 products of several photos: one photo and a part of the words find" in said
    assert "they are compared where a query has some" in said
    assert engine.n_read == 80
    assert found("query", "new.png", "--read", "-k", 1)[0][0] == 17
    assert f"read on the photos: {TITLES[17]}" in invoke(main, "query", "new.png", "--read").stderr
    assert engine.n_read == 81
    # a title is compared with what was read; who gives none is answered as before
    assert found("query", "new.png", "--title", TITLES[23], "-k", 1)[0][0] == 23
    assert found("query", "new.png", "-k", 3) == plain
    assert "numbers 1" in call(main, "info")
    # queries are read to measure what reading them finds
    write(shop / "asked.bson", [readable(200 + i, i) for i in range(3)])
    rows = [f"{200 + i},{i}" for i in range(3)]
    (shop / "truth.csv").write_text("\n".join(["query_product_id,match_product_id", *rows]), encoding="utf-8")
    evaluated = call(main, "evaluate", "asked.bson", "--truth", "truth.csv")
    assert evaluated.splitlines()[1].split()[:3] == ["all", "3", "100.0"]


@pytest.mark.slow
def test_what_is_taken_in_later_is_read_too(shop, engine):
    call(main, "index", "shop.bson", "--read")
    engine.texts[99] = "umbrella green"
    write(shop / "more.bson", [readable(90, 99), readable(91, UNREADABLE)])
    said = invoke(main, "add", "more.bson")
    assert f"2 x {ProblemKind.UNREAD_TEXT.value}" in said.stderr
    assert found("query", "new.png", "--title", "umbrella green", "-k", 1)[0][0] == 90
    n_read = engine.n_read
    call(main, "index", "shop.bson", "--read")
    call(main, "compact")
    assert engine.n_read == n_read
    assert found("query", "new.png", "--title", "umbrella green", "-k", 1)[0][0] == 90
    (shop / "mute.png").write_bytes(noise(UNREADABLE, 5))
    said = invoke(main, "query", "mute.png", "--read").stderr
    assert f"mute.png: {ProblemKind.UNREAD_TEXT.value}: engine stopped" in said
    assert "read on the photos: no words" in said


def test_reading_that_is_killed_is_gone_on_with(shop, engine, monkeypatch):
    monkeypatch.setattr("search.indexing.photo_words.CHUNK", 8)
    engine.stops_after = 40
    assert (
        "the same command continues where this one was" in invoke(main, "index", "shop.bson", "--read", code=1).stderr
    )
    assert not Path("runs/search").exists()
    # a disk that has lost what was begun
    begun = Path("runs/search.unfinished/texts/texts.json")
    begun.write_bytes(begun.read_bytes()[:9])
    n_kept, engine.n_read, engine.stops_after = 32, 0, None
    assert "they are compared" in call(main, "index", "shop.bson", "--read")
    assert engine.n_read == 80 - n_kept
    assert found("query", "new.png", "--read", "-k", 1)[0][0] == 17


@pytest.mark.slow
def test_texts_are_encoded_once_though_the_index_is_killed_later(shop, monkeypatch):
    write(shop / "shop.bson", [{**readable(i, 0), "title": title} for i, title in enumerate(TITLES)])
    encoded: list[int] = []
    vectors = TitleEncoder.vectors

    def counted(self, many):
        encoded.append(len(many))
        return vectors(self, many)

    monkeypatch.setattr(TitleEncoder, "vectors", counted)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("search.indexing.building.create_index", killed)
        invoke(main, "index", "shop.bson", code=1)
    assert max(encoded) == len(TITLES)
    encoded.clear()
    call(main, "index", "shop.bson")
    # those that ask, one by one
    assert max(encoded) == 1
    assert found("query", "new.png", "--title", TITLES[5], "-k", 1)[0][0] == 5


def test_texts_that_find_no_more_are_not_kept(shop):
    write(shop / "shop.bson", [{**readable(i, 0), "title": "lamp"} for i in range(len(TITLES))])
    said = call(main, "index", "shop.bson")
    assert "titles, tried on 40 products of several photos" in said
    assert "they are not compared" in said
    assert not Path("runs/search/texts").exists()
    assert "the title is not compared" in invoke(main, "query", "new.png", "--title", "lamp").stderr


def test_words_that_other_photos_do_not_repeat_are_not_kept(shop, engine):
    engine.texts |= {100 + i: f"{title} seen behind" for i, title in enumerate(reversed(TITLES))}
    documents = [
        {"_id": i, "category_id": 11, "imgs": [{"picture": noise(i, 2 * i)}, {"picture": noise(100 + i, 2 * i + 1)}]}
        for i in range(len(TITLES))
    ]
    write(shop / "shop.bson", documents)
    said = call(main, "index", "shop.bson", "--read")
    assert "words on photos, tried on 40 products" in said
    assert "they are not compared" in said


@pytest.mark.slow
def test_a_product_is_compared_by_its_own_text(shop):
    twins = [{**readable(100 + i, 0), "title": title} for i, title in enumerate(TITLES[:5])]
    write(shop / "shop.bson", [{**readable(i, 0), "title": title} for i, title in enumerate(TITLES)] + twins)
    call(main, "index", "shop.bson")
    assert [found("similar", i, "-k", 1)[0][0] for i in range(5)] == [100, 101, 102, 103, 104]


def test_only_categories_that_the_text_run_reads_are_read(shop, engine):
    documents = [readable(1, 1, 11), readable(2, 2, 21), {"_id": 3, "imgs": readable(3, 3)["imgs"]}]
    write(shop / "shop.bson", documents)
    catalog, room = Catalog(shop / "shop.bson"), Workspace(shop / "runs")
    everything = np.arange(3)
    with photo_words(room, wanted=False) as words:
        assert words is None
    with photo_words(room, wanted=True) as words:
        read = words.of_products(catalog, everything, ProblemLog())
        assert read == [[TITLES[i]] * 2 for i in (1, 2, 3)]
    tree = room.taxonomy()
    config = load_config(OcrConfig, "ocr", None, [f"shelves=['{tree.paths[tree.leaf_index(11)][0]}']"])
    run = Run.create(room.folder, "ocr", "ocr", plan="", data="", config=config.model_dump(), tree=tree)
    run.save()
    room.register(run)
    with photo_words(room, wanted=True) as words:
        read = words.of_products(catalog, everything[::-1], ProblemLog())
    # one without a label may be of any category
    assert [bool(one) for one in read] == [True, False, True]
