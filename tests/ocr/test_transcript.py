import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr.transcript import MAX_WORD_LENGTH, MAX_WORDS, Transcript, Word, bounded

BOX = (1.0, 2.0, 30.5, 12.0)
# from_json must turn any JSON value into a transcript or a ValueError
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(["words", "text", "confidence", "box", "line", "x"]), inner, max_size=5)
    ),
    max_leaves=20,
)


def test_text_keeps_lines():
    words = (Word("Les", 0.9, BOX, 0), Word("Misérables", 0.8, BOX, 0), Word("Hugo", 1.0, BOX, 1))
    assert Transcript(words).text == "Les Misérables\nHugo"
    assert Transcript().text == ""


@given(
    st.lists(
        st.builds(
            Word,
            st.from_regex(r"\A[^\s\x1c-\x1f\x85]{1,10}\Z").filter(lambda text: text.split() == [text]),
            st.integers(0, 10_000).map(lambda n: n / 10_000),
            st.tuples(*[st.integers(-10, 4000).map(lambda n: n / 2)] * 4),
            st.integers(0, 50),
        ),
        max_size=6,
    )
)
def test_json_round_trip(words):
    transcript = Transcript(tuple(words))
    assert Transcript.from_json(json.loads(json.dumps(transcript.to_json()))) == transcript


@given(JSON)
def test_any_json_is_a_transcript_or_refused(value):
    with contextlib.suppress(ValueError):
        assert isinstance(Transcript.from_json(value), Transcript)


def word(**changes):
    return {"words": [{"text": "a", "confidence": 0.5, "box": [0, 0, 1, 1], "line": 0} | changes]}


@pytest.mark.parametrize(
    "value",
    [
        {"words": [{}] * (MAX_WORDS + 1)},
        word(text="a" * (MAX_WORD_LENGTH + 1)),
        word(text="a b"),
        word(text=""),
        word(confidence=1.5),
        word(confidence=float("nan")),
        word(confidence=True),
        word(box=[0, 0, 1]),
        word(box=[0, 0, 1, float("inf")]),
        word(line=-1),
        word(line=0.0),
        word() | {"more": 1},
        word(box=[10**400, 0, 1, 1]),
    ],
)
def test_out_of_bounds_is_refused(value):
    with pytest.raises(ValueError):
        Transcript.from_json(value)


def test_too_many_words_are_cut():
    assert len(bounded([Word("a", 1.0, BOX)] * (MAX_WORDS + 5)).words) == MAX_WORDS


def test_boxes_grow_with_the_picture():
    words = (Word("Les", 0.9, BOX, 0), Word("Hugo", 1.0, BOX, 1))
    assert Transcript(words).enlarged(2.0).words == (
        Word("Les", 0.9, (2.0, 4.0, 61.0, 24.0), 0),
        Word("Hugo", 1.0, (2.0, 4.0, 61.0, 24.0), 1),
    )
