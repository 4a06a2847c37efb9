"""Settings of former versions, which run folders still hold."""

import pytest

from catalog.runs.config import checked, load_config
from ocr.config import OcrConfig


def test_a_run_of_before_the_one_limit_of_photos_is_read():
    now = load_config(OcrConfig, "ocr")
    assert checked(OcrConfig, now.model_dump() | {"max_pixels": 50_000_000}, "run") == now
    with pytest.raises(ValueError, match=r"max_pixels: gone in this version; leave it out, or set it to 50000000"):
        load_config(OcrConfig, "ocr", overrides=["max_pixels=1000"])
