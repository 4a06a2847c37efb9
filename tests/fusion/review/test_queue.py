"""review.csv: what brings most comes first, copies together, bounded; audit.csv: the same sample whatever the parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.files.answer_sheet import plain_cell
from fusion.review.audit import AuditSample, audit_keys
from fusion.review.queue import MAX_COPIES
from fusion.review.sheet import columns_of
from tests.support.predictions import predicted, read_rows, write_predictions

product = st.tuples(
    st.sampled_from(["accept", "parent", "review"]),
    st.integers(0, 12).map(lambda quarters: quarters / 4),
    st.lists(st.sampled_from("abc"), max_size=3),
)


def obvious_queue(rows: list[dict]) -> list[tuple[int, float, int]]:
    """(product_id, gain, copies) in the order in which they are to be asked, the slow way."""
    waiting = [row for row in rows if row["decision"] != "accept"]
    groups: list[list[dict]] = []
    for row in waiting:
        same = [g for g in groups if row["photos_md5"] and set(g[0]["photos_md5"]) == set(row["photos_md5"])]
        if same:
            same[0].append(row)
        else:
            groups.append([row])
    asked = []
    for group in groups:
        gains = [(row["product_id"], row["expected_distance"] * len(group), len(group)) for row in group]
        asked.append(sorted(gains, key=lambda g: -g[1]))
    return [g for group in sorted(asked, key=lambda group: -group[0][1]) for g in group]


@pytest.mark.slow
@settings(max_examples=60)
@given(st.lists(product, min_size=1, max_size=18), st.integers(0, 20))
def test_the_queue_is_what_the_obvious_way_gives(tmp_path_factory, products, review_rows):
    folder = tmp_path_factory.mktemp("queue")
    rows = [predicted(i, 1000, d, x, photos_md5=photos) for i, (d, x, photos) in enumerate(products)]
    written = write_predictions(folder, rows, review_rows=review_rows)
    expected = obvious_queue(rows)
    found = [(int(r["product_id"]), float(r["gain"]), int(r["copies"])) for r in read_rows(folder / "review.csv")]
    assert found == expected[:review_rows]
    assert (written.waiting, written.queued) == (len(expected), min(review_rows, len(expected)))
    accepted = {row["product_id"] for row in rows if row["decision"] == "accept"}
    assert {int(r["product_id"]) for r in read_rows(folder / "audit.csv")} == accepted


def test_a_photo_with_too_many_copies_settles_nothing(tmp_path):
    logo = [predicted(i, distance=0.5, photos_md5=["logo"]) for i in range(MAX_COPIES + 1)]
    pair = [predicted(100 + i, distance=0.5, photos_md5=["pair", "back"][:: 1 - 2 * i]) for i in range(2)]
    write_predictions(tmp_path, [*logo, *pair])
    rows = read_rows(tmp_path / "review.csv")
    assert [(r["product_id"], r["copies"], r["gain"]) for r in rows[:2]] == [
        ("100", "2", "1.0000"),
        ("101", "2", "1.0000"),
    ]
    assert {r["copies"] for r in rows[2:]} == {"1"}


def test_a_row_tells_what_a_reviewer_needs(tmp_path):
    text = '=HYPERLINK("http://x")\n second;line;=1+1'
    row = predicted(7, 1001, "parent", 0.75, given="BOOKS > FICTION", reason="photo, text", text_read=text)
    write_predictions(tmp_path, [row, predicted(8, 2000, "accept", 0.25)])
    raw = (tmp_path / "review.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf" + ",".join(columns_of(3)).encode() + b"\n")
    (found,) = read_rows(tmp_path / "review.csv")
    assert found == {
        "product_id": "7", "corrected_category_id": "", "suggested_category_id": "1001",
        "suggested": "BOOKS > FICTION > POETRY", "decision": "parent", "given": "BOOKS > FICTION", "gain": "0.7500",
        "copies": "1", "p_cat1": "0.7500", "p_cat2": "0.7500", "p_cat3": "0.7500",
        "alternatives": "1001: BOOKS > FICTION > POETRY (75 %) | 2000: KITCHEN > CUPS > MUG (25 %)",
        "reason": "photo, text", "text_read": "'=HYPERLINK(\"http://x\") second;line;'=1+1",
    }  # fmt: skip
    (audited,) = read_rows(tmp_path / "audit.csv")
    assert (audited["product_id"], audited["decision"], audited["corrected_category_id"]) == ("8", "accept", "")


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("=+-@;\t\n '\"")))
def test_no_cell_is_a_formula_whatever_separates_the_cells(text):
    cell = plain_cell(text)
    assert "\n" not in cell
    for part in [cell, *cell.split(";")]:
        assert not part.strip().startswith(tuple("=+-@"))
    # what is no formula keeps its words
    assert cell.replace("'", "").split() == text.replace("'", "").split()


def test_long_text_is_cut_visibly():
    assert plain_cell("word " * 5000).endswith("…")
    assert len(plain_cell("x" * 100_000)) == 8000


@settings(max_examples=50)
@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, max_size=60), st.integers(0, 20), st.integers(0, 2**31),
    st.lists(st.integers(0, 60), max_size=5),
)  # fmt: skip
def test_the_sample_does_not_depend_on_the_parts(ids, size, seed, cuts):
    ids = np.array(ids, np.int64)
    keys = audit_keys(ids, seed)
    assert len(set(keys.tolist())) == len(ids)
    sample = AuditSample(size, seed)
    for part in np.split(np.arange(len(ids)), sorted(cut for cut in cuts if cut <= len(ids))):
        sample.add(ids[part], part)
    assert sample.rows.tolist() == np.argsort(keys)[:size].tolist()
    if sample.limit is None:
        assert not len(sample.rows)
    else:
        assert set(np.flatnonzero(keys <= sample.limit)) == set(sample.rows.tolist())


def test_the_sample_is_fair():
    """Every tenth of the ids, and every seed, is drawn from alike (consecutive ids are the hard case)."""
    ids = np.arange(100_000, dtype=np.int64)
    counts = np.zeros(10)
    for seed in range(20):
        sample = AuditSample(1000, seed)
        sample.add(ids, ids)
        counts += np.bincount(sample.rows // 10_000, minlength=10)
    assert counts == pytest.approx(2000, abs=5 * np.sqrt(2000))
