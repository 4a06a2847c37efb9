"""What `ocr read` writes of a catalogue: a JSON line per product, under the shop's own id."""

from __future__ import annotations

import json

import pytest

from catalog.catalog import Catalog
from catalog.product import ProblemLog
from ocr.commands import failures_text, write_readings
from ocr.transcript import OcrFailure, Transcript, Word
from tests.support.products import make_product


class Letters:
    """Reads a word on every photo but the first."""

    def read(self, encoded):
        first, *others = encoded
        word = Word("MUG", 0.9, (0.0, 0.0, 1.0, 1.0), 0)
        return {first: OcrFailure("too blurred")} | dict.fromkeys(others, Transcript((word,)))


@pytest.mark.parametrize("ids", [(1, 2, 3), ("=1+1", "007", 7), ("caf\u00e9", "\N{BALLOON}", '"<b>\\')])
def test_lines_have_the_ids_to_the_letter(write_bson, tmp_path, ids):
    catalog = Catalog(write_bson(*({**make_product(i), "_id": one} for i, one in enumerate(ids))))
    output, problems = tmp_path / "lines.jsonl", ProblemLog()
    assert write_readings(catalog, Letters(), output, problems) == 2
    lines = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert [line["product_id"] for line in lines] == list(ids)
    assert [line["text"] for line in lines] == ["", "MUG", "MUG"]
    assert f"product {ids[0]}, photo 1: too blurred" in failures_text(problems)
