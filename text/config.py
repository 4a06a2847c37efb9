"""Configuration of the text model; the defaults stand in `configs/ocr.yaml`."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from catalog.runs.config import StrictConfig


class TextConfig(StrictConfig):
    """The text model: TF-IDF of words and character n-grams, vectors of sentence encoders, linear models on both."""

    # a word counted by how sure the engine was of it: within noise (bench/results/text_model.txt)
    retired: ClassVar = {"confidence_power": 3}

    word_ngrams: int = Field(ge=1, le=3)
    """Longest sequence of words that is a feature of its own."""
    character_ngrams: tuple[int, int]
    """Shortest and longest sequence of characters within a word; they see through reading errors."""
    max_word_features: int = Field(ge=100, le=2_000_000)
    """The most frequent word features are kept; bounds memory at features x leaves x 4 bytes."""
    max_character_features: int = Field(ge=100, le=2_000_000)
    """The most frequent character features are kept."""
    texts_per_leaf: int = Field(ge=2)
    """At most so many texts of a leaf are learnt from, drawn at random."""
    smoothing: float = Field(gt=0)
    """Additive smoothing of the complement naive Bayes model."""
    ridge: float = Field(gt=0)
    """L2 penalty of the ridge regression on leaf indicators."""
    encoders: list[Literal["use", "minilm", "e5"]] | Literal["auto"]
    """Sentence encoders whose vectors are features too; auto: those that are installed, `use` everywhere, `minilm` and
    `e5` with `rayonnage[encoder]`."""
    covariance_shrinkage: float = Field(gt=0, le=1)
    """How far the covariance of an encoder's vectors is drawn to a round one; see `text.scores.discriminant`."""
    folds: int = Field(ge=2, le=20)
    """Parts of the internal cross-validation that calibrates; identical texts stay together."""
    seed: int
    """Seed of everything random."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        shortest, longest = self.character_ngrams
        if not 1 <= shortest <= longest <= 8:
            raise ValueError(f"character_ngrams: {shortest}, {longest}: expected 1 <= shortest <= longest <= 8")
        if self.encoders != "auto" and len(set(self.encoders)) < len(self.encoders):
            raise ValueError(f"encoders: {', '.join(self.encoders)}: each at most once")
        return self
