"""Texts beside an index: kept to the letter, replaced, compacted, and named where they are damaged."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.files import atomic
from search.ranking import text_store
from search.ranking.search_text import NOTHING_WRITTEN, SearchText
from search.ranking.text_store import TextStore
from tests.support.letter_encoder import LetterEncoder


def ids(*numbers: int):
    return np.array(numbers, np.int64)


def texts(*titles: str) -> list[SearchText]:
    return [SearchText(title) for title in titles]


def opened(folder) -> TextStore:
    return TextStore.open(folder, LetterEncoder)


@settings(max_examples=40)
@given(
    st.lists(
        st.one_of(
            st.dictionaries(st.integers(-3, 6), st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=5),
            st.sets(st.integers(-3, 6)),
        ),
        max_size=6,
    )
)
def test_as_a_dictionary_keeps_them(tmp_path_factory, steps):
    """A dictionary is added, a set is what compaction keeps."""
    folder = tmp_path_factory.mktemp("store") / "texts"
    store, slow = TextStore.create(folder, LetterEncoder("letters")), {}
    for step in steps:
        if isinstance(step, dict):
            new = {one: SearchText.from_line(SearchText(*pair).to_line()) for one, pair in step.items()}
            store.add(ids(*step), [SearchText(*pair) for pair in step.values()])
            slow |= new
        else:
            store.compact(ids(*step))
            slow = {one: text for one, text in slow.items() if one in step}
    everyone = np.arange(-4, 8)
    expected = [slow.get(one, NOTHING_WRITTEN) for one in everyone.tolist()]
    vectors = np.array([LetterEncoder("letters").one(text.words) for text in expected])
    for one in (store, opened(folder)):
        assert one.segments.texts(everyone) == expected
        assert one.segments.vectors(everyone) == pytest.approx(vectors, abs=1e-3)


def test_what_is_there_to_the_letter_is_not_encoded_again(tmp_path, monkeypatch):
    monkeypatch.setattr(text_store, "SEGMENT", 2)
    encoder = LetterEncoder("letters")
    store = TextStore.create(tmp_path / "texts", encoder)
    assert store.add(ids(1, 2, 3), texts("a", "b", "c")) == 3
    assert store.add(ids(1, 2, 3, 4), texts("a", "bb", "c", "")) == 1
    assert encoder.asked == ["a", "b", "c", "bb"]
    assert len(store.segments.segments) == 3
    store.compact(ids(1, 2, 3))
    assert len(encoder.asked) == 4
    assert len(opened(tmp_path / "texts").segments.segments) == 2
    assert store.segments.words.n_texts == 3


def test_a_kill_while_adding_loses_what_was_being_written_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(text_store, "SEGMENT", 1)
    store = TextStore.create(tmp_path / "texts", LetterEncoder("letters"))
    written = []

    def killed(some):
        written.append(some)
        if len(written) == 2:
            raise KeyboardInterrupt
        return LetterEncoder("letters").vectors(some)

    monkeypatch.setattr(store.encoder, "vectors", killed)
    with pytest.raises(KeyboardInterrupt):
        store.add(ids(1, 2, 3), texts("a", "b", "c"))
    again = opened(tmp_path / "texts")
    assert again.segments.texts(ids(1, 2)) == texts("a", "")
    assert again.add(ids(1, 2, 3), texts("a", "b", "c")) == 2


def test_a_compaction_killed_between_its_renames_leaves_the_old_store(tmp_path, monkeypatch):
    store = TextStore.create(tmp_path / "texts", None)
    store.add(ids(1), texts("a"))
    renames = []

    def killed(source, target):
        renames.append(source)
        if len(renames) == 2:
            raise KeyboardInterrupt
        os.rename(source, target)

    # heads are files of their own, whose renames come before the folder's
    monkeypatch.setattr(text_store, "_write_head", lambda *_: None)
    with monkeypatch.context() as patched:
        patched.setattr(atomic.os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            store.compact(ids())
    left = next(path for path in tmp_path.iterdir() if path.name.endswith(atomic.ASIDE))
    # its process is gone
    left.rename(tmp_path / ".texts.999999999.replaced.tmp")
    assert opened(tmp_path / "texts").segments.texts(ids(1)) == texts("a")


def test_another_process_has_added_meanwhile(tmp_path):
    here = TextStore.create(tmp_path / "texts", None)
    there = TextStore.open(tmp_path / "texts")
    there.add(ids(1), texts("a"))
    here.add(ids(2), texts("b"))
    assert here.segments.texts(ids(1, 2)) == texts("a", "b")
    here.compact(ids(1, 2))
    there.add(ids(3), texts("c"))
    assert there.segments.texts(ids(1, 2, 3)) == texts("a", "b", "c")


def test_without_an_encoder_there_are_words_alone(tmp_path):
    TextStore.create(tmp_path / "texts", None).add(ids(5), texts("mug"))
    store = TextStore.open(tmp_path / "texts")
    assert store.encoder is None
    assert store.segments.vectors(ids(5)).shape == (1, 0)


@pytest.mark.parametrize(("numbers", "given"), [([1, 1], ["a", "b"]), ([1], ["a", "b"])])
def test_each_product_once_with_one_text(tmp_path, numbers, given):
    store = TextStore.create(tmp_path / "texts", None)
    with pytest.raises(ValueError, match="each once"):
        store.add(ids(*numbers), texts(*given))


def test_no_store_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="no texts of products"):
        TextStore.open(tmp_path)


def truncate(path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def swap_ids(path) -> None:
    np.save(path, np.load(path)[::-1])


def other_format(path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": "something else"}))


def pickled(path) -> None:
    np.save(path, np.array([object()]), allow_pickle=True)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("texts.json", other_format),
        ("texts.json", truncate),
        ("000001/segment.json", other_format),
        ("000001/segment.json", truncate),
        ("000001/segment.json", os.unlink),
        ("000001/product_ids.npy", truncate),
        ("000001/product_ids.npy", swap_ids),
        ("000001/product_ids.npy", pickled),
        ("000001/start.npy", swap_ids),
        ("000001/texts.npy", truncate),
        ("000001/texts.npy", os.unlink),
        ("000001/vectors.npy", truncate),
        ("000001/terms.safetensors", truncate),
    ],
)
def test_damaged_files_are_named(tmp_path, name, damage):
    TextStore.create(tmp_path / "texts", LetterEncoder("letters")).add(ids(1, 2), texts("a", "b"))
    path = tmp_path / "texts" / name
    truncated_head = name == "texts.json" and damage is truncate
    damage(path)
    if truncated_head:
        # its last byte is a line break
        truncate(path)
    with pytest.raises(ValueError, match=path.name.replace(".", r"\.")):
        opened(tmp_path / "texts")
