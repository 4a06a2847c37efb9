"""Configuration of the image branch; the defaults stand in `configs/mosaic.yaml`."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from catalog.runs.config import StrictConfig


class BackboneConfig(StrictConfig):
    """Which network looks at the mosaic."""

    name: str
    """Name of the network in timm, such as `tf_efficientnet_lite0` or `resnet50.tv_in1k`."""
    weights: str
    """`packaged` (ImageNet weights of tf_efficientnet_lite0, lite1 and lite2, which lie in installed packages), `timm`
    (timm's own, downloaded), `random`, or a local file (safetensors, or a state dict that torch reads with
    weights_only)."""
    dropout: float = Field(ge=0, lt=1)
    """Share of the features that is dropped before the linear head in training."""
    drop_path: float = Field(ge=0, lt=1)
    """Stochastic depth: chance that a residual block is passed over in training (networks that know it)."""


class AugmentationConfig(StrictConfig):
    """What is done to every photo before it is set into the mosaic; training only."""

    flip: bool
    """Mirror each photo with probability one half."""
    min_crop: float = Field(gt=0, le=1)
    """Smallest share of a photo's area that a random crop keeps; 1 switches cropping off."""
    rotation: float = Field(ge=0, le=180)
    """Largest random turn in degrees, either way."""
    colour: float = Field(ge=0, le=1)
    """Strength of random brightness, contrast and saturation; 0 switches it off."""
    tint: float = Field(ge=0, le=1)
    """Strength of a random factor on each of red, green and blue (the light of the shop); 0 switches it off."""
    # without it a network lost 6 points on groceries photographed elsewhere, shown without the blur of resampling
    sharpness: float = Field(ge=0, le=1)
    """Strength of a random factor on fine detail, from 1 - s (blurred) to 1 + 2 s (sharpened): cameras and the software
    that shrank the photos differ in it; 0 switches it off."""
    erasing: float = Field(ge=0, le=1)
    """Chance that a random rectangle of a photo (2 to 20 % of it) is filled with one random colour."""


class TrainingConfig(StrictConfig):
    """One fit. Both sections have the same keys: which of them is used depends on where a network starts from."""

    head_epochs: int = Field(ge=0)
    """Epochs in which only the head learns."""
    epochs: int = Field(ge=0)
    """Epochs in which everything learns."""
    lr: float = Field(gt=0)
    """Peak learning rate of the backbone (AdamW)."""
    head_lr: float = Field(gt=0)
    """Peak learning rate of the head."""
    layer_decay: float = Field(gt=0, le=1)
    """Learning rate of each of timm's layer groups as a share of the next one's; 1 gives all the same."""
    warmup: float = Field(ge=0, lt=1)
    """Share of the steps in which the learning rate rises; a half cosine to zero follows."""
    weight_decay: float = Field(ge=0)
    """AdamW weight decay; biases and normalisation layers are left out."""
    label_smoothing: float = Field(ge=0, lt=1)
    """Share of the target spread evenly over all leaves; the first remedy against wrong labels."""
    robustness: float = Field(ge=0, le=1)
    """q of the generalised cross-entropy (1 - p^q) / q: 0 is cross-entropy, 1 the mean absolute error, which wrong
    labels cannot pull far but which learns slowly."""
    mixup: float = Field(ge=0)
    """alpha of the Beta law by which two mosaics of a batch, and their labels, are mixed; 0 switches it off."""
    cutmix: float = Field(ge=0)
    """alpha of the Beta law by which a rectangle of each photo is taken from another mosaic of the batch; with mixup
    on, each batch draws one of the two."""
    ema: float = Field(ge=0, lt=1)
    """Decay per step of the moving average of the weights that is kept as the result; 0 keeps the last weights."""
    sampling: Literal["natural", "square_root"]
    """How often a leaf is drawn: as often as it has products, or as the square root of that."""
    products_per_leaf: int | None = Field(ge=1)
    """At most so many products of a leaf in an epoch (photos, for a network of one photo per pass), drawn anew each
    epoch; null takes all."""
    shelf_limits: dict[str, int]
    """`products_per_leaf` for the leaves below some nodes (Cat I, or `Cat I > Cat II`), where it is smaller: for those
    that a photo recognises at once, and whose leaves it cannot tell apart (books)."""
    logit_adjustment: float = Field(ge=0)
    """tau: the log of the leaf's training share times tau is added to its logit in the loss (Menon et al. 2021), so
    that rare leaves are not drowned; predictions are made without it."""
    class_weights: bool
    """Weigh each product by the inverse of its leaf's frequency. For comparison only: it collapses on long tails."""
    parent_loss: float = Field(ge=0)
    """Weight of the cross-entropy of the summed probabilities of Cat I, Cat II, ... beside that of the leaf."""
    subsets: float = Field(ge=0, le=1)
    """Share of the batches of products with several photos that show a random part of them."""
    borrow: bool
    """A count's own network also learns from products with more photos, of which a random part is shown."""
    reassembly: float = Field(ge=0, le=1)
    """Share of the photos of a mosaic that give way to the photo of the same rank of another product of the leaf."""
    accumulate: int = Field(ge=1)
    """Batches whose gradients are added up before a step."""
    patience: int | None = Field(ge=1)
    """Stop after so many epochs without a better validation loss, and keep the best weights; null trains to the end."""
    validation: float = Field(ge=0, lt=1)
    """Share of the training products set aside for that (never the held-out ones: those measure)."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.head_epochs + self.epochs == 0:
            raise ValueError("head_epochs and epochs are both 0: nothing would be learnt")
        if min(self.shelf_limits.values(), default=1) < 1:
            raise ValueError(f"shelf_limits {self.shelf_limits}: at least 1 product of a leaf is needed")
        if self.patience is not None and self.validation == 0:
            raise ValueError("patience needs products to judge by: set validation, e.g. 0.05")
        return self


class InferenceConfig(StrictConfig):
    """How probabilities are computed."""

    # 8 bits kept the likeliest leaf of 94 % of the photos only (bench/results/inference.txt of that version)
    retired: ClassVar = {"int8": False}

    flip: bool
    """Average with the mirrored photos (twice the time)."""
    average: Literal["arithmetic", "geometric"]
    """Which mean is taken over the photos of a product, where a network sees one photo per pass."""
    backend: Literal["auto", "torch", "openvino", "onnx"]
    """What runs the network; auto: torch on a GPU, OpenVINO on CPU."""
    coverage: float = Field(gt=0, le=1)
    """Saved probabilities keep the smallest k whose leaves hold this share of the held-out mass on average."""
    max_leaves: int = Field(ge=1)
    """Saved probabilities never keep more leaves than this, whatever the coverage."""


BEFORE_MATCHING = {
    "epochs": 1, "lr": 1e-4, "head_lr": 1e-3, "margin": 0.2, "scale": 30.0, "max_groups": 10_000, "memory": 8192,
    "classification": 1.0, "attributes": 0.0, "attributes_per_leaf": 1, "photos_per_leaf": 8, "alone": 0.0,
    "told_apart": 0.6, "distractors": 0,
}  # fmt: skip
"""Section of runs of former versions, which did not match: it changes nothing for them."""


class MatchingConfig(StrictConfig):
    """`mosaic train --objective match`: a network whose vectors of photos of one product are close to each other. What
    is not said here is as in `specialist`."""

    epochs: int = Field(ge=1)
    """Epochs of photos that share their group with another one, and of some that do not."""
    lr: float = Field(gt=0)
    """Peak learning rate of the backbone (AdamW)."""
    head_lr: float = Field(gt=0)
    """Peak learning rate of the head, and of the vectors that stand for groups and words."""
    margin: float = Field(ge=0, lt=1.5)
    """Angle in radians by which a photo must be closer to its own group than to any other (Deng et al. 2019)."""
    scale: float = Field(gt=0)
    """Factor on cosines before the softmax over groups."""
    max_groups: int = Field(ge=0)
    """Up to so many groups each has a vector of its own (ArcFace); with more of them photos are held against those of
    the last batches (Wang et al. 2020)."""
    memory: int = Field(ge=1)
    """Vectors of the last photos that are kept for that."""
    classification: float = Field(ge=0)
    """Weight of the loss of the leaf beside it, so that the vectors keep the tree."""
    attributes: float = Field(ge=0)
    """Weight of the loss of the words that titles of a leaf differ in; 0 looks at no title."""
    attributes_per_leaf: int = Field(ge=1)
    """Words and pairs of words of a leaf, at most."""
    photos_per_leaf: int = Field(ge=1)
    """Photos of one leaf that stand together in a batch: the hard cases of each other."""
    alone: float = Field(ge=0)
    """Photos without another one of their group that an epoch shows, as a share of the others."""
    told_apart: float = Field(ge=0, le=1)
    """How often the network to start from must find a photo closer to its own group than to another one of the leaf,
    0.5 being chance. In a leaf below it products are taken for one and the same: where the leaf is the product, groups
    are accidental. 0 trusts every group, 1 takes every leaf for one product."""
    distractors: int = Field(ge=0)
    """Photos of products that are not held out among which held-out products are searched for, at most."""


class MosaicConfig(StrictConfig):
    """The image branch."""

    # what a photo may cost is one setting of all rooms now: catalog.photos.limits
    retired: ClassVar = {"max_pixels": 50_000_000}
    # run folders of before there was a cache, or a choice of decoders, algorithms or methods, predict as they did
    added: ClassVar = {
        "method": "fine-tune", "photo_cache_gib": 0, "decode": "cpu", "deterministic": False,
        "matching": BEFORE_MATCHING,
    }  # fmt: skip

    method: Literal["fine-tune", "linear", "auto"]
    """How networks that start from the backbone's weights learn. fine-tune: the whole network. linear: only the head, a
    regularised logistic regression on what the backbone sees of the mosaics of prediction, in a minute for a small
    catalogue; best at the photo_size at which the backbone has learnt, 224 for Lite0, 260 for Lite2. auto: both, and
    the one that is better on products that neither has learnt from."""
    backbone: BackboneConfig
    """The network."""
    second_backbone: str | None
    """A second architecture that looks at one photo per pass, by its name in timm; its weights are taken as
    `backbone.weights` says. `mosaic train` without --n-images and --rank trains it after the others, and fusion pools
    it with them."""
    layout: Literal["strip", "grid"]
    """Photos in one row, or in two rows of two from the third photo on (an empty place is white)."""
    source_size: int = Field(ge=16, le=1024)
    """Side in pixels that a photo is brought to in training before random crops are taken from it."""
    train_photo_size: int = Field(ge=16, le=1024)
    """Side in pixels of each photo of the mosaic in training."""
    # networks trained at 160 px lost up to 8 points of leaf accuracy at 180 px
    photo_size: int = Field(ge=16, le=1024)
    """Side in pixels of each photo in prediction. Networks are best at the size that they were trained at."""
    photos_per_batch: int = Field(ge=1)
    """Photos in a batch (of each device): a batch of mosaics of four holds a quarter as many products."""
    augmentation: AugmentationConfig
    """Applied in training only."""
    training: TrainingConfig
    """Fits that start from the backbone's weights: the general network."""
    specialist: TrainingConfig
    """Fits that go on from a trained network: each image count's specialist starts from the general network, and the
    general network that is deployed, which learns from all products, from the one that was measured without the
    held-out ones."""
    matching: MatchingConfig
    """Learning to match photos."""
    min_products: int = Field(ge=1)
    """An image count with fewer training products than this gets no specialist: the general network serves it."""
    inference: InferenceConfig
    """Prediction."""
    workers: int | Literal["auto"]
    """Processes that decode photos in training; auto: none on a CPU, where the network is the slow part."""
    photo_cache_gib: float = Field(ge=0)
    """Most room, in GiB, for small pictures of large photos in the workspace (`cache/photos`), so that an epoch need
    not decode them again; at 180 px, 4 GiB hold 44,000. 0 keeps none, and removes those that lie there."""
    compile: bool
    """Compile the network with torch.compile before training (minutes at the start, faster steps on a GPU)."""
    decode: Literal["cpu", "gpu"]
    """What decodes JPEGs in training and prediction; gpu: the GPU's own decoder (nvJPEG) those that are baseline, less
    than four times as large as they are shown, and in training exactly of `source_size`; the CPU all others. Not yet
    measured. Training needs a GPU for it; prediction without one says so and decodes on the CPU."""
    deterministic: bool
    """Compute each step in a way that gives the same to the last bit each time (slower; for a GPU: a CPU does it
    anyway), so that a resumed training ends with the same weights. Operations that have no such way are refused."""
    checkpoint_minutes: float = Field(gt=0)
    """How often a running fit is saved for `--resume`; it is also saved after every epoch."""
    seed: int = Field(ge=0)
    """Seed of everything random."""
