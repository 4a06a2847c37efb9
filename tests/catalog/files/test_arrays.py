"""Arrays in one file: they come back as they were, and a file that holds others is refused by name."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from catalog.files.arrays import ArraySpec, load_arrays, load_metadata, mapped_array, save_arrays

EXPECTED = {
    "ids": ArraySpec(np.int64, ("N",)),
    "values": ArraySpec(np.float32, ("N", 2), finite=True),
    "own": ArraySpec(np.bool_, (3,)),
}
GOOD = {"ids": np.arange(4), "values": np.ones((4, 2), np.float32), "own": np.array([True, False, True])}


def load(path):
    return load_arrays(path, EXPECTED, what="figures", remedy="run `it` again")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_saved_comes_back_also_from_views(tmp_path, data):
    dtype = data.draw(st.sampled_from([np.int8, np.int64, np.uint64, np.float32, np.float64, np.bool_]))
    array = data.draw(arrays(dtype, array_shapes(max_dims=3, max_side=4))).T
    save_arrays(tmp_path / "a", {"a": array}, metadata={"of": "a test"})
    back = load_arrays(tmp_path / "a", {"a": ArraySpec(dtype, array.shape)}, what="test")["a"]
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    assert load_metadata(tmp_path / "a") == {"of": "a test"}


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), min_size=1, max_size=6))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_the_same_is_written_as_the_same_bytes(tmp_path, metadata):
    for name in ("a", "b"):
        save_arrays(tmp_path / name, GOOD, metadata=metadata)
        assert load_metadata(tmp_path / name) == metadata
        metadata = dict(reversed(metadata.items()))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert load(tmp_path / "a").keys() == GOOD.keys()


def test_a_letter_is_one_length(tmp_path):
    save_arrays(tmp_path / "a", GOOD)
    assert load(tmp_path / "a").keys() == GOOD.keys()
    assert load_metadata(tmp_path / "a") == {}
    save_arrays(tmp_path / "a", {**GOOD, "ids": np.arange(5)})
    with pytest.raises(ValueError, match=r"a is damaged: values is F32 \(4, 2\), expected F32 \(5, 2\): run `it`"):
        load(tmp_path / "a")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ids": np.arange(4, dtype=np.int32)}, r"ids is I32 \(4,\), expected I64 \(4,\)"),
        ({"values": np.ones((4, 2))}, "values is F64"),
        ({"values": np.ones((4, 3), np.float32)}, r"values is F32 \(4, 3\), expected F32 \(4, 2\)"),
        ({"values": np.ones(4, np.float32)}, r"values is F32 \(4,\), expected F32 \('N', 2\)"),
        ({"own": np.ones(2, bool)}, r"own is BOOL \(2,\), expected BOOL \(3,\)"),
        ({"values": np.full((4, 2), np.nan, np.float32)}, "values holds values that are no numbers"),
        ({"more": np.ones(1)}, "holds no figures .expected ids, values, own; it holds ids, more, own, values"),
    ],
)
def test_other_arrays_are_refused_with_what_was_expected(tmp_path, changes, reason):
    save_arrays(tmp_path / "a", {**GOOD, **changes})
    with pytest.raises(ValueError, match=f"{reason}.*: run `it` again"):
        load(tmp_path / "a")


def test_a_file_that_is_missing_or_something_else_is_refused(tmp_path):
    save_arrays(tmp_path / "cut", GOOD)
    (tmp_path / "cut").write_bytes((tmp_path / "cut").read_bytes()[:-3])
    (tmp_path / "pickle").write_bytes(b"\x80\x04cos\nsystem\n")
    save_arrays(tmp_path / "empty", {})
    for name in "cut", "pickle", "empty", "absent":
        with pytest.raises(ValueError, match=f"{name} holds no figures .*: run `it` again"):
            load(tmp_path / name)


def test_a_mapped_array_is_what_was_written_or_named(tmp_path):
    path = tmp_path / "rows.npy"
    for rows in (np.arange(12, dtype=np.int64).reshape(4, 3), np.zeros((0, 3), np.int64)):
        np.save(path, rows)
        np.testing.assert_array_equal(mapped_array(path, np.int64, rows.shape, "make it anew"), rows)
        with pytest.raises(ValueError, match=r"rows\.npy is damaged: expected int64 \(2, 3\), got .*: make it anew"):
            mapped_array(path, np.int64, (2, 3), "make it anew")
    np.save(path, np.array([{}], object))
    with pytest.raises(ValueError, match=r"rows\.npy is missing, cut off or damaged .*: make it anew"):
        mapped_array(path, np.int64, None, "make it anew")


@pytest.mark.filterwarnings("ignore")
def test_no_byte_of_a_mapped_arrays_head_ends_in_another_error(tmp_path):
    path = tmp_path / "rows.npy"
    np.save(path, np.arange(300, dtype=np.int64))
    whole = path.read_bytes()
    for place in range(128):
        for byte in (whole[place] ^ 1, whole[place] ^ 8, *b"(9,'{"):
            path.write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
            with suppress(ValueError):
                mapped_array(path, np.int64, (300,), "make it anew")
