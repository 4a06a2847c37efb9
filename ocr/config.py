"""Configuration of the text branch; the defaults stand in `configs/ocr.yaml`."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from catalog.runs.config import StrictConfig
from text.config import TextConfig

Language = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z_]{1,30}$")]


class EngineConfig(StrictConfig):
    """Which program reads photos, and how. `auto` takes what was measured best for that engine."""

    name: Literal["rapidocr", "tesseract"]
    """`rapidocr` reads far better on small photos, and is as fast; `tesseract` needs no networks."""
    languages: list[Language] = Field(min_length=1)
    """Tesseract's language codes (`deu`; `de` is understood); those that are not installed are left out. RapidOCR reads
    Latin letters, Chinese and Japanese characters whatever stands here."""
    page_mode: int = Field(ge=3, le=13)
    """Tesseract's page segmentation mode; 11 looks for sparse text."""
    enlarge: float | Literal["auto"]
    """Photos are enlarged by this factor before reading; auto: 2 for rapidocr, 3 for tesseract."""
    detection_side: int = Field(ge=64, le=2048)
    """RapidOCR looks for text on a copy whose longer side has this many pixels; smaller is faster."""
    min_confidence: float | Literal["auto"]
    """Words under this confidence, in [0, 1], are dropped; auto: 0.7 for rapidocr, 0.6 for tesseract."""
    backend: Literal["auto", "openvino", "onnxruntime", "cuda"]
    """What runs RapidOCR's networks; auto: openvino, also beside a GPU, which has not been measured against all cores;
    cuda needs `onnxruntime-gpu` instead of `onnxruntime`, and does not start where the GPU would not be used."""
    threads: int | Literal["auto"]
    """Photos read at the same time, each in a process of its own; auto: one per processor core, two with cuda."""
    time_limit_s: float = Field(gt=0, le=3600)
    """Seconds a single photo may take before it is given up and named; what the cache knows is not read again."""

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        if self.enlarge != "auto" and not 0.1 <= self.enlarge <= 8:
            raise ValueError(f"enlarge: {self.enlarge} is not in 0.1..8")
        if self.min_confidence != "auto" and not 0 <= self.min_confidence <= 1:
            raise ValueError(f"min_confidence: {self.min_confidence} is not in 0..1")
        if self.threads != "auto" and not 1 <= self.threads <= 1024:
            raise ValueError(f"threads: {self.threads} is not in 1..1024")
        return self


class OcrConfig(StrictConfig):
    """The text branch."""

    # what photos may cost is one setting for all commands now: RAYONNAGE_MAX_PHOTO_MIB (`catalog.photos.limits`)
    retired: ClassVar = {"max_pixels": 50_000_000}
    # run folders of before categories could be chosen name theirs: no sample was read
    added: ClassVar = {"sample_photos": 1000, "min_gain": 1.0}

    engine: EngineConfig
    """What reads photos."""
    text: TextConfig
    """What tells the leaf from the words."""
    shelves: Annotated[list[str], Field(min_length=1)] | Literal["auto"]
    """Categories whose products carry text worth reading: exact paths, `MUSIQUE` or `MUSIQUE > CD`; those that a tree
    lacks are passed over. auto: those Cat I of which a sample that is read shows that it pays."""
    sample_photos: int = Field(ge=100, le=100_000)
    """With `shelves: auto`, photos that are read of each Cat I at most to find out; 50,000 of all together."""
    min_gain: float = Field(ge=0, le=100)
    """With `shelves: auto`, a Cat I is read where more than so many of its products come right for every 100 photos
    read, at the lower end of the 95 % interval on held-out products."""
    route_threshold: Annotated[float, Field(ge=0, le=1)] | Literal["auto"]
    """A product is read when the photo branch gives these categories together at least this probability; auto: chosen
    from the curve of accuracy against photos read, on held-out products (`ocr.route`)."""
    batch_size: int = Field(ge=1)
    """Photos read between two writes of the transcript cache, fewer where they are large: what a kill can lose."""

    @property
    def categories(self) -> list[str]:
        """The shelves by name; raises ValueError where they are still to be chosen (`ocr.shelves`)."""
        if isinstance(self.shelves, str):
            raise ValueError("shelves is auto: `ocr train` chooses them and keeps their names with the run")
        return self.shelves
