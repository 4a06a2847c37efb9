"""Configuration of the image branch; the defaults stand in `configs/mosaic.yaml`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from catalog.config import StrictConfig


class BackboneConfig(StrictConfig):
    """Which network looks at the strip."""

    name: str
    """Any timm name."""
    weights: str
    """`packaged` (tf_efficientnet_lite0 only), `timm` (timm's own, needs the network), `random`, or a local file
    (safetensors, or a state dict that torch reads with weights_only)."""
    dropout: float = Field(ge=0, lt=1)
    """Dropout before the linear head."""


class AugmentationConfig(StrictConfig):
    """What is done to every photo before it is set into the strip."""

    flip: bool
    """Mirror each photo with probability one half."""
    min_crop: float = Field(gt=0, le=1)
    """Smallest share of a photo's area that a random crop keeps; 1 switches cropping off."""
    colour: float = Field(ge=0, le=1)
    """Strength of random brightness, contrast and saturation; 0 switches it off."""


class TrainingConfig(StrictConfig):
    """One fit: the same fields serve the general network and the specialists."""

    head_epochs: int = Field(ge=0)
    """Epochs in which only the head learns."""
    epochs: int = Field(ge=0)
    """Epochs in which everything learns."""
    lr: float = Field(gt=0)
    """Peak learning rate of the backbone (AdamW, one cycle)."""
    head_lr: float = Field(gt=0)
    """Peak learning rate of the head."""
    weight_decay: float = Field(ge=0)
    """AdamW weight decay."""
    label_smoothing: float = Field(ge=0, lt=1)
    """Share of the target spread evenly over all leaves."""
    products_per_leaf: int | None = Field(ge=1)
    """At most so many products of a leaf in an epoch, drawn anew each epoch; null takes all."""
    subsets: float = Field(ge=0, le=1)
    """Share of the batches of products with several photos that show a random part of them."""

    @model_validator(mode="after")
    def _something_to_do(self) -> Self:
        if self.head_epochs + self.epochs == 0:
            raise ValueError("head_epochs and epochs are both 0: nothing would be learnt")
        return self


class InferenceConfig(StrictConfig):
    """How probabilities are computed."""

    flip: bool
    """Average with the mirrored photos (twice the time)."""
    coverage: float = Field(gt=0, le=1)
    """Saved probabilities keep the smallest k whose leaves hold this share of the held-out mass on average."""
    max_leaves: int = Field(ge=1)
    """Saved probabilities never keep more leaves than this, whatever the coverage."""


class MosaicConfig(StrictConfig):
    """The image branch."""

    backbone: BackboneConfig
    """The network."""
    photo_size: int = Field(ge=16, le=1024)
    """Side in pixels of each photo of the strip in prediction."""
    train_photo_size: int = Field(ge=16, le=1024)
    """The same in training; somewhat smaller is faster and, with random crops, not worse."""
    photos_per_batch: int = Field(ge=1)
    """Photos in a batch: a batch of strips of four holds a quarter as many products."""
    augmentation: AugmentationConfig
    """Applied in training only."""
    training: TrainingConfig
    """The general network, from the backbone's weights."""
    specialist: TrainingConfig
    """Fits that go on from another network: one image count's from the general one; the deployed one from the one
    that was measured."""
    min_products: int = Field(ge=1)
    """A count with fewer training products in a part than this gets no specialist: the general network serves it."""
    inference: InferenceConfig
    """Prediction."""
    workers: int | Literal["auto"]
    """Processes that decode and augment; auto is none on CPU, where the network is the slow part."""
    max_pixels: int = Field(ge=1)
    """A photo with more pixels is not decoded (decompression bombs)."""
    seed: int
    """Seed of everything random."""
