"""Which sentence encoder, if any, tells what the titles of a catalogue mean."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.product_text import parted
from fusion.config import FusionConfig
from text.encoders import EncoderMissing
from text.title_encoder import TitleEncoder

AUTO = "use"
"""The best per second, see bench/sentence_encoders.py."""


def encoder_for(texts: Iterable[str], config: FusionConfig) -> tuple[TitleEncoder | None, str]:
    """The encoder for the labelled products' texts (`Product.text`); or None, and why, for people, where one is wanted.

    Raises:
        EncoderMissing: the one that is named is not installed.
    """
    name = config.title_encoder
    if name is None:
        return None, ""
    if _has_more_titles(texts, config.encoded_titles):
        return None, (
            f"more than {config.encoded_titles:,} different titles: their words alone tell the category, without the "
            "sentence encoder; --set encoded_titles=NUMBER lets it read more, some hundred in a second"
        )
    try:
        # fits on parts of a catalogue share most titles
        return TitleEncoder(AUTO if name == "auto" else name, remember=True), ""
    except EncoderMissing as missing:
        if name != "auto":
            raise
        return None, f"titles are told by their words alone: {missing}"


def _has_more_titles(texts: Iterable[str], limit: int) -> bool:
    titles: set[str] = set()
    for text in texts:
        title, description = parted(text)
        titles.update(filter(None, [title or description]))
        if len(titles) > limit:
            return True
    return False
